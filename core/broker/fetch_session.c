#include "core/broker/fetch_session.h"

/* ---- partitions of a session ---- */

struct isr_fetch_wait *isr_fetch_wait_find(const struct isr_fetch_session *session,
                                           const struct isr_partition *partition)
{
    struct isr_fetch_wait *wait = partition->fetch_waits; /* one for each replica and consumer */
    while (wait != NULL && wait->session != session)
        wait = wait->next;
    return wait;
}

static void hot_append(struct isr_fetch_wait *wait)
{
    struct isr_fetch_session *session = wait->session;
    wait->hot = true;
    wait->hot_next = NULL;
    wait->hot_previous = session->hot_last;
    *(session->hot_last != NULL ? &session->hot_last->hot_next : &session->hot_first) = wait;
    session->hot_last = wait;
    session->hot_count++;
}

void isr_fetch_wait_cool(struct isr_fetch_wait *wait)
{
    struct isr_fetch_session *session = wait->session;
    *(wait->hot_previous != NULL ? &wait->hot_previous->hot_next : &session->hot_first) = wait->hot_next;
    *(wait->hot_next != NULL ? &wait->hot_next->hot_previous : &session->hot_last) = wait->hot_previous;
    session->hot_count--;
    wait->hot = false;
}

/* A cold replica was at the leader's end with each request of its session so far: the last of them counts as
 * its fetch. Not when the leader began a new epoch since, or heard of it otherwise. */
static void settle_caught_up(const struct isr_fetch_wait *wait)
{
    const struct isr_fetch_session *session = wait->session;
    if (session->replica_id < 0)
        return;
    struct isr_remote_replica *remote = isr_partition_remote(wait->partition, session->replica_id);
    if (remote == NULL || remote->log_end != wait->asked.fetch_offset ||
        remote->last_fetch_ns >= session->used_ns ||
        wait->asked.current_leader_epoch != wait->partition->leader_epoch)
        return;
    remote->last_fetch_ns = session->used_ns;
    if (remote->last_caught_up_ns < session->used_ns)
        remote->last_caught_up_ns = session->used_ns;
}

void isr_fetch_wait_warm(struct isr_fetch_wait *wait)
{
    if (wait->hot)
        return;
    settle_caught_up(wait);
    hot_append(wait);
}

struct isr_fetch_wait *isr_fetch_wait_add(struct isr_fetch_session *session, struct isr_partition *partition)
{
    struct isr_broker *broker = session->broker;
    struct isr_fetch_wait *wait = broker->fetch_waits_free;
    if (wait == NULL)
        wait = isr_heap_allocate(broker->env->heap, sizeof *wait);
    else
        broker->fetch_waits_free = wait->next;
    *wait = (struct isr_fetch_wait){.session = session,
                                    .partition = partition,
                                    .next = partition->fetch_waits,
                                    .all_next = session->all,
                                    .high_watermark_told = ISR_OFFSET_NONE,
                                    .log_start_told = ISR_OFFSET_NONE};
    if (wait->next != NULL)
        wait->next->previous = wait;
    partition->fetch_waits = wait;
    if (wait->all_next != NULL)
        wait->all_next->all_previous = wait;
    session->all = wait;
    hot_append(wait);
    return wait;
}

void isr_fetch_wait_drop(struct isr_fetch_wait *wait)
{
    struct isr_broker *broker = wait->session->broker;
    if (wait->hot)
        isr_fetch_wait_cool(wait);
    *(wait->previous != NULL ? &wait->previous->next : &wait->partition->fetch_waits) = wait->next;
    if (wait->next != NULL)
        wait->next->previous = wait->previous;
    *(wait->all_previous != NULL ? &wait->all_previous->all_next : &wait->session->all) = wait->all_next;
    if (wait->all_next != NULL)
        wait->all_next->all_previous = wait->all_previous;
    wait->next = broker->fetch_waits_free;
    broker->fetch_waits_free = wait;
}

/* ---- sessions ---- */

struct isr_fetch_session *isr_fetch_session_of(const struct isr_broker *broker, int32_t from)
{
    return from >= 1 && from <= ISR_NODE_MAX ? broker->fetch_sessions[from] : NULL;
}

struct isr_fetch_session *isr_fetch_session_to_evict(const struct isr_broker *broker, bool replica)
{
    const struct isr_env *env = broker->env;
    struct isr_fetch_session *idle = NULL, *consumer = NULL;
    if (broker->fetch_sessions_count < env->config.fetch_session_slots)
        return NULL;
    for (int32_t node = 1; node <= ISR_NODE_MAX; node++) {
        struct isr_fetch_session *session = broker->fetch_sessions[node];
        if (session == NULL)
            continue;
        if (idle == NULL || session->used_ns < idle->used_ns)
            idle = session;
        if (session->replica_id < 0 && (consumer == NULL || session->used_ns < consumer->used_ns))
            consumer = session;
    }
    if (idle != NULL && env->now_ns - idle->used_ns > env->config.fetch_session_eviction)
        return idle;
    return replica ? consumer : NULL;
}

static bool may_have_an_id(const struct isr_broker *broker, int32_t from,
                           const struct isr_fetch_request *request)
{
    return request->session_epoch == 0 && from >= 1 && from <= ISR_NODE_MAX &&
           broker->fetch_sessions_count < broker->env->config.fetch_session_slots;
}

static uint32_t fresh_id(struct isr_broker *broker)
{
    uint32_t id = (uint32_t)isr_random_draw(&broker->env->random, ISR_RANDOM_SESSION);
    return id != 0 ? id : 1;
}

struct isr_fetch_session *isr_fetch_session_new(struct isr_broker *broker, int32_t from,
                                                const struct isr_fetch_request *request,
                                                void (*finish)(void *session))
{
    struct isr_fetch_session *session = broker->fetch_sessions_free;
    if (session == NULL)
        session = isr_heap_allocate(broker->env->heap, sizeof *session);
    else
        broker->fetch_sessions_free = session->next;
    *session = (struct isr_fetch_session){.broker = broker,
                                          .from = from,
                                          .replica_id = request->replica_id,
                                          .replica_epoch = request->replica_epoch};
    isr_timer_init(&session->timer, finish, session);
    if (may_have_an_id(broker, from, request)) {
        ISR_ASSERT(broker->fetch_sessions[from] == NULL);
        session->id = fresh_id(broker);
        broker->fetch_sessions[from] = session;
        broker->fetch_sessions_count++;
    }
    return session;
}

void isr_fetch_session_end(struct isr_fetch_session *session)
{
    struct isr_broker *broker = session->broker;
    isr_timer_cancel(&broker->env->timers, &session->timer);
    while (session->all != NULL)
        isr_fetch_wait_drop(session->all);
    if (session->id != 0) {
        broker->fetch_sessions[session->from] = NULL;
        broker->fetch_sessions_count--;
    }
    session->next = broker->fetch_sessions_free;
    broker->fetch_sessions_free = session;
}

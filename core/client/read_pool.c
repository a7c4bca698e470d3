/* Reads of a partition's newest committed record, from a pool of replicas: many clients want throughput and
 * can bear an answer that is a little old, but not one of a replica that fell behind (after Goblin's in-sync
 * read pool).
 *
 * The modes: LEADER reads from the leader; ROUND_ROBIN from the followers in turn, however far behind;
 * IN_SYNC from one follower of the list, and stays with it (affinity) while it is there.
 *
 *   list:  NONE --first read--> REFRESHING --answer--> KNOWN --pool_refresh_time--> REFRESHING
 *          REFRESHING --refused or no answer--> what it was, and asked again after a pause
 *          KNOWN --pool_lease_time since it was refreshed--> EXPIRED: the leader is read from
 *
 * A follower is on the list when the leader told that its log ends less than pool_min_gap records before the
 * leader's. One that does not answer, or refuses, is marked down: left out for pool_down_time.
 *
 * What is promised of an answer of IN_SYNC (checked as I10): it sees everything that was committed when the
 * list was refreshed, but for pool_min_gap records. A follower that was in sync then may tell less now, since
 * it restarted and knows only an old high watermark: it is marked down as well, and another one asked. How
 * much was committed since the list was refreshed is not bounded: that is what refresh and lease are for.
 *
 * A read:  WAITING (for a leader, or a pause) --chosen--> ASKED --good answer--> replied
 *                     ^---------- marked down, or refused ------'
 *          any --delivery_timeout--> replied REQUEST_TIMED_OUT */
#include "core/client/client.h"

enum { DOWN_MAX = ISR_REPLICAS_MAX };

struct isr_pool_read {
    struct isr_pool_read *next; /* in the order of their commands */
    struct isr_read_pool *pool;
    uint64_t id;
    int64_t deadline_ns;
    uint32_t correlation; /* 0: waits */
    int32_t asked;
    bool by_list;           /* the follower asked is of the list */
    uint32_t list;          /* the newest when who is asked was chosen: by it, or past it */
    int64_t floor;          /* the least high watermark that an answer may tell */
    int64_t age_ns;         /* of the list, when the follower was chosen */
    struct isr_timer timer; /* the end of a pause, or of patience */
};

struct isr_read_pool {
    struct isr_client *client;
    struct isr_name topic;
    uint16_t partition;
    enum isr_pool_mode mode;
    struct isr_tp tp; /* topic 0: not known yet */
    /* the list */
    bool known;
    struct isr_replicas members;
    int64_t refreshed_ns;   /* when the question was asked whose answer it is */
    int64_t asked_ns;       /* the one under way */
    int64_t high_watermark; /* as the leader told then */
    uint32_t list;          /* counts the refreshes of this topic */
    uint32_t correlation;   /* 0: no refresh under way */
    struct isr_timer refresh_timer;
    /* who is down, until when */
    struct {
        int32_t node;
        int64_t until_ns;
    } down[DOWN_MAX];
    int32_t affinity; /* whom it stays with; ISR_NODE_NONE */
    uint32_t turn;    /* ROUND_ROBIN */
    struct isr_pool_read *reads;
};

static void read_go_on(struct isr_pool_read *read);
static void read_pause(struct isr_pool_read *read);
static void refresh(struct isr_read_pool *pool);

/* ---- who is down ---- */

static bool is_down(const struct isr_read_pool *pool, int32_t node)
{
    for (int i = 0; i < DOWN_MAX; i++) {
        if (pool->down[i].node == node && pool->client->env->now_ns < pool->down[i].until_ns)
            return true;
    }
    return false;
}

/* In the place of one that is down no more; replicas are no more than places. */
static void mark_down(struct isr_read_pool *pool, int32_t node, enum isr_error error)
{
    struct isr_env *env = pool->client->env;
    int place = 0;
    if (is_down(pool, node))
        return; /* other reads were under way there */
    for (int i = 0; i < DOWN_MAX; i++) {
        if (pool->down[i].node == node || pool->down[i].until_ns <= env->now_ns)
            place = i;
    }
    pool->down[place].node = node;
    pool->down[place].until_ns = env->now_ns + env->config.pool_down_time;
    if (pool->affinity == node)
        pool->affinity = ISR_NODE_NONE;
    env->metrics.pool_marked_down++;
    struct isr_observation *seen = isr_observe(env, ISR_OBSERVED_POOL_MARKED_DOWN);
    seen->pool_marked_down.tp = isr_tp_key(pool->tp);
    seen->pool_marked_down.replica = node;
    seen->pool_marked_down.error = error;
}

/* ---- the list ---- */

static void refresh_after(struct isr_read_pool *pool, int64_t delay_ns)
{
    isr_env_timer_in(pool->client->env, &pool->refresh_timer, delay_ns);
}

static void list_told(struct isr_read_pool *pool, const struct isr_replica_offsets_response *told)
{
    struct isr_env *env = pool->client->env;
    pool->known = true;
    pool->refreshed_ns = pool->asked_ns;
    pool->high_watermark = told->high_watermark;
    pool->members = (struct isr_replicas){0};
    for (uint32_t i = 0; i < told->replicas_count && pool->members.count < ISR_REPLICAS_MAX; i++) {
        const struct isr_replica_offset *offset = &told->replicas[i];
        bool valid = offset->replica >= 1 && offset->replica <= ISR_NODE_MAX && offset->log_end >= 0;
        if (valid && told->log_end - offset->log_end < env->config.pool_min_gap)
            isr_replicas_add(&pool->members, offset->replica);
    }
    if (!isr_replicas_contain(&pool->members, pool->affinity))
        pool->affinity = ISR_NODE_NONE;
    pool->list++;
    env->metrics.pool_refreshes++;
    struct isr_observation *seen = isr_observe(env, ISR_OBSERVED_POOL_REFRESHED);
    seen->pool_refreshed.tp = isr_tp_key(pool->tp);
    seen->pool_refreshed.leader = told->leader;
    seen->pool_refreshed.leader_epoch = told->leader_epoch;
    seen->pool_refreshed.high_watermark = told->high_watermark;
    seen->pool_refreshed.list = pool->list;
    seen->pool_refreshed.members = (int64_t)isr_replicas_pack(&pool->members);
}

static void go_on_all(struct isr_read_pool *pool)
{
    for (struct isr_pool_read *read = pool->reads, *next; read != NULL; read = next) {
        next = read->next;
        if (read->correlation == 0)
            read_go_on(read);
    }
}

static void refresh_answered(void *object, uint32_t correlation, const struct isr_message *answer)
{
    struct isr_read_pool *pool = object;
    struct isr_client *client = pool->client;
    ISR_ASSERT(correlation == pool->correlation);
    pool->correlation = 0;
    const struct isr_replica_offsets_response *told =
        answer != NULL ? &answer->replica_offsets_response : NULL;
    if (told != NULL && told->error == ISR_ERROR_NONE && told->high_watermark >= 0 &&
        told->log_end >= told->high_watermark) {
        list_told(pool, told);
        refresh_after(pool, client->env->config.pool_refresh_time);
        go_on_all(pool);
        return;
    }
    client->env->metrics.client_retries++;
    if (told == NULL || !isr_client_learn_leader(client, pool->tp, told->leader, told->leader_epoch))
        isr_client_refresh(client);
    refresh_after(pool, isr_client_backoff(client));
}

/* The topic is another one of that name: the list and what is asked of the former one are void. */
static void begin_anew(struct isr_read_pool *pool)
{
    struct isr_client_requests *requests = &pool->client->requests;
    isr_client_requests_forget(requests, pool->correlation);
    pool->correlation = 0;
    pool->known = false;
    pool->list = 0;
    pool->affinity = ISR_NODE_NONE;
    for (struct isr_pool_read *read = pool->reads; read != NULL; read = read->next) {
        if (read->correlation == 0)
            continue;
        isr_client_requests_forget(requests, read->correlation);
        read->correlation = 0;
        read_pause(read);
    }
}

/* NULL: not known, and metadata is on the way. */
static const struct isr_cached_partition *leader_of(struct isr_read_pool *pool)
{
    struct isr_tp before = pool->tp;
    const struct isr_cached_partition *known =
        isr_client_leader_of(pool->client, pool->topic.text, pool->partition, &pool->tp);
    if (before.topic != 0 && before.topic != pool->tp.topic)
        begin_anew(pool);
    return known;
}

static void refresh(struct isr_read_pool *pool)
{
    struct isr_client *client = pool->client;
    if (pool->correlation != 0 || pool->mode != ISR_POOL_IN_SYNC)
        return;
    const struct isr_cached_partition *known = leader_of(pool);
    if (known == NULL) {
        refresh_after(pool, isr_client_backoff(client));
        return;
    }
    isr_timer_cancel(&client->env->timers, &pool->refresh_timer);
    pool->asked_ns = client->env->now_ns;
    pool->correlation = isr_client_requests_add(&client->requests, known->leader,
                                                ISR_MESSAGE_REPLICA_OFFSETS_RESPONSE, refresh_answered, pool);
    struct isr_message message = {.kind = ISR_MESSAGE_REPLICA_OFFSETS_REQUEST,
                                  .replica_offsets_request = {.correlation = pool->correlation,
                                                              .tp = pool->tp,
                                                              .current_leader_epoch = known->leader_epoch}};
    isr_send(client->env, known->leader, &message);
}

static void refresh_timer_fired(void *object)
{
    refresh(object);
}

/* ---- whom to read from ---- */

static bool lease_holds(const struct isr_read_pool *pool)
{
    const struct isr_env *env = pool->client->env;
    return pool->known && env->now_ns - pool->refreshed_ns <= env->config.pool_lease_time;
}

/* Those of the set that are not down. */
static struct isr_replicas those_up(const struct isr_read_pool *pool, const struct isr_replicas *set)
{
    struct isr_replicas up = {0};
    for (unsigned i = 0; i < set->count; i++) {
        if (!is_down(pool, set->ids[i]))
            isr_replicas_add(&up, set->ids[i]);
    }
    return up;
}

/* One of the list, the same as before while it is there; clients spread by their ids. */
static int32_t choose_in_sync(struct isr_read_pool *pool)
{
    struct isr_replicas up = those_up(pool, &pool->members);
    if (!lease_holds(pool) || up.count == 0)
        return ISR_NODE_NONE;
    if (!isr_replicas_contain(&up, pool->affinity))
        pool->affinity = up.ids[(uint32_t)pool->client->env->node % up.count];
    return pool->affinity;
}

static int32_t choose_in_turn(struct isr_read_pool *pool, const struct isr_cached_partition *known)
{
    struct isr_replicas followers = known->replicas;
    isr_replicas_remove(&followers, known->leader);
    struct isr_replicas up = those_up(pool, &followers);
    return up.count == 0 ? ISR_NODE_NONE : up.ids[pool->turn++ % up.count];
}

/* The leader where no follower will do. */
static int32_t choose(struct isr_pool_read *read, const struct isr_cached_partition *known)
{
    struct isr_read_pool *pool = read->pool;
    int32_t node = ISR_NODE_NONE;
    read->by_list = false;
    read->list = pool->list;
    if (pool->mode == ISR_POOL_ROUND_ROBIN)
        node = choose_in_turn(pool, known);
    if (pool->mode == ISR_POOL_IN_SYNC)
        node = choose_in_sync(pool);
    if (node == ISR_NODE_NONE)
        return known->leader;
    if (pool->mode == ISR_POOL_IN_SYNC) {
        const struct isr_env *env = pool->client->env;
        read->by_list = true;
        read->floor = pool->high_watermark - env->config.pool_min_gap;
        read->age_ns = env->now_ns - pool->refreshed_ns;
    }
    return node;
}

/* ---- a read ---- */

static void read_reply(struct isr_pool_read *read, enum isr_error error, int64_t offset)
{
    struct isr_read_pool *pool = read->pool;
    struct isr_env *env = pool->client->env;
    isr_client_requests_forget(&pool->client->requests, read->correlation);
    isr_timer_cancel(&env->timers, &read->timer);
    struct isr_pool_read **link = &pool->reads;
    while (*link != read)
        link = &(*link)->next;
    *link = read->next;
    isr_env_reply(env, read->id, error, pool->tp, offset);
    isr_heap_release(env->heap, read);
}

static void read_pause(struct isr_pool_read *read)
{
    struct isr_client *client = read->pool->client;
    int64_t again_ns = client->env->now_ns + isr_client_backoff(client);
    isr_timer_set(&client->env->timers, &read->timer,
                  again_ns < read->deadline_ns ? again_ns : read->deadline_ns);
}

/* The place where the rule `pool_floor` lives: who was in sync at the last refresh may since have restarted
 * and forgotten how far the high watermark was. */
static bool is_too_old(const struct isr_pool_read *read, int64_t high_watermark)
{
    return read->by_list && high_watermark < read->floor &&
           read->pool->client->env->rules.pool_floor == ISR_RULE_pool_floor_on;
}

static void read_done(struct isr_pool_read *read, const struct isr_read_response *told)
{
    struct isr_env *env = read->pool->client->env;
    struct isr_observation *seen = isr_observe(env, ISR_OBSERVED_POOL_READ);
    seen->pool_read.tp = isr_tp_key(read->pool->tp);
    seen->pool_read.replica = read->asked;
    seen->pool_read.high_watermark = told->high_watermark;
    seen->pool_read.by_list = read->by_list;
    seen->pool_read.list = read->list;
    seen->pool_read.age = read->by_list ? read->age_ns : 0;
    env->metrics.pool_reads++;
    read_reply(read, ISR_ERROR_NONE, told->high_watermark);
}

static void read_answered(void *object, uint32_t correlation, const struct isr_message *answer)
{
    struct isr_pool_read *read = object;
    struct isr_read_pool *pool = read->pool;
    struct isr_client *client = pool->client;
    ISR_ASSERT(correlation == read->correlation);
    read->correlation = 0;
    const struct isr_read_response *told = answer != NULL ? &answer->read_response : NULL;
    enum isr_error error = told == NULL ? ISR_ERROR_REQUEST_TIMED_OUT : (enum isr_error)told->error;
    if (error == ISR_ERROR_NONE && !is_too_old(read, told->high_watermark)) {
        read_done(read, told);
        return;
    }
    client->env->metrics.client_retries++;
    const struct isr_cached_partition *known = isr_cache_partition(&client->cache, pool->tp);
    bool leader = known != NULL && known->leader == read->asked;
    if (!leader) {
        mark_down(pool, read->asked, error == ISR_ERROR_NONE ? ISR_ERROR_OFFSET_NOT_AVAILABLE : error);
        read_go_on(read); /* another one, at once */
        return;
    }
    if (told == NULL || !isr_client_learn_leader(client, pool->tp, told->leader, told->leader_epoch))
        isr_client_refresh(client);
    read_pause(read);
}

static void read_go_on(struct isr_pool_read *read)
{
    struct isr_read_pool *pool = read->pool;
    struct isr_client *client = pool->client;
    if (client->env->now_ns >= read->deadline_ns) {
        read_reply(read, ISR_ERROR_REQUEST_TIMED_OUT, ISR_OFFSET_NONE);
        return;
    }
    const struct isr_cached_partition *known = leader_of(pool);
    if (pool->mode == ISR_POOL_IN_SYNC && !pool->known) {
        refresh(pool); /* its answer, or the pause, goes on */
        read_pause(read);
        return;
    }
    if (known == NULL) {
        read_pause(read);
        return;
    }
    read->asked = choose(read, known);
    isr_timer_set(&client->env->timers, &read->timer, read->deadline_ns);
    read->correlation = isr_client_requests_add(&client->requests, read->asked, ISR_MESSAGE_READ_RESPONSE,
                                                read_answered, read);
    struct isr_message message = {.kind = ISR_MESSAGE_READ_REQUEST,
                                  .read_request = {.correlation = read->correlation, .tp = pool->tp}};
    isr_send(client->env, read->asked, &message);
}

static void read_timer_fired(void *object)
{
    struct isr_pool_read *read = object;
    if (read->pool->client->env->now_ns >= read->deadline_ns)
        read_reply(read, ISR_ERROR_REQUEST_TIMED_OUT, ISR_OFFSET_NONE);
    else if (read->correlation == 0)
        read_go_on(read);
}

/* ---- commands ---- */

static struct isr_read_pool *pool_of(struct isr_client *client, const struct isr_command *command)
{
    for (uint32_t i = 0; i < client->pools_count; i++) {
        struct isr_read_pool *pool = client->pools[i];
        if (pool->partition == command->partition && pool->mode == command->pool_mode &&
            strcmp(pool->topic.text, command->topic) == 0)
            return pool;
    }
    struct isr_read_pool *pool = isr_heap_allocate(client->env->heap, sizeof *pool);
    pool->client = client;
    memcpy(pool->topic.text, command->topic, strlen(command->topic));
    pool->partition = command->partition;
    pool->mode = command->pool_mode;
    pool->affinity = ISR_NODE_NONE;
    isr_timer_init(&pool->refresh_timer, refresh_timer_fired, pool);
    client->pools = ISR_GROW(client->env->heap, client->pools, client->pools_count, client->pools_capacity);
    client->pools[client->pools_count++] = pool;
    return pool;
}

void isr_read_pool_command(struct isr_client *client, const struct isr_command *command)
{
    struct isr_read_pool *pool = pool_of(client, command);
    struct isr_pool_read *read = isr_heap_allocate(client->env->heap, sizeof *read);
    read->pool = pool;
    read->id = command->id;
    read->deadline_ns = client->env->now_ns + client->env->config.delivery_timeout;
    isr_timer_init(&read->timer, read_timer_fired, read);
    struct isr_pool_read **link = &pool->reads;
    while (*link != NULL)
        link = &(*link)->next;
    *link = read;
    read_go_on(read);
}

void isr_read_pool_metadata_came(struct isr_client *client)
{
    for (uint32_t i = 0; i < client->pools_count; i++) {
        struct isr_read_pool *pool = client->pools[i];
        if (!pool->known)
            refresh(pool);
        else
            go_on_all(pool);
    }
}

uint64_t isr_read_pool_digest(const struct isr_client *client, uint64_t hash)
{
    for (uint32_t i = 0; i < client->pools_count; i++) {
        const struct isr_read_pool *pool = client->pools[i];
        hash = isr_hash_tp(hash, pool->tp);
        hash = isr_hash_combine(hash, isr_replicas_pack(&pool->members));
        hash = isr_hash_combine(hash, (uint64_t)pool->high_watermark);
        hash = isr_hash_combine(hash, (uint64_t)pool->affinity);
        hash = isr_hash_combine(hash, pool->turn);
    }
    return hash;
}

/* DeleteRecords (KIP-107) in a group: as on brokers (core/broker/delete_records.c), where the live members
 * take the place of the live replicas.
 *
 *   arrived --refused, or every live member's log starts there already--> answered
 *   arrived --otherwise, the leader's log start moved--> waiting
 *   waiting --the low watermark reached the offset--> answered
 *   waiting --time over, no longer leader--> answered with the error
 *
 * Followers are told where the leader's log starts with its records, and follow as far as they know it to be
 * committed; with their positions they tell where theirs starts. Who is silent follows when it is back. */
#include "core/peer/internal.h"

enum { TIMEOUT_SECONDS_MAX = 600, TO_HIGH_WATERMARK = -1 };

struct isr_peer_deletion {
    struct isr_peer_deletion *next;
    struct isr_peer *peer;
    int32_t client;
    uint32_t correlation;
    int64_t offset;
    struct isr_timer timer;
};

static void answer(struct isr_peer *peer, int32_t client, uint32_t correlation, enum isr_error error,
                   int64_t low_watermark)
{
    struct isr_message message = {.kind = ISR_MESSAGE_DELETE_RECORDS_RESPONSE,
                                  .delete_records_response = {.correlation = correlation,
                                                              .tp = peer->partition.tp,
                                                              .error = (uint8_t)error,
                                                              .low_watermark = low_watermark,
                                                              .leader = (int16_t)peer->partition.leader,
                                                              .leader_epoch = peer->partition.leader_epoch}};
    isr_send(peer->env, client, &message);
}

static int64_t low_watermark(const struct isr_peer *peer)
{
    int64_t low = peer->partition.log->log_start;
    for (uint32_t i = 0; i < peer->nodes_count; i++) {
        const struct isr_peer_node *node = &peer->nodes[i];
        if (isr_replicas_contain(&peer->state.members, node->node) && !node->silent && node->log_start < low)
            low = node->log_start;
    }
    return low;
}

static void finish(struct isr_peer_deletion *deletion, enum isr_error error, int64_t low)
{
    struct isr_peer *peer = deletion->peer;
    struct isr_peer_deletion **link = &peer->deletions;
    while (*link != deletion)
        link = &(*link)->next;
    *link = deletion->next;
    isr_timer_cancel(&peer->env->timers, &deletion->timer);
    answer(peer, deletion->client, deletion->correlation, error, low);
    isr_heap_release(peer->env->heap, deletion);
}

static void on_timeout(void *object)
{
    struct isr_peer_deletion *deletion = object;
    finish(deletion, ISR_ERROR_REQUEST_TIMED_OUT, low_watermark(deletion->peer));
}

/* The log may not move all the way at once (isr_log_advance_start), and the high watermark of a leader that
 * follows another may have gone back since it was asked. */
static bool move(struct isr_peer *peer, int64_t offset, enum isr_cause cause)
{
    struct isr_log *log = peer->partition.log;
    int64_t before = log->log_start;
    if (offset > log->high_watermark)
        offset = log->high_watermark;
    return offset > before && isr_log_advance_start(log, offset, cause) > before;
}

void peer_deletions_look(struct isr_peer *peer)
{
    int64_t wanted = 0;
    for (const struct isr_peer_deletion *at = peer->deletions; at != NULL; at = at->next)
        wanted = at->offset > wanted ? at->offset : wanted;
    if (wanted == 0)
        return;
    if (move(peer, wanted, ISR_CAUSE_DELETE_RECORDS))
        peer_start_moved(peer);
    int64_t low = low_watermark(peer);
    for (struct isr_peer_deletion *at = peer->deletions; at != NULL;) {
        struct isr_peer_deletion *next = at->next;
        if (at->offset <= low)
            finish(at, ISR_ERROR_NONE, low);
        at = next;
    }
}

void peer_deletions_fail(struct isr_peer *peer)
{
    while (peer->deletions != NULL)
        finish(peer->deletions, ISR_ERROR_NOT_LEADER_OR_FOLLOWER, ISR_OFFSET_NONE);
}

bool peer_start_follow(struct isr_peer *peer)
{
    return peer->matched && move(peer, peer->leader_log_start, ISR_CAUSE_LEADER_TOLD);
}

static enum isr_error refusal(const struct isr_peer *peer, const struct isr_delete_records_request *request)
{
    if (!isr_tp_equal(request->tp, peer->partition.tp))
        return ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
    enum isr_error error = isr_partition_check_epoch(&peer->partition, request->current_leader_epoch);
    if (error != ISR_ERROR_NONE)
        return error;
    if (!peer_leads(peer))
        return ISR_ERROR_NOT_LEADER_OR_FOLLOWER;
    if (request->offset < TO_HIGH_WATERMARK || request->offset > peer->partition.log->high_watermark)
        return ISR_ERROR_OFFSET_OUT_OF_RANGE;
    return ISR_ERROR_NONE;
}

static void wait(struct isr_peer *peer, int32_t client, const struct isr_delete_records_request *request,
                 int64_t offset)
{
    int64_t timeout_ns = request->timeout_ns < 0 ? 0 : request->timeout_ns;
    if (timeout_ns > TIMEOUT_SECONDS_MAX * ISR_SECOND)
        timeout_ns = TIMEOUT_SECONDS_MAX * ISR_SECOND;
    struct isr_peer_deletion *deletion = isr_heap_allocate(peer->env->heap, sizeof *deletion);
    *deletion = (struct isr_peer_deletion){.next = peer->deletions,
                                           .peer = peer,
                                           .client = client,
                                           .correlation = request->correlation,
                                           .offset = offset};
    peer->deletions = deletion;
    isr_timer_init(&deletion->timer, on_timeout, deletion);
    isr_env_timer_in(peer->env, &deletion->timer, timeout_ns);
    peer_deletions_look(peer);
}

void peer_delete_records_request(struct isr_peer *peer, int32_t from,
                                 const struct isr_delete_records_request *request)
{
    enum isr_error error = refusal(peer, request);
    int64_t offset =
        request->offset == TO_HIGH_WATERMARK ? peer->partition.log->high_watermark : request->offset;
    if (error != ISR_ERROR_NONE)
        answer(peer, from, request->correlation, error, ISR_OFFSET_NONE);
    else if (offset == 0)
        answer(peer, from, request->correlation, ISR_ERROR_NONE, peer->partition.log->log_start);
    else
        wait(peer, from, request, offset);
}

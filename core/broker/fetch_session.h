/* Fetch sessions, the side of the broker that answers (KIP-227). Internal to core/broker.
 *
 * A session remembers what a peer asked for, so that its next request lists only what changed since, and the
 * answer only what there is to say. One session a peer, at most fetch_session_slots of them; who gets none
 * lists everything each time.
 *
 *   (none) --request of epoch 0: everything is listed, room--> OPEN, next epoch 1
 *   OPEN --request of the next epoch--> OPEN, epoch + 1
 *   OPEN --request of epoch 0 or -1, eviction, the process ends--> (none)
 *   a request of another session, peer or broker epoch: FETCH_SESSION_ID_NOT_FOUND
 *   a request of another epoch: INVALID_FETCH_SESSION_EPOCH; the peer begins anew with epoch 0
 *   the very request that was handled last, again: dropped, its answer is on the way
 *
 * Each partition of a session is HOT or COLD. Only hot ones are looked at when a request comes, so that idle
 * partitions cost nothing:
 *
 *   COLD --listed, its log or high watermark moved, its role changed--> HOT, behind all others
 *   HOT --answered, nothing more to give or to commit, the replica in the ISR--> COLD
 *   HOT --records given--> HOT, behind all others: none starves behind fetch_max_bytes (KIP-74)
 *
 * Invariants: a cold one of a replica is at the leader's end, as it was when it went cold: each request of
 * the session since says once more that the replica is caught up (isr_fetch_wait_warm makes up for it). A
 * partition that is refused, diverges or is to be read elsewhere leaves the session; who still wants it lists
 * it again. A session without an id lives for one request. */
#ifndef ISR_BROKER_FETCH_SESSION_H
#define ISR_BROKER_FETCH_SESSION_H

#include "core/broker/broker.h"

/* What a follower is measured against: the leader's end and the time, both from when its fetch was looked at.
 */
struct isr_fetch_reading {
    int64_t leader_end;
    int64_t time_ns;
};

/* One partition of a session. */
struct isr_fetch_wait {
    struct isr_fetch_wait *next, *previous;         /* in the partition's list; next also links free ones */
    struct isr_fetch_wait *hot_next, *hot_previous; /* in the session's */
    struct isr_fetch_wait *all_next, *all_previous;
    struct isr_fetch_session *session;
    struct isr_partition *partition;
    struct isr_fetch_partition asked;
    int64_t available_bytes;                     /* as counted into the session's sum */
    int64_t high_watermark_told, log_start_told; /* ISR_OFFSET_NONE: nothing was told */
    struct isr_fetch_reading reading;            /* while the session stands at the yield point fetch_read */
    bool hot;
};

struct isr_fetch_session {
    struct isr_fetch_session *next; /* in the free list, or among those about to be answered */
    struct isr_broker *broker;
    uint32_t id;   /* 0: of one request */
    int32_t epoch; /* that the next request must have */
    int32_t from;
    int16_t replica_id;
    int64_t replica_epoch;
    int64_t used_ns; /* when its last request came */
    struct isr_fetch_wait *all;
    struct isr_fetch_wait *hot_first, *hot_last;
    uint32_t hot_count;
    /* the last request */
    uint32_t correlation;
    uint32_t min_bytes, max_bytes;
    int64_t max_wait_ns;
    int64_t available_bytes;
    bool incremental; /* what did not change is left out of the answer */
    bool waiting;     /* for min_bytes, with the timer set */
    bool reading;     /* stands at the yield point fetch_read, with the timer set */
    bool ready;       /* is among those about to be answered */
    struct isr_timer timer;
};

/* A session for this request, with an id if there may be one. finish: called when the timer fires. */
struct isr_fetch_session *isr_fetch_session_new(struct isr_broker *broker, int32_t from,
                                                const struct isr_fetch_request *request,
                                                void (*finish)(void *session));
/* Forgets all of it and gives the memory back. */
void isr_fetch_session_end(struct isr_fetch_session *session);
/* The peer's session with an id, NULL when it has none. */
struct isr_fetch_session *isr_fetch_session_of(const struct isr_broker *broker, int32_t from);
/* Whose turn it is to make room: idle for fetch_session_eviction, or a consumer's when a follower asks. NULL:
 * there is room, or nobody yields. */
struct isr_fetch_session *isr_fetch_session_to_evict(const struct isr_broker *broker, bool replica);

struct isr_fetch_wait *isr_fetch_wait_find(const struct isr_fetch_session *session,
                                           const struct isr_partition *partition);
struct isr_fetch_wait *isr_fetch_wait_add(struct isr_fetch_session *session, struct isr_partition *partition);
void isr_fetch_wait_drop(struct isr_fetch_wait *wait);
/* To be looked at. */
void isr_fetch_wait_warm(struct isr_fetch_wait *wait);
void isr_fetch_wait_cool(struct isr_fetch_wait *wait);

#endif

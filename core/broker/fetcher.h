/* Following: one fetch loop for each leader node, one fetch state for each partition followed. Internal to
 * core/broker.
 *
 * A partition's fetch state:
 *
 *   (start) --log has epochs, truncation_by_query--> QUERY --answer applied--> FETCH
 *   (start) --otherwise-----------------------------------------------------> FETCH
 *   FETCH --in range, but the log was dropped whole--> STATE
 *   FETCH --OFFSET_OUT_OF_RANGE--> LATEST --leader's log ends before ours: cut--> FETCH
 *                                  LATEST --else--> STATE --restart there, or go on--> FETCH
 *   FETCH --diverges, yield point--> TRUNCATE --cut--> FETCH
 *   any --error--> FETCH or QUERY again after a pause that doubles
 *
 * A new leader epoch begins at (start) again, whoever leads (partition.c). */
#ifndef ISR_BROKER_FETCHER_H
#define ISR_BROKER_FETCHER_H

#include "core/broker/broker.h"
#include "core/wire/fetch_session.h"

enum isr_fetch_state {
    ISR_FETCH_QUERY,    /* asks where its last epoch ends at the leader */
    ISR_FETCH_FETCH,    /* fetches at its log end */
    ISR_FETCH_LATEST,   /* out of range: asks where the leader's log ends */
    ISR_FETCH_STATE,    /* out of range: asks where the leader's log starts, and for its state as of there */
    ISR_FETCH_TRUNCATE, /* stands at the yield point fetch_truncate: asks nothing */
};

struct isr_fetcher {
    struct isr_fetch_loop *loop; /* NULL: there is no leader */
    uint32_t place;              /* in the loop's members */
    struct isr_partition *due_next, *due_previous;
    bool due; /* there may be something to send about it */
    enum isr_fetch_state state;
    bool listed; /* the leader was told of it, as below, and answers about it (FETCH) */
    /* QUERY, LATEST, STATE: the request under way that this partition is part of; 0: none */
    uint32_t sent_correlation;
    uint32_t answered_correlation; /* FETCH: whose answer was the last about it */
    int32_t sent_epoch;            /* leader epoch it was sent in */
    int64_t sent_offset;           /* FETCH: log end it was sent with */
    int32_t sent_last_epoch;       /* FETCH, QUERY: last epoch it was sent with */
    int64_t sent_log_start;        /* FETCH */
    int64_t sent_deadline_ns;      /* LATEST, STATE */
    int64_t leader_high_watermark; /* as its last answer told */
    uint32_t pushed_correlation;   /* transfer push: the last request that was looked at, 0 none */
    bool push_unheld;              /* it is not answered yet: what it brought is not held */
    bool push_missed;              /* one was missed meanwhile */
    bool writing;                  /* appended records are not held yet: no fetch may acknowledge them */
    uint32_t failures;
    int64_t not_before_ns;
    struct isr_timer start_yield; /* follower_start: it is not in a loop yet */
};

/* All partitions that this broker follows from one leader. */
struct isr_fetch_loop {
    struct isr_broker *broker;
    int32_t leader;
    struct isr_partition **members;
    uint32_t members_count, members_capacity;
    uint32_t first; /* where the next full request begins: rotates, so that none starves behind
                       fetch_max_bytes; in a session the leader sees to that */
    struct isr_partition *due_first, *due_last; /* members that are due, the others are not looked at */
    struct isr_fetch_handle session;
    uint32_t listed;                           /* members that are */
    struct isr_forgotten_partition *forgotten; /* the leader still answers about them */
    uint32_t forgotten_count, forgotten_capacity;
    uint32_t writing;           /* members whose appended records are not held yet */
    uint32_t fetch_correlation; /* under way; 0: none */
    uint32_t query_correlation;
    uint32_t failures;
    int64_t not_before_ns;
    struct isr_timer timer; /* looks for what can be sent */
    struct isr_timer fetch_timeout;
    struct isr_timer query_timeout;
};

/* ---- fetcher.c ---- */

/* Begins to follow partition->leader in partition->leader_epoch; without a leader nothing is fetched. */
void isr_fetcher_start(struct isr_partition *partition);
void isr_fetcher_stop(struct isr_partition *partition);
/* The leader epoch moved under the leader that is followed already, and nothing begins anew. */
void isr_fetcher_epoch_moved(struct isr_partition *partition);
/* The start of the log moved: the leader is told with the next fetch. */
void isr_fetcher_start_moved(struct isr_partition *partition);
/* No answer comes from that leader any more. */
void isr_fetcher_disconnected(struct isr_broker *broker, int32_t leader);
/* The log is held further. */
void isr_fetcher_held(struct isr_partition *partition);
void isr_fetcher_fetch_response(struct isr_broker *broker, int32_t from,
                                const struct isr_fetch_response *response);
void isr_fetcher_epoch_response(struct isr_broker *broker, int32_t from,
                                const struct isr_offsets_for_epoch_response *response);
void isr_fetcher_list_offsets_response(struct isr_broker *broker, int32_t from,
                                       const struct isr_list_offsets_response *response);
void isr_fetcher_log_state_response(struct isr_broker *broker, int32_t from,
                                    const struct isr_log_state_response *response);

/* What a leader says of a partition that is in FETCH, for a log that ends where this one does: the one place
 * for it, fetched or pushed. */
void isr_fetcher_apply(struct isr_partition *partition, const struct isr_fetch_answer *answer);

/* The state of the partition changed from outside: something may have to be sent. */
void isr_fetcher_look(struct isr_partition *partition);

/* ---- truncation.c ---- */

/* The place where the rule `trunc` lives: followers cut to their own high watermark and look for no
 * divergence. */
bool isr_truncation_by_high_watermark(const struct isr_env *env);
/* At the start of a leader epoch, in either role: records of an epoch above it, which no controller has given
 * yet, are damage (the epoch of a batch lies outside its checksum). They could not be compared with anybody's
 * history. */
void isr_truncation_drop_unborn_epochs(struct isr_partition *partition);
/* Before a follower fetches in a new epoch. The state to begin in. */
enum isr_fetch_state isr_truncation_begin(struct isr_partition *partition);
/* The epoch to send along with a fetch; -1: no divergence check. */
int32_t isr_truncation_fetched_epoch(const struct isr_partition *partition);
/* The leader's history leaves ours: its largest epoch at or below our last one is leader_epoch and ends at
 * leader_end (KIP-101, 279). Cuts as far as this answer tells. AGAIN: another answer is needed, as the
 * leader's epoch is unknown here. REFUSED: the answer makes no sense. */
enum isr_truncation { ISR_TRUNCATION_DONE, ISR_TRUNCATION_AGAIN, ISR_TRUNCATION_REFUSED };
enum isr_truncation isr_truncation_apply(struct isr_partition *partition, int32_t leader_epoch,
                                         int64_t leader_end, enum isr_cause cause);
/* The same for the answer to a query, which may say that the leader knows no such epoch. */
enum isr_truncation isr_truncation_answered(struct isr_partition *partition,
                                            const struct isr_epoch_answer *answer);
/* Out of range: the leader's log end. The next state. */
enum isr_fetch_state isr_truncation_latest(struct isr_partition *partition, int64_t leader_end);
/* Out of range: where the leader's log starts, and what it told of producers before. False: the answer makes
 * no sense, or the log is in range after all. */
bool isr_truncation_restart(struct isr_partition *partition, const struct isr_log_state *leaders);

#endif

/* The state that the checks share. Each check is in a file of its own and is told of what concerns it by
 * sim/checks/checks.c; what it needs of others is here. */
#ifndef SIM_CHECKS_STATE_H
#define SIM_CHECKS_STATE_H

#include "core/base/assert.h"
#include "core/base/observation.h"
#include "core/base/text.h"
#include "core/policy/settings.h"
#include "sim/checks/checks.h"
#include "sim/checks/history.h"
#include "sim/checks/ledger.h"
#include "sim/checks/peers.h"
#include "sim/checks/raft.h"

/* From start on a replica's log holds what was written in this epoch, until the next span. */
struct check_span {
    int32_t epoch;
    int64_t start;
};

/* A replica as the checks follow it. */
struct check_replica {
    int32_t node;
    int64_t log_end;        /* as last observed */
    int64_t log_end_before; /* at the end of its lives before, since it last grew in one */
    bool grown;             /* it was appended to in this life, so that a leader heard it */
    int64_t start_max;      /* the highest start of its log so far */
    int64_t high_watermark; /* as last observed */
    int64_t matched;        /* its log agrees with what is committed up to here (I2, I3) */
    int64_t told;           /* the highest high watermark that it had, as far as its log was not cut since */
    int64_t inherited;   /* the same of the leaders that gave it batches which they had compacted by that */
    int64_t cleaned_end; /* compaction removed records of it up to here */
    bool producers_lost; /* it was cut below that: of who wrote before the cut it may know nothing */
    bool compaction_undecided; /* it lacks what only a record superseded that may not be committed: to be
                                  judged again */
    int32_t leader_epoch;      /* the last it began to lead or follow in, in this life */
    uint32_t life;             /* the life of its process in which it was last heard of */
    uint64_t betrayals;        /* of its disk, up to its last recovery */
    uint64_t bounded_step;     /* the step after which I8 was held */
    struct check_span *spans;  /* of its log, as last observed */
    uint32_t spans_count, spans_capacity;
    int32_t last_epoch; /* of the last span; ISR_EPOCH_NONE: there is none */
};

/* A producer in the committed log (I7). */
struct check_producer {
    int64_t id;
    int64_t last_offset;
    uint64_t last_value;
    int32_t last_sequence;
    int16_t epoch;
    bool unlearnt;  /* records of it may have been passed over */
    bool forgotten; /* some replica knows it no more: it was idle for too long */
};

/* What a leader told when a read pool was refreshed. */
struct check_told {
    int64_t high_watermark;
    int32_t leader_epoch;
    bool has_members;
};

/* A client's read pool. */
struct check_pool {
    int32_t client;
    struct check_told *told; /* by refresh: 1, 2, ... in this life */
    uint32_t told_count, told_capacity;
};

/* An id that a client was given to produce with (I7). */
struct check_producer_id {
    int64_t id;
    int32_t client;
};

/* What is known of a key: by the committed log, by a replica's, or by what a client read (I12). */
struct check_key {
    uint64_t key;
    int64_t offset;       /* of its last record */
    int64_t timestamp_ns; /* of the batch; of what was read: when that was */
    struct check_record *record;
    bool used, tombstone;
};
struct check_keys {
    struct check_key *items; /* open addressing */
    uint32_t count, capacity;
};

/* A consumer of a topic whose records have keys. */
struct check_reader {
    int32_t client;
    bool lost; /* it passed over records */
    int64_t begin, position;
    struct check_keys keys;
};

struct check_partition {
    struct isr_tp tp;
    bool described; /* topic_name, min_isr and unclean are known */
    struct isr_name topic_name;
    int32_t min_isr; /* effective: at most the replication factor */
    int32_t replication_factor;
    struct isr_topic_settings settings;
    int32_t copies; /* how many replicas hold a record when it is committed (core/policy/commit.h) */
    struct isr_replicas assigned; /* those that it has, or gets */
    int32_t group;                /* of peers: how many it began with; 0: brokers */
    int32_t promise;    /* at how many that lost it its loss becomes allowed; 0: nothing is promised */
    bool removed;       /* its topic was: nothing is judged any more */
    bool unclean;       /* the topic allows unclean elections */
    int64_t start_max;  /* the highest start of a log so far, of what is committed */
    int64_t start_ever; /* the same, in whichever history */
    struct check_history history;
    struct check_ledger ledger;
    /* as committed by the controllers, of the highest partition epoch that was observed */
    struct sim_partition_view committed;
    bool committed_known;
    struct isr_replicas last_known; /* the last known leader, as committed */
    /* leadership */
    int32_t epoch_max;    /* the highest leader epoch that was decided or began */
    int32_t epoch_judged; /* the highest leader epoch whose leader was held against the committed log */
    int32_t judged_leader;
    int64_t
        late_offset; /* the first offset that a leader appended late (view.late_ns); ISR_OFFSET_NONE: none */
    struct check_replica *replicas;
    uint32_t replicas_count, replicas_capacity;
    struct check_pool *pools;
    uint32_t pools_count, pools_capacity;
    struct check_producer *producers;
    uint32_t producers_count, producers_capacity;
    bool keyed;        /* records with keys were appended */
    bool brought_back; /* a disk broke its word: what compaction had removed may be there again, and nothing
                          that superseded it */
    bool keys_unknown; /* some were committed and deleted unseen: what the last one of a key is, is not known
                        */
    struct check_keys keys; /* as committed */
    struct check_reader *readers;
    uint32_t readers_count, readers_capacity;
};

struct check_topic {
    struct check_partition **partitions; /* by index; NULL while unseen */
    uint32_t count;
};

struct check_node {
    uint32_t life; /* grows at each start; 1 is the first */
    bool up;
    bool clean; /* its last life ended cleanly */
};

/* What an administrator asked for (wishes.c). */
struct check_wish {
    struct isr_name topic;
    uint16_t index;
    uint16_t topic_max; /* it is for topics of that name up to this id */
    bool unclean;       /* for an unclean election; else for the deletion of what lies below the offset */
    uint64_t command;   /* by which he asked */
    int64_t offset;
};

/* The digest of the metadata's state after an entry (I9). */
struct check_digest {
    uint64_t digest;
    int32_t node; /* who applied it first; 0: nobody */
};

struct sim_checks {
    struct isr_heap *heap;
    struct sim_view view;
    uint32_t armed;
    uint64_t step;              /* grows: observations of the same are of one step */
    struct check_topic *topics; /* by topic id */
    uint32_t topics_count;
    uint16_t topic_max; /* the highest id of a topic so far */
    struct check_wish *wishes;
    uint32_t wishes_count, wishes_capacity;
    struct check_node *nodes;     /* by node id */
    struct check_digest *digests; /* by metadata index */
    uint32_t digests_count;
    struct check_raft *raft;
    struct check_producer_id *producer_ids; /* by id */
    uint32_t producer_ids_count, producer_ids_capacity;
    struct check_peers *peers;
    uint64_t evaluated[SIM_INVARIANTS];
    char *violations[SIM_INVARIANTS];
    uint64_t records_committed, records_acked, losses_forbidden;
    uint64_t losses_allowed[ISR_COMMIT_POLICIES];
    struct {
        uint64_t reads, stale, leased, most_behind;
        uint64_t passed_over; /* answers of a leader although the list had a member */
        bool marked_down;     /* a follower did not serve, so that perhaps none ever did */
    } pool;
    struct sim_record_view *records; /* room for those of one batch */
    uint32_t records_capacity;
    int64_t skew_least_ns, skew_most_ns; /* of the nodes' wall clocks against the world's, as far as seen */
    uint32_t skews;                      /* 0: none was looked at */
    uint64_t records_compacted, tombstones_removed;
    bool deleted;    /* some log's start moved */
    bool elected;    /* some partition had a leader */
    bool idempotent; /* some committed batch had a producer id */
    bool ended;
    /* The disk of a voter lost what it had called durable; of a peer: and it voted anew. The voter may vote
     * twice, or lack what is committed, and nobody can tell: nothing that rests on the quorum is promised any
     * more, and all of it does. */
    bool quorum_void;
    uint64_t waived; /* what did not hold since */
    char vacuous[512];
    char unavailable[512]; /* why the first of these partitions could not be written to at the end */
    uint32_t partitions_unavailable, probes_excused;
};

/* ---- shared services (state.c) ---- */

static inline void check_count(struct sim_checks *checks, enum sim_invariant invariant)
{
    checks->evaluated[invariant]++;
}
static inline bool check_armed(const struct sim_checks *checks, enum sim_invariant invariant)
{
    return (checks->armed >> invariant) & 1;
}
/* No Raft log gets there in a run; who says so believed a damaged number. */
#define CHECK_INDEX_MAX (INT64_C(1) << 24)
/* The invariant does not hold. The first sentence of each is kept; nothing happens when it is not armed. The
 * format is isr_text_format's. */
void check_fail(struct sim_checks *checks, enum sim_invariant invariant, const char *format, ...);

/* One more observation of the present step. Whoever begins another one counts it in checks->step. */
void check_observed(struct sim_checks *checks, int32_t node, const struct isr_observation *observation);

/* The partition, made at first sight and described as soon as it can be. */
struct check_partition *check_partition_meet(struct sim_checks *checks, struct isr_tp tp);
static inline struct check_partition *check_partition_of(struct sim_checks *checks, int64_t tp_key)
{
    struct isr_tp tp = {.topic = (uint16_t)(tp_key >> 16), .index = (uint16_t)tp_key};
    if (tp.topic < checks->topics_count && tp.index < checks->topics[tp.topic].count) {
        struct check_partition *partition = checks->topics[tp.topic].partitions[tp.index];
        if (partition != NULL && partition->described)
            return partition;
    }
    return check_partition_meet(checks, tp);
}
/* The replica, made at first sight. Valid until another one is. */
struct check_replica *check_replica_meet(struct sim_checks *checks, struct check_partition *partition,
                                         int32_t node);
static inline struct check_replica *check_replica_of(struct sim_checks *checks,
                                                     struct check_partition *partition, int32_t node)
{
    for (uint32_t i = 0; i < partition->replicas_count; i++) {
        if (partition->replicas[i].node == node)
            return &partition->replicas[i];
    }
    return check_replica_meet(checks, partition, node);
}
/* Its log goes on at base with what was written in this epoch; it ends at an offset; it held the record of
 * that epoch when it was last observed. */
void check_replica_appended(struct sim_checks *checks, struct check_replica *replica, int32_t epoch,
                            int64_t base, int64_t end);
void check_replica_ends(struct check_replica *replica, int64_t end);
/* The epoch of what its log has at an offset below its end; ISR_EPOCH_NONE: not known. */
int32_t check_replica_epoch_at(const struct check_replica *replica, int64_t offset);
bool check_replica_holds(const struct check_replica *replica, int32_t epoch, const struct check_entry *entry);
/* Did the replica's disk break its word since its last recovery? */
bool check_betrayed(const struct sim_checks *checks, const struct check_partition *partition,
                    const struct check_replica *replica);
/* The batch that holds the offset in a node's log, without what is in it. False when there is none. */
static inline bool check_batch_at(const struct sim_checks *checks, const struct check_partition *partition,
                                  int32_t node, int64_t offset, struct sim_batch_view *batch)
{
    return checks->view.batches(checks->view.object, node, partition->tp, offset, offset + 1, batch, 1) > 0;
}
/* Is the entry what is committed at its offsets? Where nothing was ever cut all that was committed is. */
static inline bool check_is_committed(const struct check_partition *partition,
                                      const struct check_entry *entry)
{
    int32_t epoch;
    if ((entry->flags & CHECK_COMMITTED) == 0)
        return false;
    return !partition->history.was_cut ||
           check_history_committed(&partition->history, entry->base, &epoch) == entry;
}
/* The topic's settings or the partition's replicas may have changed. */
void check_contract_changed(struct sim_checks *checks, struct check_partition *partition);
/* Iterates over all partitions seen that are there still, in order: start with NULL; NULL at the end. */
struct check_partition *check_partition_next(const struct sim_checks *checks,
                                             const struct check_partition *after);

/* An array of zeroed elements by an id that grew: room for `count` of them. */
void *check_widen(struct isr_heap *heap, void *array, size_t element_bytes, uint32_t old_count,
                  uint32_t new_count);

/* Words for sentences. A label lives until the end of the expression that asked for it. */
struct check_label {
    char text[96];
};
struct check_label check_node_label(const struct sim_checks *checks, int32_t node); /* "n2" */
struct check_label check_partition_label(const struct check_partition *partition);  /* "orders-0" */
struct check_label check_time_label(int64_t time_ns);                               /* "4.210s" */
struct check_label check_set_label(const struct isr_replicas *set);                 /* "[1, 2]" */

/* ---- the checks; each is told of what concerns it ---- */

/* I1 high_watermark.c */
void check_high_watermark_advanced(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                                   const struct isr_observation *observation);
/* Every running member of the controller's ISR and ELR, or only that one, holds what was committed. */
enum { CHECK_EVERY_NODE = 0 };
void check_members_hold(struct sim_checks *checks, struct check_partition *partition, int32_t only);

/* I2 log_matching.c */
void check_appended(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                    const struct isr_observation *observation);
/* The content of a replica's whole log is what its checksums say: what was compared by checksum was compared.
 */
void check_content(struct sim_checks *checks, struct check_partition *partition, int32_t node);
/* Compares a replica's log with the committed one from where it is known to match up to limit. Where they
 * part, or limit. */
int64_t check_match(struct sim_checks *checks, struct check_partition *partition,
                    struct check_replica *replica, int64_t limit);
/* The same, where they must not part: below both high watermarks. leader_epoch: in which the replica is, or
 * was when its high watermark moved (it may have learnt of later ones in the same step). */
void check_logs_match(struct sim_checks *checks, struct check_partition *partition,
                      struct check_replica *replica, int32_t leader_epoch);

/* commit.c: a leader's high watermark moved in its own valid term; I7 and the strays learn of it */
void check_commit(struct sim_checks *checks, struct check_partition *partition, int32_t leader, int64_t to);

/* I3 acknowledged.c */
/* A batch was committed: strays at its offsets are it, or lost. */
void check_strays_committed(struct sim_checks *checks, struct check_partition *partition, int32_t leader,
                            int32_t epoch, const struct check_entry *entry);
void check_answered(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                    const struct isr_observation *observation);
void check_began_to_lead(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                         int32_t epoch);
void check_leader_holds(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                        int32_t epoch);
void check_client_acked(struct sim_checks *checks, struct check_partition *partition, int32_t client,
                        int64_t offset, uint64_t first_value);

/* I10 staleness.c */
void check_pool_refreshed(struct sim_checks *checks, struct check_partition *partition, int32_t client,
                          const struct isr_observation *observation);
void check_pool_read(struct sim_checks *checks, struct check_partition *partition, int32_t client,
                     const struct isr_observation *observation);
/* The topic is gone by an administrator's wish: what was acknowledged is an allowed loss. */
void check_topic_removed(struct sim_checks *checks, struct check_partition *partition);

/* I4 reads.c */
void check_read(struct sim_checks *checks, struct check_partition *partition, int32_t consumer,
                const struct isr_observation *observation);
void check_latest_told(struct sim_checks *checks, struct check_partition *partition, int32_t leader,
                       const struct isr_observation *observation);

/* I5 leadership.c */
/* A controller applied a change; true when it was the first to. */
bool check_leader_decided(struct sim_checks *checks, struct check_partition *partition, int32_t controller,
                          const struct isr_observation *observation);
void check_role_taken(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                      int32_t epoch, bool leads);

/* I6 isr.c */
void check_isr(struct sim_checks *checks, struct check_partition *partition, int32_t controller);
void check_isr_of_broker(struct sim_checks *checks, int32_t controller, int32_t broker);

/* I7 producers.c */
void check_producer_committed(struct sim_checks *checks, struct check_partition *partition,
                              const struct sim_batch_view *batch);
/* A client was given an id to produce with. */
void check_producer_id_taken(struct sim_checks *checks, int32_t client, int64_t id);
/* A replica forgot a producer. */
void check_producer_expired(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                            const struct isr_observation *observation);
/* What is committed was cut: learns anew from the log of the leader. */
/* What comes next of any producer is learnt, whatever came before: records in between may be unknown. */
void check_producers_unlearn(struct check_partition *partition);
void check_producers_cut(struct sim_checks *checks, struct check_partition *partition, int32_t leader);

/* I8 bounds.c */
void check_bounds(struct sim_checks *checks, const struct check_partition *partition,
                  struct check_replica *replica, bool whole_cache);

/* I9 metadata.c */
void check_metadata_applied(struct sim_checks *checks, int32_t node, int64_t index, uint64_t digest);

/* I11 deletion.c */
void check_start_moved(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                       const struct isr_observation *observation);
/* A restart found, or a bootstrap made, a log that starts somewhere. */
void check_start_found(struct sim_checks *checks, struct check_partition *partition, int32_t node);
/* A leader began in the latest epoch: others start where it does. */
void check_start_of_leader(struct sim_checks *checks, struct check_partition *partition, int32_t node);

/* wishes.c */
/* May an administrator's wish be the reason for an unclean election of the partition's leader? */
bool check_wish_unclean(const struct sim_checks *checks, const struct check_partition *partition);
/* The highest offset that one wanted to be the start of the partition's logs. */
int64_t check_wish_deleted(const struct sim_checks *checks, const struct check_partition *partition);

/* I12 compaction.c */
/* Room for the records of a batch, valid until it is asked for again. */
struct sim_record_view *check_records_room(struct sim_checks *checks, uint32_t count);
/* A leader appended a new batch; its records are remembered when they have keys. */
void check_keys_appended(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                         struct check_entry *entry);
void check_keys_committed(struct sim_checks *checks, struct check_partition *partition,
                          struct check_entry *entry);
/* What is committed was cut. */
void check_keys_cut(struct sim_checks *checks, struct check_partition *partition);
/* What is left of a batch in a replica's log from an offset on. */
struct check_left {
    int64_t from, to;
    struct sim_record_view *kept;
    uint32_t count;
};
/* Fills left, to be dropped, and the contents of batch; false when compaction did not rewrite it. */
bool check_compacted(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                     int64_t offset, struct sim_batch_view *batch, struct check_left *left);
void check_left_drop(struct sim_checks *checks, struct check_left *left);
/* Up to where such a batch in the log, which holds the offset, agrees with what is committed. */
int64_t check_match_compacted(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                              int64_t offset, struct sim_batch_view *batch);
/* What compaction left of the entry in a replica's log is enough. */
bool check_compacted_holds(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                           int32_t epoch, const struct check_entry *entry);
void check_compacted_appended(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                              const struct isr_observation *observation);
void check_log_cleaned(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                       const struct isr_observation *observation);
/* Of no key a replica ends with another record than the committed log. */
void check_replica_ends_with(struct sim_checks *checks, struct check_partition *partition, int32_t node);
/* A client read a batch with keys. */
void check_keyed_read(struct sim_checks *checks, struct check_partition *partition, int32_t client,
                      const struct isr_batch *batch);
void check_readers_end(struct sim_checks *checks, struct check_partition *partition);

/* L1 liveness.c */
/* A leader appended at the offset. */
void check_late(struct sim_checks *checks, struct check_partition *partition, int64_t offset);
void check_liveness(struct sim_checks *checks);
/* A leader was refused another ISR. */
void check_isr_refused(struct sim_checks *checks, const struct check_partition *partition, int32_t leader,
                       enum isr_error error);

/* vacuity.c: NULL when something was proven */
const char *check_vacuity(struct sim_checks *checks);

#endif

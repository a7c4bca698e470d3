/* Under which promise a record was acknowledged, and what happened since: is its loss forbidden or allowed?
 *
 * The contract of a record of a topic whose commit policy and leader choice promise m (isr_commit_promise;
 * under all_isr with an election from the ISR that is min ISR, as Kafka gives it with KIP-966). m = 0 is no
 * promise: every loss is allowed.
 *   acks=0, acks=1          none, until its offset is committed
 *   acks=all, or committed  every later leader has it, unless since then
 *     - an unclean election was held that the topic's own configuration or an administrator allowed, or
 *     - at least m of the partition's replicas lost the record from their disks, by losing power or by damage
 * that the disk did to the log by itself (sim/damages.def). They held it, and it is known what they came back
 * with: an election asks nobody who has not come back. Or
 *     - at least m of them ended without a clean shutdown, so that no eligible replica was left, and the last
 * known leader was brought back The last two excuse nothing where a record counts only when it is on the disk
 * (log_flush_messages) and the disk kept its word: then the last known leader, too, has all that it held.
 * Where one replica lost the record by damage, and all others are no longer eligible, that one may be the
 * last known leader. Since then: since the leader appended it, for a follower may lose it while its last
 * fetch is still on the way to the leader. A replica that came back into the ISR holds all that is committed
 * again, and its ending counts no more; where replicas are asked for their logs, and the ISR elects nobody,
 * it is enough that it holds the record again. What the leader of an epoch had when it began, or wrote since,
 * it may not lack as long as it leads, whatever is promised. A rule switch never changes a contract: what a
 * wrong rule loses was promised all the same.
 *
 * What a topic's unclean_recovery changes (KIP-966): none and balanced take the excuse of the last known
 * leader away. Under both a record is gone when m replicas lost it from their disks, or an administrator said
 * so, but not because they ended uncleanly: none elects nobody by itself, and balanced finds the replica that
 * still has the record. aggressive is an unclean election that the topic allows.
 *
 * Where an administrator changes min ISR or the number of replicas, m changes: a record is held to the least
 * m since its leader, knowing it, appended it. Lowering it weakens what was promised before; raising it
 * promises more of later records only. With the topic every promise ends. */
#ifndef SIM_CHECKS_LEDGER_H
#define SIM_CHECKS_LEDGER_H

#include <stdbool.h>

#include "core/base/heap.h"
#include "core/base/types.h"
#include "sim/checks/history.h"

/* A process that holds a replica ended without a clean shutdown. */
struct check_ending {
    int32_t node;
    bool lossy;
    bool harmless;     /* what it held was synced, and the disk kept its word */
    bool recovered;    /* it is known what it lost */
    int64_t lost_from; /* [lost_from, lost_to) is lost; lossy endings only */
    int64_t lost_to;
    struct check_span *lost; /* what it held there: spans that begin in or before the range */
    uint32_t lost_count;
    bool restored; /* it was in the ISR again, with everything below restored_to */
    int64_t restored_to;
};

/* Acknowledged or read, but not committed by a leader in its own valid term: a deposed leader that does not
 * know yet. */
struct check_stray {
    int32_t epoch;
    int64_t base;
};

/* What was promised from a change of the topic's settings or of the replicas on. */
struct check_promise {
    int32_t partition_epoch; /* of that change: a leader that has not seen it goes on by the one before */
    int32_t promise;
    int32_t copies; /* how many replicas hold a record when it is committed (core/policy/commit.h) */
};

/* What an allowed loss took: records from this offset on with an epoch below that one, unless a later leader
 * had and committed them. */
struct check_forgiven {
    int64_t offset;
    int32_t epoch;
};

/* From this epoch on what is committed goes on in another history, which parts from those of earlier epochs
 * at this offset or above. */
struct check_fork {
    int64_t offset;
    int32_t epoch;
};

struct check_ledger {
    struct check_promise *promises; /* in order; the first is of the partition's creation */
    uint32_t promises_count, promises_capacity;
    struct check_ending *endings;
    uint32_t endings_count, endings_capacity;
    struct check_stray *strays;
    uint32_t strays_count, strays_capacity;
    int32_t unclean_epoch; /* the leader epoch of the last unclean election, ISR_EPOCH_NONE: there was none */
    bool unclean_allowed;  /* it was */
    int32_t allowed_epoch; /* of the last one that was allowed */
    int32_t last_known_epoch; /* the leader epoch in which the last known leader was brought back */
    int32_t lossy_since;      /* the first leader epoch, of those not judged yet, that may lose records */
    struct check_fork *forks; /* by offset, and by epoch */
    uint32_t forks_count, forks_capacity;
    struct check_forgiven *forgiven; /* by offset, and by epoch: of two losses none covers the other */
    uint32_t forgiven_count, forgiven_capacity;
};

struct sim_checks;
struct check_partition;
struct check_span;

/* The promise as the settings and the replicas have it from now on. */
void check_ledger_promise(struct sim_checks *checks, struct check_partition *partition,
                          struct check_promise promise);
/* The place of the promise that a leader goes by which knows of this partition epoch. */
uint32_t check_ledger_promise_known(const struct check_ledger *ledger, int32_t partition_epoch);
/* How many replicas must hold what such a leader commits: the least since. */
int32_t check_ledger_copies(const struct check_partition *partition, int32_t partition_epoch);
/* A replica's process ended uncleanly. log_end: as last observed. */
void check_ledger_ended(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                        int64_t log_end, bool lossy);
/* It came back with this log end. */
void check_ledger_recovered(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                            int64_t log_end);
/* This replica's durable copy of [from, to) is gone, for whatever reason: counts as if a loss of power had
 * taken it. */
void check_ledger_lost(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                       int64_t from, int64_t to);
/* It is in the ISR, runs, and holds everything below the offset. */
void check_ledger_restored(struct check_partition *partition, int32_t node, int64_t offset);
/* How many replicas lost the record from their disks by losing power and did not get it back since. */
int32_t check_ledger_replicas_lost(const struct check_partition *partition, int32_t record_epoch,
                                   const struct check_entry *entry);
/* May this record of that leader epoch be missing in the log of the leader of leader_epoch? */
bool check_ledger_excuses(const struct check_partition *partition, int32_t record_epoch,
                          const struct check_entry *entry, int32_t leader_epoch);
/* Did it end uncleanly, and was not in the ISR since? Then it leaves ISR and ELR when it registers again. */
bool check_ledger_unclean(const struct check_partition *partition, int32_t node);
/* The same of a record that was never committed by a leader in its own valid term: a later election that
 * began a history of its own goes for good before what a deposed leader still promised. */
bool check_ledger_overrules(const struct check_partition *partition, int32_t record_epoch,
                            const struct check_entry *entry);
/* The floor of an epoch: what counted as committed in it goes on to be held below this offset. From there on
 * a later election, which was allowed to lose records, may have begun another history, and who is still in
 * that epoch does not know of it; INT64_MAX: none did. 0 while it is not known what such an election has
 * lost. */
int64_t check_ledger_floor(const struct check_partition *partition, int32_t epoch);
/* The leader of an epoch, who may lack what is committed, was judged: what is left is committed up to the
 * true high watermark. cut: something is lost. To be told before the epoch counts as judged. */
void check_ledger_judged(struct sim_checks *checks, struct check_partition *partition, int32_t epoch,
                         bool cut);
/* An election was decided whose leader need not hold what is committed; it is judged when that leader begins.
 */
bool check_ledger_in_doubt(const struct check_partition *partition);
bool check_ledger_forgiven(const struct check_partition *partition, int32_t record_epoch, int64_t offset);
void check_ledger_forgive(struct sim_checks *checks, struct check_partition *partition, int64_t offset,
                          int32_t leader_epoch);
/* Marks a record that was acknowledged or read before it was committed. */
void check_ledger_stray(struct sim_checks *checks, struct check_partition *partition, int32_t epoch,
                        const struct check_entry *entry);

#endif

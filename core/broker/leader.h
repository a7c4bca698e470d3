/* What a leader has beside its log: the AlterPartition under way and the produce requests that wait. Internal
 * to core/broker. */
#ifndef ISR_BROKER_LEADER_H
#define ISR_BROKER_LEADER_H

#include "core/broker/broker.h"

/* A produce request that was appended, or was a duplicate of one that was, and is not answered yet. */
struct isr_produce_waiter {
    struct isr_produce_waiter *next, *previous; /* in its queue; next also links the free list */
    struct isr_partition *partition;
    int32_t client;
    uint32_t correlation;
    int16_t acks;
    int64_t base_offset;
    int64_t required; /* answered when the high watermark (acks=all) or the held end (acks=1) is here */
    struct isr_timer timer;
};

/* Ordered by what they require, so that an advance only looks at those that it answers. */
struct isr_produce_queue {
    struct isr_produce_waiter *first, *last;
};

struct isr_delete_waiter;

struct isr_leader {
    struct isr_produce_queue all;      /* acks=all: wait for the high watermark */
    struct isr_produce_queue own;      /* acks=1: wait for this replica's own write */
    struct isr_delete_waiter *deletes; /* delete_records.c */
    /* AlterPartition */
    uint32_t alter_correlation; /* 0: nothing under way, or no answer counts any more */
    int32_t alter_to;
    enum isr_cause alter_cause;
    int64_t proposed_epochs[ISR_REPLICAS_MAX]; /* the broker epochs in which the proposed members were found
                                                  in sync */
    int64_t propose_after_ns;                  /* not before: after a refusal */
    struct isr_timer alter_timer;
    /* at yield points */
    struct isr_timer shrink_yield;
    struct isr_replicas fell_behind; /* isr_shrink: who had */
    enum isr_cause shrink_cause;
    struct isr_timer expand_yield;
    int32_t expanding; /* isr_expand: who had caught up */
    struct isr_timer high_watermark_yield;
    int64_t high_watermark_computed; /* hw_update: from what was known then */
    /* what this partition adds to the gauges */
    bool counted_led, counted_under_min_isr, counted_under_replicated;
};

/* ---- leader.c ---- */

/* THE rule of the leader's high watermark; true when it advanced. Answers produce and fetch requests that
 * waited. */
bool isr_leader_advance_high_watermark(struct isr_partition *partition, enum isr_cause cause);
/* The same, after a follower told how far its log goes. */
void isr_leader_followed(struct isr_partition *partition);
/* Where the log ends for followers: see leader.c. */
int64_t isr_leader_end(const struct isr_partition *partition);
/* This replica's own log is held further. */
void isr_leader_held(struct isr_partition *partition);
/* The controller's ISR, by its answer or by the metadata: ends what is pending. */
void isr_leader_commit_isr(struct isr_partition *partition, const struct isr_replicas *isr,
                           int32_t partition_epoch, enum isr_cause cause);
/* Recomputes what the partition adds to the gauges; as nothing when it no longer leads. */
void isr_leader_count(struct isr_partition *partition, bool leads);

/* ---- isr_membership.c ---- */

/* Registered, unfenced, not shutting down, and fetching with the broker epoch that the metadata knows. */
bool isr_membership_eligible(const struct isr_partition *partition, const struct isr_remote_replica *remote);
bool isr_membership_caught_up(const struct isr_partition *partition, const struct isr_remote_replica *remote);
/* After an accepted fetch: the replica may come in. */
void isr_membership_fetched(struct isr_partition *partition, struct isr_remote_replica *remote);
/* The lag timer of the broker. */
void isr_membership_check_lag(void *broker);

/* ---- alter_partition.c ---- */

void isr_alter_partition_start(struct isr_partition *partition);
void isr_alter_partition_propose(struct isr_partition *partition, const struct isr_replicas *isr,
                                 enum isr_isr_state state, enum isr_cause cause);
/* The state that it was asked for is gone: whatever the answer is, it comes too late. */
void isr_alter_partition_drop(struct isr_partition *partition);
/* No answer comes from that node any more. */
void isr_alter_partition_disconnected(struct isr_partition *partition, int32_t node);
void isr_alter_partition_response(struct isr_broker *broker, int32_t from,
                                  const struct isr_alter_partition_response *response);

/* ---- produce.c ---- */

void isr_produce_request(struct isr_broker *broker, int32_t from, const struct isr_produce_request *request);
void isr_produce_high_watermark_advanced(struct isr_partition *partition);
void isr_produce_held(struct isr_partition *partition);
/* Answers those of acks=all, or all of them, with the error. */
void isr_produce_fail(struct isr_partition *partition, bool only_all, enum isr_error error);

#endif

/* Answering fetches, epoch queries and offset lookups. Internal to core/broker. */
#ifndef ISR_BROKER_FETCH_SERVICE_H
#define ISR_BROKER_FETCH_SERVICE_H

#include "core/broker/broker.h"

/* One partition of a fetch that waits; linked into the partition's list. */
struct isr_fetch_wait {
    struct isr_fetch_wait *next, *previous;
    struct isr_fetch_waiter *waiter;
    struct isr_partition *partition;
    struct isr_fetch_partition asked;
    int64_t available_bytes; /* as counted into the waiter's sum */
};

/* A fetch that waits for fetch_min_bytes (long poll). */
struct isr_fetch_waiter {
    struct isr_fetch_waiter *next; /* in the free list, or among those about to be answered */
    struct isr_broker *broker;
    int32_t from;
    uint32_t correlation;
    int16_t replica_id;
    int64_t replica_epoch;
    uint32_t min_bytes, max_bytes;
    int64_t available_bytes;
    bool ready; /* is among those about to be answered */
    struct isr_timer timer;
    struct isr_fetch_wait *waits;
    uint32_t waits_count, waits_capacity;
};

void isr_fetch_request(struct isr_broker *broker, int32_t from, const struct isr_fetch_request *request);
/* Data or the high watermark of the partition moved: answers what can be answered now. */
void isr_fetch_wake(struct isr_partition *partition);
/* The role or epoch changed: every fetch that waits for the partition is answered. */
void isr_fetch_wake_all(struct isr_partition *partition);

/* Why this broker cannot serve a partition that it does not have. */
enum isr_error isr_partition_missing(const struct isr_broker *broker, struct isr_tp tp);

/* epoch_service.c: OffsetsForLeaderEpoch (KIP-101, 279, 320). */
void isr_epoch_service_request(struct isr_broker *broker, int32_t from,
                               const struct isr_offsets_for_epoch_request *request);
/* list_offsets.c */
void isr_list_offsets_request(struct isr_broker *broker, int32_t from,
                              const struct isr_list_offsets_request *request);

#endif

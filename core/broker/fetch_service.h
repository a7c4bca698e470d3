/* Answering fetches, epoch queries and offset lookups. Internal to core/broker. */
#ifndef ISR_BROKER_FETCH_SERVICE_H
#define ISR_BROKER_FETCH_SERVICE_H

#include "core/broker/fetch_session.h"

/* What a partition can give to who asks like this: the order of the fences, the divergence check, how far. */
struct isr_fetch_view {
    enum { ISR_FETCH_DATA, ISR_FETCH_REFUSED, ISR_FETCH_DIVERGED, ISR_FETCH_ELSEWHERE } outcome;
    enum isr_error error;
    struct isr_epoch_end diverging;
    int64_t limit;   /* data below it may be given */
    int32_t replica; /* ELSEWHERE: whom a consumer is to ask */
};
/* replica_id: -1 for a consumer. */
struct isr_fetch_view isr_fetch_view_of(struct isr_partition *partition,
                                        const struct isr_fetch_partition *asked, int32_t from,
                                        int32_t replica_id, int64_t replica_epoch);
struct isr_fetch_reading isr_fetch_read_now(const struct isr_partition *partition);
/* Whether a follower that is answered so has told how far its log goes. */
bool isr_fetch_counts(const struct isr_partition *partition, const struct isr_fetch_view *view);
/* A follower told, by a fetch or an answer to what was pushed, how far its log goes, and that counts. */
void isr_fetch_told(struct isr_partition *partition, struct isr_remote_replica *remote,
                    const struct isr_fetch_partition *asked, int64_t replica_epoch,
                    struct isr_fetch_reading reading);
/* The log of the replica `from`, which ends at fetch_offset with last_epoch, parts from this one's at end. */
void isr_fetch_observe_diverged(struct isr_env *env, int32_t from, struct isr_tp tp, int64_t fetch_offset,
                                int32_t last_epoch, struct isr_epoch_end end);

void isr_fetch_request(struct isr_broker *broker, int32_t from, const struct isr_fetch_request *request);
/* Data or the high watermark of the partition moved: answers what can be answered now. */
void isr_fetch_wake(struct isr_partition *partition);
/* The ISR changed: who is outside it is looked at with each of its requests from now on. */
void isr_fetch_warm(struct isr_partition *partition);
/* The role or epoch changed: every fetch that waits for the partition is answered. */
void isr_fetch_wake_all(struct isr_partition *partition);
/* The partition goes away for good. */
void isr_fetch_forget(struct isr_partition *partition);

/* read_replica.c: which node a consumer in that rack shall read the offset from; this one, or a follower. */
int32_t isr_read_replica(const struct isr_partition *partition, uint8_t rack, int64_t offset,
                         int32_t consumer);

/* Why this broker cannot serve a partition that it does not have. */
enum isr_error isr_partition_missing(const struct isr_broker *broker, struct isr_tp tp);

/* epoch_service.c: OffsetsForLeaderEpoch (KIP-101, 279, 320), and what a fetch is told of an epoch (KIP-595):
 * the largest epoch of this log at or below it, and where that ends. */
struct isr_epoch_end isr_epoch_told(const struct isr_partition *partition, int32_t epoch);
void isr_epoch_service_request(struct isr_broker *broker, int32_t from,
                               const struct isr_offsets_for_epoch_request *request);
/* log_info.c: the controller looks for a leader and asks for logs (KIP-966). */
void isr_log_info_request(struct isr_broker *broker, int32_t from,
                          const struct isr_log_info_request *request);
/* read_service.c */
void isr_read_request(struct isr_broker *broker, int32_t from, const struct isr_read_request *request);
void isr_replica_offsets_request(struct isr_broker *broker, int32_t from,
                                 const struct isr_replica_offsets_request *request);
/* list_offsets.c */
void isr_list_offsets_request(struct isr_broker *broker, int32_t from,
                              const struct isr_list_offsets_request *request);

#endif

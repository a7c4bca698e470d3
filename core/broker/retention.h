/* Moving the starts of logs, and deleting records on demand. Internal to core/broker. */
#ifndef ISR_BROKER_RETENTION_H
#define ISR_BROKER_RETENTION_H

#include "core/broker/broker.h"

/* ---- retention.c ---- */

/* The rule itself, for every replica of whatever kind: where the log may begin by the topic's retention_time
 * or retention_bytes, whole closed segments that end at or below limit; log_start when nothing is to go. */
int64_t isr_retention_start_by_time(const struct isr_log *log, const struct isr_topic_settings *settings,
                                    int64_t limit);
int64_t isr_retention_start_by_size(const struct isr_log *log, const struct isr_topic_settings *settings,
                                    int64_t limit);
/* The timer of the broker: retention and the expiry of producers on every partition. */
void isr_retention_check(void *broker);
/* Moves the log's start up to offset, at most the high watermark, as far as the log can, and has it told to
 * whoever fetches here or is fetched from. True when it moved. */
bool isr_retention_move(struct isr_partition *partition, int64_t offset, enum isr_cause cause);
/* A fetch's answer told where the leader's log starts. */
void isr_retention_follow(struct isr_partition *partition, int64_t leaders_start);

/* ---- delete_records.c: DeleteRecords (KIP-107) ---- */

void isr_delete_records_request(struct isr_broker *broker, int32_t from,
                                const struct isr_delete_records_request *request);
/* This log's start, or what is known of a follower's, moved: answers what can be answered. */
void isr_delete_records_look(struct isr_partition *partition);
/* The leadership ends. */
void isr_delete_records_fail(struct isr_partition *partition, enum isr_error error);

/* ---- log_state.c: what a follower needs that begins where the leader's log starts ---- */

void isr_log_state_request(struct isr_broker *broker, int32_t from,
                           const struct isr_log_state_request *request);

#endif

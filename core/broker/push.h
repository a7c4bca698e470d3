/* Transfer push: the leader sends records as it comes to hold them (push.c), the follower takes them and
 * tells where its log stands (push_follower.c). Internal to core/broker; nothing happens for topics with
 * transfer pull. */
#ifndef ISR_BROKER_PUSH_H
#define ISR_BROKER_PUSH_H

#include "core/broker/broker.h"

/* ---- push.c: the leader ---- */

void isr_push_init(struct isr_broker *broker);
/* A leader epoch begins: every follower is looked for. */
void isr_push_begin(struct isr_partition *partition);
/* The leader holds more, or its high watermark moved. */
void isr_push_wake(struct isr_partition *partition);
void isr_push_response(struct isr_broker *broker, int32_t from, const struct isr_push_response *response);

/* ---- push_follower.c ---- */

void isr_push_request(struct isr_broker *broker, int32_t from, const struct isr_push_request *request);
/* Tells the leader, unasked, where the log stands. */
void isr_push_report(struct isr_partition *partition);
/* The log is held further. */
void isr_push_held(struct isr_partition *partition);

#endif

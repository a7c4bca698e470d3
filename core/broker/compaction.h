/* Which log is compacted when, and which tombstones may go. Internal to core/broker. */
#ifndef ISR_BROKER_COMPACTION_H
#define ISR_BROKER_COMPACTION_H

#include "core/broker/broker.h"

/* A partition came, or its topic's settings changed: the cleaner begins to look when there is something for
 * it. */
void isr_compaction_consider(struct isr_partition *partition);
/* The timer of the broker's cleaner. */
void isr_compaction_check(void *broker);
void isr_compaction_request(struct isr_broker *broker, int32_t from,
                            const struct isr_compaction_request *request);
void isr_compaction_response(struct isr_broker *broker, int32_t from,
                             const struct isr_compaction_response *response);

#endif

/* Brokers tell clients what topics there are and who leads them, from the metadata that they follow. */
#ifndef ISR_BROKER_METADATA_SERVICE_H
#define ISR_BROKER_METADATA_SERVICE_H

#include "core/broker/broker.h"

/* Answers at once, with whatever is known: a broker that lags tells what was true before. */
void isr_metadata_service_request(struct isr_broker *broker, int32_t from,
                                  const struct isr_metadata_request *request);

#endif

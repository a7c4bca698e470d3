/* Ids for idempotent producers (KIP-98), out of a block that the controller gave this broker (KIP-730).
 *
 *   EMPTY --a client asks--> ASKING --block--> HAVE --the last tenth begins--> HAVE and ASKING
 *     ^                       |  ^               |                                 |
 *     |                       +--+ refusal, timeout: again after a pause          |
 *     +------------------- the last id is handed out, and no block came -----------+
 *
 * Clients that ask while there is no id wait, each with its latest question; they have timeouts of their own.
 * What is left of a block when the process ends is lost: the next one begins with a new block.
 *
 * Invariants: no id is handed out twice; somebody waits only while the controller is being asked. */
#ifndef ISR_BROKER_PRODUCER_IDS_H
#define ISR_BROKER_PRODUCER_IDS_H

#include "core/broker/broker.h"

struct isr_producer_id_block {
    int64_t next, end; /* equal: there is none */
    int64_t count;     /* as it was given */
};

struct isr_producer_ids {
    struct isr_broker *broker;
    struct isr_producer_id_block block, next_block;
    bool asking;
    uint32_t correlation; /* 0: the request was refused or given up, and is to be made again */
    int32_t asked;
    struct isr_timer timer;             /* while asking: of the answer, or of the pause */
    uint32_t waiting[ISR_NODE_MAX + 1]; /* by client: the correlation of its question, 0: it does not wait */
    uint32_t waiting_count;
};

/* Sets broker->producer_ids. */
void isr_producer_ids_init(struct isr_broker *broker);
/* The broker stops: who waits is refused. */
void isr_producer_ids_stop(struct isr_broker *broker);
void isr_producer_ids_request(struct isr_broker *broker, int32_t from,
                              const struct isr_init_producer_id_request *request);
/* Stale answers change nothing. */
void isr_producer_ids_allocated(struct isr_broker *broker, int32_t from,
                                const struct isr_allocate_producer_ids_response *answer);
/* No answer comes from that node any more. */
void isr_producer_ids_disconnected(struct isr_broker *broker, int32_t node);

#endif

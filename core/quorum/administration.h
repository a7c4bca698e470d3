/* Administration of the quorum (KIP-853, thesis 3.10 and 4.1): asked of whoever leads it, answered when it is
 * over. Consensus alters one thing at a time, so at most one request waits.
 *
 *     IDLE --begun--> WAITING --altered--> answered, IDLE */
#ifndef ISR_QUORUM_ADMINISTRATION_H
#define ISR_QUORUM_ADMINISTRATION_H

#include "core/quorum/port.h"

struct isr_administration {
    struct isr_env *env;
    struct isr_consensus *consensus;
    int32_t to; /* who asked for what is under way; ISR_NODE_NONE: nobody */
    uint32_t correlation;
};

/* env, consensus: borrowed. */
void isr_administration_init(struct isr_administration *administration, struct isr_env *env,
                             struct isr_consensus *consensus);
/* Leading or not: consensus decides. */
void isr_administration_request(struct isr_administration *administration, int32_t from,
                                const struct isr_alter_quorum_request *request);
/* Of consensus: what was asked of it is over. */
void isr_administration_altered(struct isr_administration *administration, enum isr_error error);

#endif

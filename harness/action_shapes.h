/* Kinds of value that only actions have. */
#ifndef HARNESS_ACTION_SHAPES_H
#define HARNESS_ACTION_SHAPES_H

#include "harness/shape.h"

extern const struct shape shape_groups;     /* struct sim_action: its groups */
extern const struct shape shape_messages;   /* uint64_t, bits by enum isr_message_kind */
extern const struct shape shape_partition;  /* struct sim_action: its topic and partition */
extern const struct shape shape_client;     /* char[SIM_LABEL_BYTES]; no consumer */
extern const struct shape shape_controller; /* int32_t */
extern const struct shape shape_heir;       /* int32_t; any: 0 */
extern const struct shape shape_replicas;   /* struct isr_replicas */

#endif

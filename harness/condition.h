/* Conditions such as "isr of orders-0 is [1, 2]", read by the forms of sim/conditions.def. */
#ifndef HARNESS_CONDITION_H
#define HARNESS_CONDITION_H

#include "harness/shape.h"

/* struct sim_condition from a text. */
extern const struct shape shape_condition;

/* Reads a condition; errors are added at their place inside the node's text. */
bool condition_bind(struct binder *binder, const struct tree_node *node, struct sim_condition *condition);

/* The condition as it reads back, into buffer. */
enum { CONDITION_BYTES = 256 };
const char *condition_print(const struct sim_spec *spec, const struct sim_condition *condition,
                            char buffer[CONDITION_BYTES]);

struct condition_form {
    const char *form, *meaning;
};
/* All forms, SIM_CONDITION_KINDS many, in the order of the list. */
const struct condition_form *condition_forms(void);

#endif

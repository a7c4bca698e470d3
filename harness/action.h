/* What each action of sim/actions.def is given. */
#ifndef HARNESS_ACTION_H
#define HARNESS_ACTION_H

#include "harness/shape.h"

struct action_info {
    const char *name, *parameters, *meaning;
    const struct field *fields; /* its keys */
    const char *short_key;      /* whose value may stand alone ("kill: n1"); NULL: none */
};
/* SIM_ACTION_KINDS many, in the order of the list. */
const struct action_info *action_infos(void);
/* Fills the action from the value of its key; false after adding to diagnostics. */
bool action_bind(struct binder *binder, enum sim_action_kind kind, const struct tree_node *node,
                 struct sim_action *action);
/* Name and parameters, into the open mapping of a step. */
void action_write(struct writer *writer, const struct sim_action *action);
void action_schema(const struct action_info *info, struct json *json);

#endif

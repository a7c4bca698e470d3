/* The option --rules name=value,... of the commands that take it. */
#ifndef HARNESS_RULES_OPTION_H
#define HARNESS_RULES_OPTION_H

#include <stdbool.h>

#include "core/base/rules.h"

/* "trunc=hw,elr=off" on top of rules. False after a message on standard error in the name of the command. */
bool rules_option(const char *command, struct isr_rules *rules, const char *text);

#endif

/* The policies of core/policy in words, for people. */
#ifndef HARNESS_HELP_POLICIES_H
#define HARNESS_HELP_POLICIES_H

#include <stddef.h>

#include "core/policy/settings.h"

/* `isrsim help policies`, to standard output. */
void help_policies(void);
/* One sentence: what a topic with these settings promises. */
void help_describe_promise(const struct isr_topic_settings *settings, enum isr_leader_choice leader_choice,
                           uint32_t replicas_count, char *text, size_t size);

#endif

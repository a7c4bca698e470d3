/* The rule switches of core/rules.def. */
#ifndef ISR_BASE_RULES_H
#define ISR_BASE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The values of one rule, for example ISR_RULE_trunc_epoch and ISR_RULE_trunc_hw. */
#define X(name, correct, wrong, source, sentence) \
    enum { ISR_RULE_##name##_##correct, ISR_RULE_##name##_##wrong };
#include "core/rules.def"
#undef X

struct isr_rules {
#define X(name, correct, wrong, source, sentence) uint8_t name;
#include "core/rules.def"
#undef X
};

struct isr_rule_info {
    const char *name;
    const char *values[2]; /* [0] is correct */
    const char *source;
    const char *sentence; /* what the wrong value does */
    size_t position;      /* of the byte in struct isr_rules */
};

/* All rules, in the order of the list. */
const struct isr_rule_info *isr_rules_list(size_t *count);

#endif

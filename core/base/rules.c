#include "core/base/rules.h"

static const struct isr_rule_info rules[] = {
#define X(name, correct, wrong, source, sentence) \
    {#name, {#correct, #wrong}, source, sentence, offsetof(struct isr_rules, name)},
#include "core/rules.def"
#undef X
};

const struct isr_rule_info *isr_rules_list(size_t *count)
{
    *count = sizeof rules / sizeof rules[0];
    return rules;
}

#include "core/base/observation.h"

#include "core/base/assert.h"

const char *isr_cause_words(int64_t cause)
{
    static const char *const words[] = {
#define X(NAME, text) text,
#include "core/causes.def"
#undef X
    };
    return cause >= 0 && cause < ISR_CAUSE_COUNT ? words[cause] : "?";
}

#define F(kind, name) +1
#define X(NAME, name, importance, field_list) \
    _Static_assert((0 field_list) <= ISR_OBSERVATION_FIELDS, #NAME " has too many fields");
#include "core/observations.def"
#undef X
#undef F

const struct isr_observation_info *isr_observation_info(enum isr_observation_kind kind)
{
    static const struct isr_observation_info infos[] = {
#define F(kind, name) {ISR_FIELD_##kind, #name},
#define X(NAME, name, importance, field_list) {#name, ISR_IMPORTANCE_##importance, {field_list}},
#include "core/observations.def"
#undef X
#undef F
    };
    ISR_ASSERT(kind < ISR_OBSERVED_KINDS);
    return &infos[kind];
}

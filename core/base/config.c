#include "core/base/config.h"

#include <string.h>

#include "core/base/types.h"

static const struct isr_config_info settings[] = {
#define X(kind, name, standard, least, most, meaning) \
    {#name, ISR_CONFIG_##kind, standard, least, most, meaning, offsetof(struct isr_config, name)},
#include "core/config.def"
#undef X
};

const struct isr_config_info *isr_config_list(size_t *count)
{
    *count = sizeof settings / sizeof settings[0];
    return settings;
}

struct isr_config isr_config_default(void)
{
    return (struct isr_config){
#define X(kind, name, standard, least, most, meaning) .name = standard,
#include "core/config.def"
#undef X
    };
}

const struct isr_config_info *isr_config_check(const struct isr_config *config)
{
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        int64_t value;
        memcpy(&value, (const char *)config + settings[i].position, sizeof value);
        if (value < settings[i].least || value > settings[i].most)
            return &settings[i];
    }
    return NULL;
}

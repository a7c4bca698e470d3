#include "core/base/topic_settings.h"

#include <string.h>

static const struct isr_topic_setting_info infos[] = {
#define X(kind, name, standard, least, most, words, meaning) \
    {#name,    ISR_TOPIC_SETTING_##kind,                     \
     standard, least,                                        \
     most,     words,                                        \
     meaning,  offsetof(struct isr_topic_settings, name)},
#include "core/topic.def"
#undef X
};

const struct isr_topic_setting_info *isr_topic_setting_list(size_t *count)
{
    *count = sizeof infos / sizeof infos[0];
    return infos;
}

struct isr_topic_settings isr_topic_settings_default(void)
{
    return (struct isr_topic_settings){
#define X(kind, name, standard, least, most, words, meaning) .name = standard,
#include "core/topic.def"
#undef X
    };
}

int64_t isr_topic_setting_get(const struct isr_topic_settings *settings,
                              const struct isr_topic_setting_info *info)
{
    int64_t value;
    memcpy(&value, (const char *)settings + info->position, sizeof value);
    return value;
}

void isr_topic_setting_set(struct isr_topic_settings *settings, const struct isr_topic_setting_info *info,
                           int64_t value)
{
    memcpy((char *)settings + info->position, &value, sizeof value);
}

const struct isr_topic_setting_info *isr_topic_settings_check(const struct isr_topic_settings *settings)
{
    for (size_t i = 0; i < sizeof infos / sizeof infos[0]; i++) {
        int64_t value = isr_topic_setting_get(settings, &infos[i]);
        if (value < infos[i].least || value > infos[i].most)
            return &infos[i];
    }
    return NULL;
}

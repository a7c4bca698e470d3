/* A topic's settings: core/topic.def as a struct, with defaults and bounds. */
#ifndef ISR_BASE_TOPIC_SETTINGS_H
#define ISR_BASE_TOPIC_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/types.h"

struct isr_topic_settings {
#define X(kind, name, standard, least, most, words, meaning) int64_t name;
#include "core/topic.def"
#undef X
};

enum isr_topic_setting_kind {
    ISR_TOPIC_SETTING_duration,
    ISR_TOPIC_SETTING_bytes,
    ISR_TOPIC_SETTING_count,
    ISR_TOPIC_SETTING_flag,
    ISR_TOPIC_SETTING_word,
};

/* What becomes of old records: the setting cleanup. */
enum isr_cleanup { ISR_CLEANUP_DELETE, ISR_CLEANUP_COMPACT, ISR_CLEANUP_BOTH };

struct isr_topic_setting_info {
    const char *name;
    enum isr_topic_setting_kind kind;
    int64_t standard, least, most;
    const char *words; /* of a word: "delete|compact"; "" for others */
    const char *meaning;
    size_t position; /* of the int64_t in struct isr_topic_settings */
};

const struct isr_topic_setting_info *isr_topic_setting_list(size_t *count);
struct isr_topic_settings isr_topic_settings_default(void);
/* The defaults with another min ISR. */
static inline struct isr_topic_settings isr_topic_settings_of_min_isr(int64_t min_isr)
{
    struct isr_topic_settings settings = isr_topic_settings_default();
    settings.min_isr = min_isr;
    return settings;
}
/* NULL when every setting is within its bounds, else the first that is not. */
const struct isr_topic_setting_info *isr_topic_settings_check(const struct isr_topic_settings *settings);
/* By the place in the list. */
int64_t isr_topic_setting_get(const struct isr_topic_settings *settings,
                              const struct isr_topic_setting_info *info);
void isr_topic_setting_set(struct isr_topic_settings *settings, const struct isr_topic_setting_info *info,
                           int64_t value);

#endif

/* A node's configuration: core/config.def as a struct, with defaults and bounds. */
#ifndef ISR_BASE_CONFIG_H
#define ISR_BASE_CONFIG_H

#include <stddef.h>
#include <stdint.h>

struct isr_config {
#define X(kind, name, standard, least, most, meaning) int64_t name;
#include "core/config.def"
#undef X
};

enum isr_config_kind { ISR_CONFIG_duration, ISR_CONFIG_bytes, ISR_CONFIG_count, ISR_CONFIG_flag };

struct isr_config_info {
    const char *name;
    enum isr_config_kind kind;
    int64_t standard, least, most;
    const char *meaning;
    size_t position; /* of the int64_t in struct isr_config */
};

const struct isr_config_info *isr_config_list(size_t *count);
struct isr_config isr_config_default(void);
/* NULL when every setting is within its bounds, else the first that is not. */
const struct isr_config_info *isr_config_check(const struct isr_config *config);

#endif

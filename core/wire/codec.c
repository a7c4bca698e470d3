#include "core/wire/codec.h"

uint8_t *isr_put_replicas(uint8_t *out, struct isr_replicas set)
{
    *out++ = set.count;
    for (unsigned i = 0; i < set.count; i++)
        *out++ = (uint8_t)set.ids[i];
    return out;
}

struct isr_replicas isr_get_replicas(struct isr_reader *reader)
{
    struct isr_replicas set = {0};
    uint8_t count = isr_get_u8(reader);
    if (count > ISR_REPLICAS_MAX)
        reader->failed = true;
    const uint8_t *ids = isr_reader_take(reader, count);
    if (ids == NULL)
        return set;
    for (unsigned i = 0; i < count; i++) {
        if (ids[i] == 0 || ids[i] > ISR_NODE_MAX || isr_replicas_contain(&set, ids[i])) {
            reader->failed = true;
            return (struct isr_replicas){0};
        }
        set.ids[set.count++] = ids[i];
    }
    return set;
}

size_t isr_size_name(struct isr_name name)
{
    return 1 + strlen(name.text);
}

uint8_t *isr_put_name(uint8_t *out, struct isr_name name)
{
    size_t length = strlen(name.text);
    *out++ = (uint8_t)length;
    memcpy(out, name.text, length);
    return out + length;
}

static bool name_allows(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

struct isr_name isr_get_name(struct isr_reader *reader)
{
    struct isr_name name = {{0}};
    uint8_t length = isr_get_u8(reader);
    if (length == 0 || length >= ISR_NAME_BYTES_MAX)
        reader->failed = true;
    const uint8_t *text = isr_reader_take(reader, length);
    for (unsigned i = 0; text != NULL && i < length; i++) {
        if (!name_allows(text[i])) {
            reader->failed = true;
            return (struct isr_name){{0}};
        }
        name.text[i] = (char)text[i];
    }
    return name;
}

uint64_t isr_hash_name(uint64_t hash, struct isr_name name)
{
    return isr_hash_bytes(hash, name.text, strlen(name.text));
}

uint8_t *isr_put_settings(uint8_t *out, struct isr_topic_settings settings)
{
    size_t count;
    const struct isr_topic_setting_info *infos = isr_topic_setting_list(&count);
    for (size_t i = 0; i < count; i++)
        out = isr_put_i64(out, isr_topic_setting_get(&settings, &infos[i]));
    return out;
}

struct isr_topic_settings isr_get_settings(struct isr_reader *reader)
{
    struct isr_topic_settings settings = isr_topic_settings_default();
    size_t count;
    const struct isr_topic_setting_info *infos = isr_topic_setting_list(&count);
    for (size_t i = 0; i < count; i++)
        isr_topic_setting_set(&settings, &infos[i], isr_get_i64(reader));
    if (isr_topic_settings_check(&settings) == NULL)
        return settings;
    reader->failed = true;
    return isr_topic_settings_default();
}

uint64_t isr_hash_settings(uint64_t hash, struct isr_topic_settings settings)
{
    size_t count;
    const struct isr_topic_setting_info *infos = isr_topic_setting_list(&count);
    for (size_t i = 0; i < count; i++)
        hash = isr_hash_combine(hash, (uint64_t)isr_topic_setting_get(&settings, &infos[i]));
    return hash;
}

uint32_t isr_get_count(struct isr_reader *reader, size_t element_bytes_min)
{
    uint32_t count = isr_get_u32(reader);
    if (reader->failed || count > (reader->size_bytes - reader->position) / element_bytes_min) {
        reader->failed = true;
        return 0;
    }
    return count;
}

void isr_print_number(struct isr_text *text, const char *name, int64_t value)
{
    isr_text_format(text, " %s=%ld", name, value);
}

void isr_print_tp(struct isr_text *text, const char *name, struct isr_tp value)
{
    isr_text_format(text, " %s=%u-%u", name, (unsigned)value.topic, (unsigned)value.index);
}

void isr_print_replicas(struct isr_text *text, const char *name, struct isr_replicas value)
{
    isr_text_format(text, " %s=[", name);
    for (unsigned i = 0; i < value.count; i++)
        isr_text_format(text, "%s%d", i > 0 ? "," : "", value.ids[i]);
    isr_text_format(text, "]");
}

void isr_print_name(struct isr_text *text, const char *name, struct isr_name value)
{
    isr_text_format(text, " %s=%s", name, value.text);
}

void isr_print_settings(struct isr_text *text, const char *name, struct isr_topic_settings value)
{
    size_t count;
    const struct isr_topic_setting_info *infos = isr_topic_setting_list(&count);
    isr_text_format(text, " %s={", name);
    for (size_t i = 0; i < count; i++)
        isr_print_number(text, infos[i].name, isr_topic_setting_get(&value, &infos[i]));
    isr_text_format(text, " }");
}

void isr_print_bytes(struct isr_text *text, const char *name, struct isr_bytes value)
{
    isr_text_format(text, " %s=%u bytes", name, value.size);
}

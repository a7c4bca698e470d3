/* Generators: from one list of fields come the struct, the exact size, encode, decode, print, hash and
 * compare. Encoding is little-endian, fixed width, without padding.
 *
 * A list of fields is a macro of three callbacks:
 *   #define ISR_FIELDS_thing(SCALAR, BYTES, ARRAY)  \
 *       SCALAR(i64, offset)      one number, id or set: see the scalar types below
 *       BYTES(records)           struct isr_bytes; decoded, it points into the input
 *       ARRAY(other, items)      struct isr_other *items and uint32_t items_count; decoded, in scratch
 */
#ifndef ISR_WIRE_CODEC_H
#define ISR_WIRE_CODEC_H

#include <string.h>

#include "core/base/hash.h"
#include "core/base/heap.h"
#include "core/base/text.h"
#include "core/base/topic_settings.h"
#include "core/base/types.h"

/* Scalar types: the C type and the encoded size of each. */
#define ISR_SCALAR_u8 uint8_t
#define ISR_SCALAR_i16 int16_t
#define ISR_SCALAR_i32 int32_t
#define ISR_SCALAR_u32 uint32_t
#define ISR_SCALAR_i64 int64_t
#define ISR_SCALAR_u64 uint64_t
#define ISR_SCALAR_tp struct isr_tp
#define ISR_SCALAR_replicas struct isr_replicas
struct isr_name {
    char text[ISR_NAME_BYTES_MAX]; /* NUL-terminated, zero-padded */
};
#define ISR_SCALAR_name struct isr_name
#define ISR_SCALAR_settings struct isr_topic_settings

/* A cursor over bytes that come from outside: any read past the end, and any invalid value, sets failed
 * and yields zeroes from then on. */
struct isr_reader {
    const uint8_t *data;
    size_t size_bytes;
    size_t position;
    bool failed;
    struct isr_scratch *scratch;
};

static inline const uint8_t *isr_reader_take(struct isr_reader *reader, size_t size_bytes)
{
    if (reader->failed || reader->size_bytes - reader->position < size_bytes) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *at = reader->data + reader->position;
    reader->position += size_bytes;
    return at;
}

/* (put into out, returning the next position) (get) (size) (print) (hash) per scalar type */
#define ISR_CODEC_NUMBER(type, ctype)                                  \
    static inline uint8_t *isr_put_##type(uint8_t *out, ctype value)   \
    {                                                                  \
        memcpy(out, &value, sizeof value);                             \
        return out + sizeof value;                                     \
    }                                                                  \
    static inline ctype isr_get_##type(struct isr_reader *reader)      \
    {                                                                  \
        ctype value = 0;                                               \
        const uint8_t *at = isr_reader_take(reader, sizeof value);     \
        if (at != NULL)                                                \
            memcpy(&value, at, sizeof value);                          \
        return value;                                                  \
    }                                                                  \
    static inline size_t isr_size_##type(ctype value)                  \
    {                                                                  \
        return sizeof value;                                           \
    }                                                                  \
    static inline uint64_t isr_hash_##type(uint64_t hash, ctype value) \
    {                                                                  \
        return isr_hash_combine(hash, (uint64_t)value);                \
    }
ISR_CODEC_NUMBER(u8, uint8_t)
ISR_CODEC_NUMBER(i16, int16_t)
ISR_CODEC_NUMBER(i32, int32_t)
ISR_CODEC_NUMBER(u32, uint32_t)
ISR_CODEC_NUMBER(i64, int64_t)
ISR_CODEC_NUMBER(u64, uint64_t)

static inline uint8_t *isr_put_tp(uint8_t *out, struct isr_tp tp)
{
    return isr_put_u32(out, isr_tp_key(tp));
}
static inline struct isr_tp isr_get_tp(struct isr_reader *reader)
{
    uint32_t key = isr_get_u32(reader);
    return (struct isr_tp){.topic = (uint16_t)(key >> 16), .index = (uint16_t)(key & 0xffff)};
}
static inline size_t isr_size_tp(struct isr_tp tp)
{
    (void)tp;
    return 4;
}
static inline uint64_t isr_hash_tp(uint64_t hash, struct isr_tp tp)
{
    return isr_hash_combine(hash, isr_tp_key(tp));
}

uint8_t *isr_put_replicas(uint8_t *out, struct isr_replicas set);
/* Fails on more than ISR_REPLICAS_MAX members, an id out of range, or a repeated id. */
struct isr_replicas isr_get_replicas(struct isr_reader *reader);
static inline size_t isr_size_replicas(struct isr_replicas set)
{
    return 1 + (size_t)set.count;
}
static inline uint64_t isr_hash_replicas(uint64_t hash, struct isr_replicas set)
{
    return isr_hash_combine(hash, isr_replicas_pack(&set));
}

uint8_t *isr_put_name(uint8_t *out, struct isr_name name);
/* Fails on a name that is empty, too long, or holds anything but [a-zA-Z0-9._-]. */
struct isr_name isr_get_name(struct isr_reader *reader);
size_t isr_size_name(struct isr_name name);
uint64_t isr_hash_name(uint64_t hash, struct isr_name name);

/* A topic's settings, in the order of core/topic.def. */
uint8_t *isr_put_settings(uint8_t *out, struct isr_topic_settings settings);
/* Fails on a setting out of its bounds. */
struct isr_topic_settings isr_get_settings(struct isr_reader *reader);
static inline size_t isr_size_settings(struct isr_topic_settings settings)
{
    return sizeof settings;
}
uint64_t isr_hash_settings(uint64_t hash, struct isr_topic_settings settings);

static inline uint8_t *isr_put_bytes(uint8_t *out, struct isr_bytes bytes)
{
    out = isr_put_u32(out, bytes.size);
    if (bytes.size > 0)
        memcpy(out, bytes.data, bytes.size);
    return out + bytes.size;
}
static inline struct isr_bytes isr_get_bytes(struct isr_reader *reader)
{
    struct isr_bytes bytes = {.size = isr_get_u32(reader)};
    bytes.data = isr_reader_take(reader, bytes.size);
    if (bytes.data == NULL)
        bytes.size = 0;
    return bytes;
}

void isr_print_number(struct isr_text *text, const char *name, int64_t value);
void isr_print_tp(struct isr_text *text, const char *name, struct isr_tp value);
void isr_print_replicas(struct isr_text *text, const char *name, struct isr_replicas value);
void isr_print_name(struct isr_text *text, const char *name, struct isr_name value);
void isr_print_settings(struct isr_text *text, const char *name, struct isr_topic_settings value);
void isr_print_bytes(struct isr_text *text, const char *name, struct isr_bytes value);
#define isr_print_u8(text, name, value) isr_print_number(text, name, (int64_t)(value))
#define isr_print_i16(text, name, value) isr_print_number(text, name, (int64_t)(value))
#define isr_print_i32(text, name, value) isr_print_number(text, name, (int64_t)(value))
#define isr_print_u32(text, name, value) isr_print_number(text, name, (int64_t)(value))
#define isr_print_i64(text, name, value) isr_print_number(text, name, (int64_t)(value))
#define isr_print_u64(text, name, value) isr_print_number(text, name, (int64_t)(value))

/* Reads an element count that the remaining input can hold, or fails. */
uint32_t isr_get_count(struct isr_reader *reader, size_t element_bytes_min);

/* ---- declarations: ISR_CODEC_DECLARE(thing) after ISR_FIELDS_thing ---- */
#define ISR_MEMBER_SCALAR(type, name) ISR_SCALAR_##type name;
#define ISR_MEMBER_BYTES(name) struct isr_bytes name;
#define ISR_MEMBER_ARRAY(element, name) \
    struct isr_##element *name;         \
    uint32_t name##_count;

#define ISR_CODEC_DECLARE(thing)                                                  \
    struct isr_##thing {                                                          \
        ISR_FIELDS_##thing(ISR_MEMBER_SCALAR, ISR_MEMBER_BYTES, ISR_MEMBER_ARRAY) \
    };                                                                            \
    size_t isr_size_##thing(const struct isr_##thing *m);                         \
    uint8_t *isr_put_##thing(uint8_t *out, const struct isr_##thing *m);          \
    void isr_get_##thing(struct isr_reader *reader, struct isr_##thing *m);       \
    void isr_print_##thing(struct isr_text *text, const struct isr_##thing *m);   \
    uint64_t isr_hash_##thing(uint64_t hash, const struct isr_##thing *m);

/* ---- definitions: ISR_CODEC_DEFINE(thing) in one C file ---- */
#define ISR_SIZE_SCALAR(type, name) size += isr_size_##type(m->name);
#define ISR_SIZE_BYTES(name) size += 4 + (size_t)m->name.size;
#define ISR_SIZE_ARRAY(element, name)              \
    size += 4;                                     \
    for (uint32_t i = 0; i < m->name##_count; i++) \
        size += isr_size_##element(&m->name[i]);

#define ISR_PUT_SCALAR(type, name) out = isr_put_##type(out, m->name);
#define ISR_PUT_BYTES(name) out = isr_put_bytes(out, m->name);
#define ISR_PUT_ARRAY(element, name)               \
    out = isr_put_u32(out, m->name##_count);       \
    for (uint32_t i = 0; i < m->name##_count; i++) \
        out = isr_put_##element(out, &m->name[i]);

#define ISR_GET_SCALAR(type, name) m->name = isr_get_##type(reader);
#define ISR_GET_BYTES(name) m->name = isr_get_bytes(reader);
/* One byte is the least that an element takes; the count is bounded by the input, so is the memory. */
#define ISR_GET_ARRAY(element, name)                                                          \
    m->name##_count = isr_get_count(reader, 1);                                               \
    m->name = m->name##_count == 0                                                            \
                  ? NULL                                                                      \
                  : isr_scratch_allocate(reader->scratch, m->name##_count * sizeof *m->name); \
    for (uint32_t i = 0; i < m->name##_count; i++)                                            \
        isr_get_##element(reader, &m->name[i]);

#define ISR_PRINT_SCALAR(type, name) isr_print_##type(text, #name, m->name);
#define ISR_PRINT_BYTES(name) isr_print_bytes(text, #name, m->name);
#define ISR_PRINT_ARRAY(element, name)               \
    isr_text_format(text, " " #name "=[");           \
    for (uint32_t i = 0; i < m->name##_count; i++) { \
        isr_text_format(text, "{");                  \
        isr_print_##element(text, &m->name[i]);      \
        isr_text_format(text, " }");                 \
    }                                                \
    isr_text_format(text, "]");

#define ISR_HASH_SCALAR(type, name) hash = isr_hash_##type(hash, m->name);
#define ISR_HASH_BYTES(name) hash = isr_hash_bytes(hash, m->name.data, m->name.size);
#define ISR_HASH_ARRAY(element, name)               \
    hash = isr_hash_combine(hash, m->name##_count); \
    for (uint32_t i = 0; i < m->name##_count; i++)  \
        hash = isr_hash_##element(hash, &m->name[i]);

#define ISR_CODEC_DEFINE(thing)                                                                    \
    size_t isr_size_##thing(const struct isr_##thing *m)                                           \
    {                                                                                              \
        size_t size = 0;                                                                           \
        ISR_FIELDS_##thing(ISR_SIZE_SCALAR, ISR_SIZE_BYTES, ISR_SIZE_ARRAY) return size;           \
    }                                                                                              \
    uint8_t *isr_put_##thing(uint8_t *out, const struct isr_##thing *m)                            \
    {                                                                                              \
        ISR_FIELDS_##thing(ISR_PUT_SCALAR, ISR_PUT_BYTES, ISR_PUT_ARRAY) return out;               \
    }                                                                                              \
    void isr_get_##thing(struct isr_reader *reader, struct isr_##thing *m)                         \
    {                                                                                              \
        ISR_FIELDS_##thing(ISR_GET_SCALAR, ISR_GET_BYTES, ISR_GET_ARRAY)                           \
    }                                                                                              \
    void isr_print_##thing(struct isr_text *text, const struct isr_##thing *m){ISR_FIELDS_##thing( \
        ISR_PRINT_SCALAR, ISR_PRINT_BYTES,                                                         \
        ISR_PRINT_ARRAY)} uint64_t isr_hash_##thing(uint64_t hash, const struct isr_##thing *m)    \
    {                                                                                              \
        ISR_FIELDS_##thing(ISR_HASH_SCALAR, ISR_HASH_BYTES, ISR_HASH_ARRAY) return hash;           \
    }

#endif

/* For tests and seeds: a message of any kind with random fields, made from the lists of fields. */
#ifndef ISR_WIRE_TESTS_RANDOM_MESSAGE_H
#define ISR_WIRE_TESTS_RANDOM_MESSAGE_H

#include "core/tests/support.h"
#include "core/wire/message.h"

struct generator {
    struct test_random random;
    struct isr_scratch *scratch;
};

/* Small, large, negative, extreme. */
static inline uint64_t generate_number(struct generator *generator)
{
    uint64_t number = test_random_next(&generator->random);
    switch (test_random_below(&generator->random, 4)) {
    case 0:
        return number % 10;
    case 1:
        return (uint64_t)0 - number % 3;
    case 2:
        return UINT64_C(1) << (number % 64);
    default:
        return number;
    }
}

#define GENERATE_NUMBER(type)                                                    \
    static inline ISR_SCALAR_##type generate_##type(struct generator *generator) \
    {                                                                            \
        return (ISR_SCALAR_##type)generate_number(generator);                    \
    }
GENERATE_NUMBER(u8)
GENERATE_NUMBER(i16)
GENERATE_NUMBER(i32)
GENERATE_NUMBER(u32)
GENERATE_NUMBER(i64)
GENERATE_NUMBER(u64)

static inline struct isr_tp generate_tp(struct generator *generator)
{
    return (struct isr_tp){.topic = (uint16_t)generate_number(generator),
                           .index = (uint16_t)generate_number(generator)};
}

static inline struct isr_replicas generate_replicas(struct generator *generator)
{
    struct isr_replicas set = {0};
    uint32_t count = test_random_below(&generator->random, ISR_REPLICAS_MAX + 1);
    for (uint32_t i = 0; i < count; i++)
        isr_replicas_add(&set, 1 + (int32_t)test_random_below(&generator->random, ISR_NODE_MAX));
    return set;
}

static inline struct isr_name generate_name(struct generator *generator)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    struct isr_name name = {{0}};
    uint32_t length = 1 + test_random_below(&generator->random, ISR_NAME_BYTES_MAX - 1);
    for (uint32_t i = 0; i < length; i++)
        name.text[i] = letters[test_random_below(&generator->random, sizeof letters - 1)];
    return name;
}

static inline struct isr_topic_settings generate_settings(struct generator *generator)
{
    struct isr_topic_settings settings;
    size_t count;
    const struct isr_topic_setting_info *infos = isr_topic_setting_list(&count);
    for (size_t i = 0; i < count; i++) {
        int64_t wide = infos[i].most - infos[i].least;
        uint32_t span = wide < UINT32_MAX ? (uint32_t)wide + 1 : UINT32_MAX;
        isr_topic_setting_set(&settings, &infos[i],
                              infos[i].least + (int64_t)test_random_below(&generator->random, span));
    }
    return settings;
}

static inline struct isr_bytes generate_bytes(struct generator *generator)
{
    struct isr_bytes bytes = {.size = test_random_below(&generator->random, 40)};
    uint8_t *data = isr_scratch_allocate(generator->scratch, bytes.size + 1);
    for (uint32_t i = 0; i < bytes.size; i++)
        data[i] = (uint8_t)test_random_next(&generator->random);
    bytes.data = data;
    return bytes;
}

#define GENERATE_SCALAR(type, name) m->name = generate_##type(generator);
#define GENERATE_BYTES(name) m->name = generate_bytes(generator);
#define GENERATE_ARRAY(element, name)                                                            \
    m->name##_count = test_random_below(&generator->random, 4);                                  \
    m->name = isr_scratch_allocate(generator->scratch, (m->name##_count + 1) * sizeof *m->name); \
    for (uint32_t i = 0; i < m->name##_count; i++)                                               \
        generate_##element(generator, &m->name[i]);
#define GENERATE(thing)                                                                     \
    static inline void generate_##thing(struct generator *generator, struct isr_##thing *m) \
    {                                                                                       \
        ISR_FIELDS_##thing(GENERATE_SCALAR, GENERATE_BYTES, GENERATE_ARRAY)                 \
    }
#define X(name) GENERATE(name)
ISR_MESSAGE_PARTS(X)
#undef X
#define X(NAME, name, group) GENERATE(name)
ISR_MESSAGES(X)
#undef X

static inline void generate_message(struct generator *generator, enum isr_message_kind kind,
                                    struct isr_message *message)
{
    memset(message, 0, sizeof *message);
    message->kind = kind;
    switch (kind) {
#define X(NAME, name, group)                        \
    case ISR_MESSAGE_##NAME:                        \
        generate_##name(generator, &message->name); \
        break;
        ISR_MESSAGES(X)
#undef X
    case ISR_MESSAGE_KINDS:
        break;
    }
}

#endif

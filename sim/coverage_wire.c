/* The epoch of a frame, without decoding it: a walk over its fields as far as the one that is wanted. */
#include <string.h>

#include "sim/coverage.h"

/* How many bytes a field takes: fixed, or by what stands at its beginning. */
enum width {
    WIDTH_END,
    WIDTH_1,
    WIDTH_2,
    WIDTH_4,
    WIDTH_8,
    WIDTH_TP,
    WIDTH_SETTINGS,
    WIDTH_COUNTED,
    WIDTH_SIZED,
    WIDTH_PARTS
};
#define WIDTH_OF_u8 WIDTH_1
#define WIDTH_OF_i16 WIDTH_2
#define WIDTH_OF_i32 WIDTH_4
#define WIDTH_OF_u32 WIDTH_4
#define WIDTH_OF_i64 WIDTH_8
#define WIDTH_OF_u64 WIDTH_8
#define WIDTH_OF_tp WIDTH_TP
#define WIDTH_OF_replicas WIDTH_COUNTED /* a byte says how many bytes follow */
#define WIDTH_OF_name WIDTH_COUNTED
#define WIDTH_OF_settings WIDTH_SETTINGS

struct layout {
    enum width width;
    const char *name;
    const struct layout *parts; /* of the elements of an array */
};

#define SCALAR(type, name_) {WIDTH_OF_##type, #name_, NULL},
#define BYTES(name_) {WIDTH_SIZED, #name_, NULL},
#define ARRAY(element, name_) {WIDTH_PARTS, #name_, layout_##element},
/* Some parts stand only in fields of bytes, which are not looked into. */
#define X(name)                                                            \
    __attribute__((unused)) static const struct layout layout_##name[] = { \
        ISR_FIELDS_##name(SCALAR, BYTES, ARRAY){WIDTH_END, NULL, NULL}};
ISR_MESSAGE_PARTS(X)
#undef X
#define X(NAME, name, group)                       \
    static const struct layout layout_##name[] = { \
        ISR_FIELDS_##name(SCALAR, BYTES, ARRAY){WIDTH_END, NULL, NULL}};
ISR_MESSAGES(X)
#undef X
#undef SCALAR
#undef BYTES
#undef ARRAY

static const struct layout *const layouts[] = {
#define X(NAME, name, group) layout_##name,
    ISR_MESSAGES(X)
#undef X
};

/* ---- plans ---- */

/* take: what the field is wanted for. Of an array only the first element is looked at, and nothing behind it.
 */
enum take { TAKE_NOTHING, TAKE_TP, TAKE_EPOCH, TAKE_ERROR };
struct plan_field {
    uint8_t width, take;
};
enum { PLAN_FIELDS_MAX = 28 };
struct plan {
    uint8_t count, epoch_class;
    struct plan_field fields[PLAN_FIELDS_MAX];
};
struct sim_frame_plans {
    struct plan plans[ISR_MESSAGE_KINDS];
};

static enum sim_epoch_class class_of(const char *name)
{
    static const struct {
        const char *name;
        enum sim_epoch_class epoch_class;
    } names[] = {{"leader_epoch", SIM_EPOCH_LEADER}, {"current_leader_epoch", SIM_EPOCH_LEADER},
                 {"term", SIM_EPOCH_TERM},           {"controller_epoch", SIM_EPOCH_CONTROLLER},
                 {"broker_epoch", SIM_EPOCH_BROKER}, {"previous_broker_epoch", SIM_EPOCH_BROKER}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i].name, name) == 0)
            return names[i].epoch_class;
    }
    return SIM_EPOCH_NONE;
}

/* The class that comes first in the enum of those that the message has. Of an array's elements only leaders'
 * epochs count: the terms of a log's entries say nothing of who sends them. */
static enum sim_epoch_class best_class(const struct layout *field)
{
    enum sim_epoch_class best = SIM_EPOCH_NONE;
    for (; field->width != WIDTH_END; field++) {
        enum sim_epoch_class found =
            field->width == WIDTH_PARTS ? best_class(field->parts) : class_of(field->name);
        if (field->width == WIDTH_PARTS && found != SIM_EPOCH_LEADER)
            found = SIM_EPOCH_NONE;
        if (found != SIM_EPOCH_NONE && (best == SIM_EPOCH_NONE || found < best))
            best = found;
        if (field->width == WIDTH_PARTS)
            break;
    }
    return best;
}

static enum take wanted(const struct plan *plan, const struct layout *field, const bool taken[])
{
    bool epoch = plan->epoch_class != SIM_EPOCH_NONE && (int)class_of(field->name) == plan->epoch_class;
    enum take take = field->width == WIDTH_PARTS                                    ? TAKE_NOTHING
                     : epoch                                                        ? TAKE_EPOCH
                     : field->width == WIDTH_TP                                     ? TAKE_TP
                     : field->width == WIDTH_1 && strcmp(field->name, "error") == 0 ? TAKE_ERROR
                                                                                    : TAKE_NOTHING;
    return taken[take] ? TAKE_NOTHING : take;
}

static void add_fields(struct plan *plan, const struct layout *field, bool taken[])
{
    for (; field->width != WIDTH_END && plan->count < PLAN_FIELDS_MAX; field++) {
        enum take take = wanted(plan, field, taken);
        taken[take] = take != TAKE_NOTHING;
        plan->fields[plan->count++] = (struct plan_field){(uint8_t)field->width, (uint8_t)take};
        if (field->width == WIDTH_PARTS) {
            add_fields(plan, field->parts, taken);
            return;
        }
    }
}

struct sim_frame_plans *sim_frame_plans_new(struct isr_heap *heap)
{
    struct sim_frame_plans *plans = isr_heap_allocate(heap, sizeof *plans);
    for (unsigned kind = 0; kind < ISR_MESSAGE_KINDS; kind++) {
        struct plan *plan = &plans->plans[kind];
        bool taken[TAKE_ERROR + 1] = {false};
        plan->epoch_class = (uint8_t)best_class(layouts[kind]);
        add_fields(plan, layouts[kind], taken);
        while (plan->count > 0 && plan->fields[plan->count - 1].take == TAKE_NOTHING)
            plan->count--;
    }
    return plans;
}

enum sim_epoch_class sim_coverage_epoch_class(enum isr_message_kind kind)
{
    return best_class(layouts[kind]);
}

/* ---- frames ---- */

static uint32_t size_at(const uint8_t *bytes)
{
    uint32_t size;
    memcpy(&size, bytes, sizeof size);
    return size;
}

/* The bytes of the field at `at`, of which `left` are there. */
static uint64_t width_at(enum width width, const uint8_t *at, uint32_t left)
{
    switch (width) {
    case WIDTH_1:
        return 1;
    case WIDTH_2:
        return 2;
    case WIDTH_4:
    case WIDTH_TP:
        return 4;
    case WIDTH_8:
        return 8;
    case WIDTH_SETTINGS:
        return sizeof(struct isr_topic_settings);
    case WIDTH_COUNTED:
        return left < 1 ? 1 : 1 + (uint64_t)at[0];
    case WIDTH_SIZED:
        return left < 4 ? 4 : 4 + (uint64_t)size_at(at);
    case WIDTH_PARTS: /* how many elements; the first one follows */
        return left < 4 || size_at(at) == 0 ? UINT32_MAX : 4;
    case WIDTH_END:
        break;
    }
    return UINT32_MAX;
}

static int64_t number_at(const uint8_t *bytes, uint64_t width)
{
    int32_t word;
    int64_t number;
    if (width == sizeof word) {
        memcpy(&word, bytes, sizeof word);
        return word;
    }
    memcpy(&number, bytes, sizeof number);
    return number;
}

struct sim_frame_epoch sim_frame_epoch_of(const struct sim_frame_plans *plans, enum isr_message_kind kind,
                                          const uint8_t *bytes, uint32_t size_bytes)
{
    const struct plan *plan = &plans->plans[kind];
    struct sim_frame_epoch found = {.epoch_class = SIM_EPOCH_NONE};
    uint64_t at = ISR_FRAME_HEADER_BYTES;
    for (unsigned i = 0; i < plan->count && at < size_bytes; i++) {
        const struct plan_field *field = &plan->fields[i];
        uint64_t width = width_at((enum width)field->width, bytes + at, size_bytes - (uint32_t)at);
        if (at + width > size_bytes)
            break;
        if (field->take == TAKE_TP) {
            found.has_tp = true;
            found.tp = size_at(bytes + at);
        } else if (field->take == TAKE_EPOCH) {
            found.epoch_class = (enum sim_epoch_class)plan->epoch_class;
            found.epoch = number_at(bytes + at, width);
        } else if (field->take == TAKE_ERROR) {
            found.error = bytes[at];
        }
        at += width;
    }
    return found;
}

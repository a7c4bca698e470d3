/* A set of kinds of messages: which ones a step keeps or drops. */
#ifndef SIM_MESSAGE_SET_H
#define SIM_MESSAGE_SET_H

#include "core/wire/message.h"

/* Empty: every kind. The last bit is for what is no kind: a damaged frame may say anything. */
struct sim_message_set {
    uint64_t bits[2];
};

#define SIM_MESSAGE_SET_OTHERS 127u
_Static_assert((unsigned)ISR_MESSAGE_KINDS <= SIM_MESSAGE_SET_OTHERS, "a set has a bit for each kind");

static inline unsigned sim_message_set_place(unsigned kind)
{
    return kind < ISR_MESSAGE_KINDS ? kind : SIM_MESSAGE_SET_OTHERS;
}

static inline bool sim_message_set_is_empty(const struct sim_message_set *set)
{
    return (set->bits[0] | set->bits[1]) == 0;
}

static inline void sim_message_set_add(struct sim_message_set *set, unsigned kind)
{
    unsigned place = sim_message_set_place(kind);
    set->bits[place / 64] |= UINT64_C(1) << (place % 64);
}

static inline bool sim_message_set_has(const struct sim_message_set *set, unsigned kind)
{
    unsigned place = sim_message_set_place(kind);
    return (set->bits[place / 64] >> (place % 64) & 1) != 0;
}

static inline void sim_message_set_unite(struct sim_message_set *set, const struct sim_message_set *others)
{
    set->bits[0] |= others->bits[0];
    set->bits[1] |= others->bits[1];
}

static inline void sim_message_set_remove(struct sim_message_set *set, const struct sim_message_set *others)
{
    set->bits[0] &= ~others->bits[0];
    set->bits[1] &= ~others->bits[1];
}

#endif

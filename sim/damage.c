#include "sim/damage.h"

#include "sim/base/random.h"

static void flip(struct sim_message *message, uint64_t draw)
{
    uint64_t bit = sim_random_below(draw, (uint64_t)message->size_bytes * 8);
    message->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* Different bits: an even number of flips must not undo itself. */
static void flip_some(struct sim_message *message, uint64_t draw)
{
    uint64_t count = 1 + sim_random_below(draw, 3);
    uint64_t bits = (uint64_t)message->size_bytes * 8;
    uint64_t first = sim_random_below(isr_mix(draw), bits);
    for (uint64_t i = 0; i < count; i++)
        flip(message, first + i * (bits / 4 + 1));
}

static void splice(struct sim_message *message, uint64_t draw)
{
    uint32_t from = (uint32_t)sim_random_below(draw, message->size_bytes);
    uint32_t missing = 1 + (uint32_t)sim_random_below(isr_mix(draw), message->size_bytes - from);
    for (uint32_t i = from + missing; i < message->size_bytes; i++)
        message->bytes[i - missing] = message->bytes[i];
    message->size_bytes -= missing;
}

void sim_message_damage(struct sim_message *message, uint64_t draw)
{
    if (message->size_bytes == 0)
        return;
    message->damaged = true;
    switch (draw & 3) {
    case 0:
        message->size_bytes = (uint32_t)sim_random_below(draw >> 2, message->size_bytes);
        return;
    case 1:
        splice(message, draw >> 2);
        return;
    default:
        flip_some(message, draw >> 2);
        return;
    }
}

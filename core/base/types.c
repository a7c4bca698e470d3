#include "core/base/types.h"

#include "core/base/assert.h"

bool isr_replicas_contain(const struct isr_replicas *set, int32_t node)
{
    for (unsigned i = 0; i < set->count; i++) {
        if (set->ids[i] == node)
            return true;
    }
    return false;
}

void isr_replicas_add(struct isr_replicas *set, int32_t node)
{
    if (isr_replicas_contain(set, node))
        return;
    ISR_ASSERT(set->count < ISR_REPLICAS_MAX);
    ISR_ASSERT(node > 0 && node <= ISR_NODE_MAX);
    set->ids[set->count++] = (int16_t)node;
}

void isr_replicas_remove(struct isr_replicas *set, int32_t node)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < set->count; i++) {
        if (set->ids[i] != node)
            set->ids[kept++] = set->ids[i];
    }
    for (unsigned i = kept; i < set->count; i++)
        set->ids[i] = 0;
    set->count = (uint8_t)kept;
}

bool isr_replicas_subset(const struct isr_replicas *inner, const struct isr_replicas *outer)
{
    for (unsigned i = 0; i < inner->count; i++) {
        if (!isr_replicas_contain(outer, inner->ids[i]))
            return false;
    }
    return true;
}

bool isr_replicas_equal_as_sets(const struct isr_replicas *a, const struct isr_replicas *b)
{
    return a->count == b->count && isr_replicas_subset(a, b);
}

uint64_t isr_replicas_pack(const struct isr_replicas *set)
{
    uint64_t packed = 0;
    for (unsigned i = 0; i < set->count; i++)
        packed |= (uint64_t)(uint8_t)set->ids[i] << (8 * i);
    return packed;
}

struct isr_replicas isr_replicas_unpack(uint64_t packed)
{
    struct isr_replicas set = {0};
    for (; packed != 0; packed >>= 8)
        set.ids[set.count++] = (int16_t)(packed & 0xff);
    return set;
}

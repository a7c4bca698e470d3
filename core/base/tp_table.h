/* A table from topic partitions to whatever belongs to them, found at once: by topic id, then by index. Topic
 * ids are small numbers and partitions are counted from 0. */
#ifndef ISR_BASE_TP_TABLE_H
#define ISR_BASE_TP_TABLE_H

#include "core/base/heap.h"
#include "core/base/types.h"

struct isr_tp_row {
    void **items; /* by index; NULL: there is none */
    uint32_t count;
};

struct isr_tp_table {
    struct isr_tp_row *rows; /* by topic id */
    uint32_t count;
};

static inline void *isr_tp_table_get(const struct isr_tp_table *table, struct isr_tp tp)
{
    if (tp.topic >= table->count || tp.index >= table->rows[tp.topic].count)
        return NULL;
    return table->rows[tp.topic].items[tp.index];
}

/* NULL takes it out. */
void isr_tp_table_set(struct isr_tp_table *table, struct isr_heap *heap, struct isr_tp tp, void *item);

#endif

#include "core/base/tp_table.h"

/* Room for a place: at least twice what was there. */
static void *widened(struct isr_heap *heap, void *array, size_t element_bytes, uint32_t *count,
                     uint32_t place)
{
    if (place < *count)
        return array;
    uint32_t wider = *count == 0 ? 8 : *count * 2;
    if (wider <= place)
        wider = place + 1;
    array = isr_heap_resize(heap, array, element_bytes * *count, element_bytes * wider);
    *count = wider;
    return array;
}

void isr_tp_table_set(struct isr_tp_table *table, struct isr_heap *heap, struct isr_tp tp, void *item)
{
    table->rows = widened(heap, table->rows, sizeof *table->rows, &table->count, tp.topic);
    struct isr_tp_row *row = &table->rows[tp.topic];
    row->items = widened(heap, row->items, sizeof(void *), &row->count, tp.index);
    row->items[tp.index] = item;
}

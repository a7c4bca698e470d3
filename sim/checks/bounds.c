/* I8: log start <= high watermark <= LEO, and the epoch cache is strictly increasing and within the log. Held
 * after every change of a replica, recovery included; the whole cache where it may have changed, else its
 * end. */
#include "sim/canary.h"
#include "sim/checks/state.h"

static bool cache_is_sound(const struct sim_replica_view *seen, bool whole)
{
    uint32_t count = seen->epochs_count;
    uint32_t first = whole || count < 2 ? 0 : count - 2;
    for (uint32_t i = first; i < count; i++) {
        const struct isr_epoch_entry *entry = &seen->epochs[i];
        if (entry->start_offset < seen->log_start || entry->start_offset > seen->log_end)
            return false;
        if (i > first && (entry->epoch <= entry[-1].epoch || entry->start_offset <= entry[-1].start_offset))
            return false;
    }
    return true;
}

static void tell_cache(struct sim_checks *checks, const struct check_partition *partition, int32_t node,
                       const struct sim_replica_view *seen)
{
    char buffer[400] = "";
    struct isr_text entries = ISR_TEXT(buffer);
    uint32_t first = seen->epochs_count > 12 ? seen->epochs_count - 12 : 0;
    for (uint32_t i = first; i < seen->epochs_count; i++)
        isr_text_format(&entries, " %d from %ld", seen->epochs[i].epoch, seen->epochs[i].start_offset);
    check_fail(checks, SIM_INVARIANT_I8,
               "%s: the epoch cache of %s (%s ) is not strictly increasing within its log of %ld to %ld",
               check_partition_label(partition).text, check_node_label(checks, node).text, buffer,
               seen->log_start, seen->log_end);
}

/* A step may tell of many changes; what is looked at is how it left the replica. */
void check_bounds(struct sim_checks *checks, const struct check_partition *partition,
                  struct check_replica *replica, bool whole_cache)
{
    const struct sim_view *view = &checks->view;
    struct sim_replica_view seen;
    int32_t node = replica->node;
    if (!whole_cache && replica->bounded_step == checks->step)
        return;
    if (SIM_CANARY(check_skips_node) && node == 1)
        return;
    replica->bounded_step = checks->step;
    if (!view->replica(view->object, node, partition->tp, &seen))
        return;
    check_count(checks, SIM_INVARIANT_I8);
    if (seen.log_start < 0 || seen.log_start > seen.high_watermark || seen.high_watermark > seen.log_end)
        check_fail(checks, SIM_INVARIANT_I8,
                   "%s: on %s log start %ld, high watermark %ld and LEO %ld are not in order",
                   check_partition_label(partition).text, check_node_label(checks, node).text, seen.log_start,
                   seen.high_watermark, seen.log_end);
    if (!cache_is_sound(&seen, whole_cache))
        tell_cache(checks, partition, node, &seen);
}

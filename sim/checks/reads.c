/* I4: what a consumer read at an offset never changes and never disappears (ConsistentRead).
 *
 * A batch that was read is marked; that it stays is judged with every later leader (acknowledged.c). Here:
 * what is read is what is committed there. A batch that is read before a leader in its own valid term
 * committed it is kept as a stray until that is decided. Records that an allowed loss took are nobody's
 * concern any more.
 *
 * And the latest offset that a leader tells lies behind nothing that was committed before its epoch: who
 * begins to read there must not miss what is written from then on, nor see the end of the log go back
 * (KIP-207). What was committed in its own epoch, or since, may be more than it knows: it may be deposed
 * already. */
#include "sim/checks/state.h"

void check_read(struct sim_checks *checks, struct check_partition *partition, int32_t consumer,
                const struct isr_observation *observation)
{
    int64_t base = observation->record_read.base;
    int32_t epoch = (int32_t)observation->record_read.leader_epoch;
    check_count(checks, SIM_INVARIANT_I4);
    const struct check_line *line = check_history_line(&partition->history, epoch);
    struct check_entry *entry = line == NULL ? NULL : check_line_find(line, base);
    if (entry == NULL || entry->base != base || check_entry_end(entry) != observation->record_read.last + 1 ||
        entry->crc != (uint32_t)observation->record_read.crc) {
        check_fail(
            checks, SIM_INVARIANT_I4,
            "%s: %s read from %s records at offset %ld of epoch %d that no leader of that epoch wrote there",
            check_partition_label(partition).text, check_node_label(checks, consumer).text,
            check_node_label(checks, (int32_t)observation->record_read.from).text, base, epoch);
        return;
    }
    entry->flags |= CHECK_READ;
    if (check_is_committed(partition, entry))
        return;
    int32_t committed_epoch = ISR_EPOCH_NONE;
    const struct check_entry *committed =
        check_history_committed(&partition->history, base, &committed_epoch);
    bool excused = check_ledger_forgiven(partition, epoch, base) ||
                   ((entry->flags & CHECK_COMMITTED) == 0 && check_ledger_overrules(partition, epoch, entry));
    if (excused)
        return;
    if (committed == NULL) {
        check_ledger_stray(checks, partition, epoch, entry);
        return;
    }
    check_fail(checks, SIM_INVARIANT_I4,
               "%s: %s read from %s a record of epoch %d at offset %ld, where one of epoch %d is committed",
               check_partition_label(partition).text, check_node_label(checks, consumer).text,
               check_node_label(checks, (int32_t)observation->record_read.from).text, epoch, base,
               committed_epoch);
}

void check_latest_told(struct sim_checks *checks, struct check_partition *partition, int32_t leader,
                       const struct isr_observation *observation)
{
    int32_t epoch = (int32_t)observation->latest_told.leader_epoch;
    int64_t before = check_history_committed_before(&partition->history, epoch);
    check_count(checks, SIM_INVARIANT_I4);
    /* Who is of an epoch before another history began need not hold what is committed since. */
    int64_t floor = check_ledger_floor(partition, epoch);
    if (before > floor)
        before = floor;
    if (observation->latest_told.offset >= before)
        return;
    check_fail(
        checks, SIM_INVARIANT_I4,
        "%s: %s, leader of epoch %d, told %s that the latest offset is %ld, although records up to %ld "
        "were committed before its epoch",
        check_partition_label(partition).text, check_node_label(checks, leader).text, epoch,
        check_node_label(checks, (int32_t)observation->latest_told.client).text,
        observation->latest_told.offset, before);
}

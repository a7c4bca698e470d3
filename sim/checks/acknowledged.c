/* I3: every record acknowledged with acks=all is in the log of every later elected leader.
 *
 * Judged when a leader begins: from where its log is known to agree with what is committed it is compared
 * batch by batch, so that a leader that was in sync costs next to nothing. A missing record is a violation
 * unless its contract (ledger.h) allows the loss; with a record that was only read it is one of I4, and of I1
 * when nobody knew of it. What was lost is no longer committed: the history goes on from the leader's log. */
#include "sim/checks/state.h"

/* Why the loss is not excused, for people. */
static struct check_label promise_label(const struct check_partition *partition, int32_t record_epoch,
                                        const struct check_entry *entry)
{
    struct check_label label = {0};
    struct isr_text text = ISR_TEXT(label.text);
    int32_t lost = check_ledger_replicas_lost(partition, record_epoch, entry);
    if (isr_topic_commit(&partition->settings) == ISR_COMMIT_ALL_ISR)
        isr_text_format(&text, "min ISR %d; ", partition->min_isr);
    else
        isr_text_format(&text, "%s, promised until %d replicas lost it; ",
                        isr_commit_policy_info(isr_topic_commit(&partition->settings))->name,
                        partition->promise);
    if (lost == 0)
        isr_text_format(&text, "no replica lost it by losing power");
    else
        isr_text_format(&text, "%d of %d replicas lost it by losing power", lost,
                        partition->replication_factor);
    return label;
}

/* "orders-0: record at offset 12 (epoch 3)[, acknowledged ... | , read by a consumer]", then what the caller
 * adds. */
static void tell_lost(struct sim_checks *checks, const struct check_partition *partition,
                      int32_t record_epoch, const struct check_entry *entry, int32_t leader,
                      int32_t leader_epoch)
{
    const struct sim_view *view = &checks->view;
    struct sim_replica_view replica = {0};
    struct sim_batch_view batch;
    char buffer[160] = "", there[120] = "";
    struct isr_text history = ISR_TEXT(buffer), instead = ISR_TEXT(there);
    enum sim_invariant invariant = SIM_INVARIANT_I1;
    (void)view->replica(view->object, leader, partition->tp, &replica);
    if (check_batch_at(checks, partition, leader, entry->base, &batch))
        isr_text_format(&instead, "; it has a record of epoch %d there", batch.leader_epoch);
    if ((entry->flags & CHECK_ACKED) != 0) {
        invariant = SIM_INVARIANT_I3;
        isr_text_format(&history, "acknowledged with acks=all to %s at %s",
                        check_node_label(checks, entry->client).text, check_time_label(entry->acked_ns).text);
    } else if ((entry->flags & CHECK_READ) != 0) {
        invariant = SIM_INVARIANT_I4;
        isr_text_format(&history, "which a consumer had read");
    } else {
        isr_text_format(&history, "committed below a high watermark");
    }
    check_fail(checks, invariant,
               "%s: record at offset %ld (epoch %d), %s, is not in the log of %s, elected leader of epoch %d "
               "with LEO "
               "%ld%s (%s)",
               check_partition_label(partition).text, entry->base, record_epoch, history.buffer,
               check_node_label(checks, leader).text, leader_epoch, replica.log_end, instead.buffer,
               promise_label(partition, record_epoch, entry).text);
}

/* A record is not in the log of a later leader. */
static void lost(struct sim_checks *checks, struct check_partition *partition, int32_t record_epoch,
                 const struct check_entry *entry, int32_t leader, int32_t leader_epoch)
{
    bool known = (entry->flags & (CHECK_ACKED | CHECK_READ)) != 0;
    bool overruled =
        (entry->flags & CHECK_COMMITTED) == 0 && check_ledger_overrules(partition, record_epoch, entry);
    if (overruled || check_ledger_excuses(partition, record_epoch, entry, leader_epoch)) {
        if (known)
            checks->losses_allowed[partition->settings.commit] += entry->count;
        return;
    }
    checks->losses_forbidden += known ? entry->count : 0;
    tell_lost(checks, partition, record_epoch, entry, leader, leader_epoch);
}

/* What is committed from `from` on is not in the leader's log. Acknowledged records first: that is the
 * plainer story. */
static void committed_lost(struct sim_checks *checks, struct check_partition *partition, int64_t from,
                           int32_t leader, int32_t leader_epoch)
{
    for (int pass = 0; pass < 2; pass++) {
        int64_t offset = check_history_known_from(&partition->history, from);
        while (offset < partition->history.true_high_watermark) {
            int32_t epoch = ISR_EPOCH_NONE;
            const struct check_entry *entry = check_history_committed(&partition->history, offset, &epoch);
            if (entry == NULL)
                break;
            bool acked = (entry->flags & CHECK_ACKED) != 0;
            if (acked == (pass == 0))
                lost(checks, partition, epoch, entry, leader, leader_epoch);
            offset = check_history_known_from(&partition->history, check_entry_end(entry));
        }
    }
    check_ledger_forgive(checks, partition, from, leader_epoch);
    check_history_cut(&partition->history, from);
    for (uint32_t i = 0; i < partition->replicas_count; i++) {
        if (partition->replicas[i].matched > from)
            partition->replicas[i].matched = from;
    }
    check_producers_cut(checks, partition, leader);
    check_keys_cut(checks, partition);
}

static struct check_entry *stray_entry(const struct check_partition *partition, struct check_stray stray)
{
    const struct check_line *line = check_history_line(&partition->history, stray.epoch);
    return line == NULL ? NULL : check_line_find(line, stray.base);
}

/* What lies below the start of its log was deleted: whether that was allowed is for I11 to say. */
static bool holds(struct sim_checks *checks, struct check_partition *partition, int32_t node, int32_t epoch,
                  const struct check_entry *entry)
{
    struct sim_batch_view batch;
    struct sim_replica_view seen;
    if (checks->view.replica(checks->view.object, node, partition->tp, &seen) &&
        check_entry_end(entry) <= seen.log_start)
        return true;
    if (check_batch_at(checks, partition, node, entry->base, &batch) && batch.leader_epoch == epoch &&
        batch.base_offset == entry->base && batch.crc == entry->crc)
        return true;
    return check_compacted_holds(checks, partition, node, epoch, entry);
}

/* Drops the stray at a place of the list. */
static void stray_drop(struct check_ledger *ledger, uint32_t place)
{
    for (uint32_t i = place + 1; i < ledger->strays_count; i++)
        ledger->strays[i - 1] = ledger->strays[i];
    ledger->strays_count--;
}

static void strays_held(struct sim_checks *checks, struct check_partition *partition, int32_t leader,
                        int32_t leader_epoch)
{
    struct check_ledger *ledger = &partition->ledger;
    for (uint32_t i = 0; i < ledger->strays_count;) {
        struct check_stray stray = ledger->strays[i];
        const struct check_entry *entry = stray_entry(partition, stray);
        if (entry == NULL || stray.epoch > leader_epoch ||
            holds(checks, partition, leader, stray.epoch, entry)) {
            i++;
            continue;
        }
        lost(checks, partition, stray.epoch, entry, leader, leader_epoch);
        stray_drop(ledger, i);
    }
}

void check_strays_committed(struct sim_checks *checks, struct check_partition *partition, int32_t leader,
                            int32_t epoch, const struct check_entry *entry)
{
    struct check_ledger *ledger = &partition->ledger;
    for (uint32_t i = 0; i < ledger->strays_count;) {
        struct check_stray stray = ledger->strays[i];
        const struct check_entry *other = stray_entry(partition, stray);
        if (other == NULL || check_entry_end(other) <= entry->base || check_entry_end(entry) <= other->base) {
            i++;
            continue;
        }
        if (other != entry)
            lost(checks, partition, stray.epoch, other, leader,
                 epoch > stray.epoch ? epoch : partition->epoch_judged);
        stray_drop(ledger, i);
    }
}

void check_leader_holds(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                        int32_t epoch)
{
    struct check_replica *replica = check_replica_of(checks, partition, node);
    int64_t committed = partition->history.true_high_watermark;
    check_count(checks, SIM_INVARIANT_I3);
    int64_t from = check_match(checks, partition, replica, committed);
    if (from < committed)
        committed_lost(checks, partition, from, node, epoch);
    strays_held(checks, partition, node, epoch);
    check_ledger_judged(checks, partition, epoch, from < committed);
}

void check_began_to_lead(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                         int32_t epoch)
{
    const struct sim_view *view = &checks->view;
    struct sim_replica_view seen;
    /* Where it was passed over already, the leader that was decided on since is judged instead: what is
     * committed goes on with that one. */
    if (epoch < partition->epoch_max || !view->replica(view->object, node, partition->tp, &seen))
        return;
    struct check_replica *replica = check_replica_of(checks, partition, node);
    if (replica->matched < seen.log_start)
        replica->matched = seen.log_start;
    checks->elected = true;
    check_leader_holds(checks, partition, node, epoch);
    partition->epoch_judged = epoch;
    partition->judged_leader = node;
}

void check_answered(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                    const struct isr_observation *observation)
{
    const struct sim_view *view = &checks->view;
    struct sim_batch_view batch;
    int64_t base = observation->produce_answered.base;
    if (observation->produce_answered.error != 0 || observation->produce_answered.acks != -1 || base < 0 ||
        !check_batch_at(checks, partition, node, base, &batch))
        return;
    const struct check_line *line = check_history_line(&partition->history, batch.leader_epoch);
    struct check_entry *entry = line == NULL ? NULL : check_line_find(line, base);
    if (entry == NULL || entry->base != base || (entry->flags & CHECK_ACKED) != 0)
        return;
    entry->flags |= CHECK_ACKED;
    entry->acked_ns = view->now_ns(view->object);
    entry->client = (int16_t)observation->produce_answered.client;
    checks->records_acked += entry->count;
    if (check_is_committed(partition, entry))
        return;
    check_ledger_stray(checks, partition, batch.leader_epoch, entry);
    /* Acknowledged by a deposed leader: the one that followed it must have it too. */
    struct sim_replica_view seen;
    if (partition->epoch_judged > batch.leader_epoch && partition->judged_leader != node &&
        view->replica(view->object, partition->judged_leader, partition->tp, &seen) &&
        seen.role == SIM_REPLICA_LEADS && seen.leader_epoch == partition->epoch_judged)
        strays_held(checks, partition, partition->judged_leader, partition->epoch_judged);
}

/* May the client have been answered in another history, of which the offset is no longer the one that counts?
 * By the leader of an epoch that a later election parted from; its answer may come long afterwards. */
static bool acked_in_another_history(const struct check_partition *partition, int32_t client, int64_t offset,
                                     const struct check_entry *committed)
{
    const struct check_history *history = &partition->history;
    for (uint32_t i = history->lines_count; i > 0; i--) {
        const struct check_line *line = history->lines[i - 1];
        const struct check_entry *entry = check_line_find(line, offset);
        if (entry != NULL && entry != committed && entry->base == offset &&
            (entry->flags & CHECK_ACKED) != 0 && entry->client == client &&
            offset >= check_ledger_floor(partition, line->epoch))
            return true;
    }
    return false;
}

void check_client_acked(struct sim_checks *checks, struct check_partition *partition, int32_t client,
                        int64_t offset, uint64_t first_value)
{
    int32_t epoch = ISR_EPOCH_NONE;
    const struct check_entry *entry = check_history_committed(&partition->history, offset, &epoch);
    if (entry == NULL || entry->first_value == first_value)
        return; /* above what is committed the leaders are judged, not the answer */
    if (acked_in_another_history(partition, client, offset, entry))
        return;
    check_fail(
        checks, SIM_INVARIANT_I3,
        "%s: %s was told that its record %lu is at offset %ld, where record %lu (epoch %d) is committed",
        check_partition_label(partition).text, check_node_label(checks, client).text, first_value, offset,
        entry->first_value, epoch);
}

void check_topic_removed(struct sim_checks *checks, struct check_partition *partition)
{
    partition->removed = true;
    for (uint32_t i = 0; i < partition->history.lines_count; i++) {
        const struct check_line *line = partition->history.lines[i];
        for (uint32_t k = 0; k < line->count; k++) {
            const struct check_entry *entry = check_line_at(line, k);
            if ((entry->flags & CHECK_ACKED) != 0)
                checks->losses_allowed[partition->settings.commit] += entry->count;
        }
    }
}

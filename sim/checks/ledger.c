#include "sim/checks/ledger.h"

#include "sim/checks/state.h"

static struct check_ending *ending_add(struct sim_checks *checks, struct check_ledger *ledger, int32_t node)
{
    ledger->endings =
        ISR_GROW(checks->heap, ledger->endings, ledger->endings_count, ledger->endings_capacity);
    struct check_ending *ending = &ledger->endings[ledger->endings_count++];
    *ending = (struct check_ending){.node = node};
    return ending;
}

void check_ledger_promise(struct sim_checks *checks, struct check_partition *partition,
                          int32_t partition_epoch, int32_t promise)
{
    struct check_ledger *ledger = &partition->ledger;
    if (ledger->promises_count > 0 && ledger->promises[ledger->promises_count - 1].promise == promise)
        return;
    if (ledger->promises_count == UINT16_MAX)
        return; /* nobody changes his mind so often; the last one stays */
    ledger->promises =
        ISR_GROW(checks->heap, ledger->promises, ledger->promises_count, ledger->promises_capacity);
    ledger->promises[ledger->promises_count++] =
        (struct check_promise){.partition_epoch = partition_epoch, .promise = promise};
}

uint32_t check_ledger_promise_known(const struct check_ledger *ledger, int32_t partition_epoch)
{
    uint32_t place = ledger->promises_count;
    while (place > 1 && ledger->promises[place - 1].partition_epoch > partition_epoch)
        place--;
    return place > 0 ? place - 1 : 0;
}

/* The least since the record was appended. */
static int32_t promise_of(const struct check_partition *partition, const struct check_entry *entry)
{
    const struct check_ledger *ledger = &partition->ledger;
    int32_t least = partition->promise;
    for (uint32_t i = entry->promise; i < ledger->promises_count; i++) {
        if (ledger->promises[i].promise < least)
            least = ledger->promises[i].promise;
    }
    return least;
}

void check_ledger_ended(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                        int64_t log_end, bool lossy)
{
    struct check_ending *ending = ending_add(checks, &partition->ledger, node);
    const struct check_replica *replica = check_replica_of(checks, partition, node);
    ending->lossy = lossy;
    ending->harmless = checks->view.synced && !check_betrayed(checks, partition, replica);
    ending->recovered = !lossy;
    ending->lost_to = log_end;
}

void check_ledger_lost(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                       int64_t from, int64_t to)
{
    struct check_ending *ending = ending_add(checks, &partition->ledger, node);
    ending->lossy = ending->recovered = true;
    ending->lost_from = from;
    ending->lost_to = to;
}

void check_ledger_recovered(struct check_partition *partition, int32_t node, int64_t log_end)
{
    struct check_ledger *ledger = &partition->ledger;
    for (uint32_t i = ledger->endings_count; i > 0; i--) {
        struct check_ending *ending = &ledger->endings[i - 1];
        if (ending->node != node)
            continue;
        if (ending->recovered)
            return;
        ending->recovered = true;
        ending->lost_from = log_end;
    }
}

void check_ledger_restored(struct check_partition *partition, int32_t node, int64_t offset)
{
    struct check_ledger *ledger = &partition->ledger;
    for (uint32_t i = 0; i < ledger->endings_count; i++) {
        if (ledger->endings[i].node != node)
            continue;
        ledger->endings[i].restored = true;
        if (ledger->endings[i].restored_to < offset)
            ledger->endings[i].restored_to = offset;
    }
}

bool check_ledger_unclean(const struct check_partition *partition, int32_t node)
{
    const struct check_ledger *ledger = &partition->ledger;
    for (uint32_t i = ledger->endings_count; i > 0; i--) {
        if (ledger->endings[i - 1].node == node)
            return !ledger->endings[i - 1].restored;
    }
    return false;
}

enum counted { COUNT_LOST, COUNT_HARMED, COUNT_ENDED };

/* How many of the partition's replicas ended uncleanly since the entry was written and were not in the ISR
 * with it again: those that lost it by that, those that may have, or all. A replica counts once. */
static int32_t replicas_ended(const struct check_ledger *ledger, const struct check_entry *entry,
                              enum counted which)
{
    struct sim_node_set counted = {0};
    int32_t count = 0;
    for (uint32_t i = entry->endings_seen; i < ledger->endings_count; i++) {
        const struct check_ending *ending = &ledger->endings[i];
        bool lost =
            ending->lossy && ending->lost_from < check_entry_end(entry) && entry->base < ending->lost_to;
        bool wanted = which == COUNT_ENDED || (!ending->harmless && (lost || which == COUNT_HARMED));
        bool counts = wanted && !(ending->restored && entry->base < ending->restored_to);
        if (!counts || sim_node_set_has(&counted, ending->node))
            continue;
        sim_node_set_add(&counted, ending->node);
        count++;
    }
    return count;
}

int32_t check_ledger_replicas_lost(const struct check_partition *partition, const struct check_entry *entry)
{
    return replicas_ended(&partition->ledger, entry, COUNT_LOST);
}

/* Was there nobody left who was eligible, so that who was brought back need not have the record? */
static bool nobody_was_left(const struct check_partition *partition, const struct check_entry *entry)
{
    const struct check_ledger *ledger = &partition->ledger;
    return replicas_ended(ledger, entry, COUNT_HARMED) >= promise_of(partition, entry) ||
           (replicas_ended(ledger, entry, COUNT_LOST) > 0 &&
            replicas_ended(ledger, entry, COUNT_ENDED) >= promise_of(partition, entry));
}

bool check_ledger_excuses(const struct check_partition *partition, int32_t record_epoch,
                          const struct check_entry *entry, int32_t leader_epoch)
{
    const struct check_ledger *ledger = &partition->ledger;
    if (check_ledger_forgiven(partition, record_epoch, entry->base))
        return true;
    /* An election excuses until its leader, or a later one, was judged: what that one had, later ones must
     * have. */
    if (ledger->unclean_allowed && ledger->unclean_epoch > partition->epoch_judged &&
        ledger->unclean_epoch <= leader_epoch && record_epoch < ledger->unclean_epoch)
        return true;
    if (replicas_ended(ledger, entry, COUNT_LOST) >= promise_of(partition, entry))
        return true;
    return ledger->last_known_epoch > partition->epoch_judged && ledger->last_known_epoch <= leader_epoch &&
           nobody_was_left(partition, entry);
}

bool check_ledger_overrules(const struct check_partition *partition, int32_t record_epoch,
                            const struct check_entry *entry)
{
    const struct check_ledger *ledger = &partition->ledger;
    if (partition->promise == 0 && partition->epoch_max > record_epoch)
        return true;
    return ledger->allowed_epoch > record_epoch ||
           (ledger->last_known_epoch > record_epoch && nobody_was_left(partition, entry));
}

int32_t check_ledger_new_history(const struct check_partition *partition)
{
    const struct check_ledger *ledger = &partition->ledger;
    int32_t epoch = ledger->forgiven_epoch;
    if (partition->promise == 0) /* any election may */
        return partition->epoch_max;
    if (ledger->allowed_epoch > epoch)
        epoch = ledger->allowed_epoch;
    return ledger->last_known_epoch > epoch ? ledger->last_known_epoch : epoch;
}

bool check_ledger_in_doubt(const struct check_partition *partition)
{
    return partition->ledger.unclean_epoch > partition->epoch_judged ||
           partition->ledger.last_known_epoch > partition->epoch_judged;
}

bool check_ledger_forgiven(const struct check_partition *partition, int32_t record_epoch, int64_t offset)
{
    const struct check_ledger *ledger = &partition->ledger;
    return ledger->forgiven_offset != ISR_OFFSET_NONE && offset >= ledger->forgiven_offset &&
           record_epoch < ledger->forgiven_epoch;
}

void check_ledger_forgive(struct check_partition *partition, int64_t offset, int32_t leader_epoch)
{
    struct check_ledger *ledger = &partition->ledger;
    if (ledger->forgiven_offset == ISR_OFFSET_NONE || offset < ledger->forgiven_offset)
        ledger->forgiven_offset = offset;
    if (leader_epoch > ledger->forgiven_epoch)
        ledger->forgiven_epoch = leader_epoch;
}

void check_ledger_stray(struct sim_checks *checks, struct check_partition *partition, int32_t epoch,
                        const struct check_entry *entry)
{
    struct check_ledger *ledger = &partition->ledger;
    for (uint32_t i = 0; i < ledger->strays_count; i++) {
        if (ledger->strays[i].epoch == epoch && ledger->strays[i].base == entry->base)
            return;
    }
    ledger->strays = ISR_GROW(checks->heap, ledger->strays, ledger->strays_count, ledger->strays_capacity);
    ledger->strays[ledger->strays_count++] = (struct check_stray){.epoch = epoch, .base = entry->base};
}

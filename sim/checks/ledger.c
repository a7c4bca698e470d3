#include "sim/checks/ledger.h"

#include <string.h>

#include "sim/checks/state.h"

static struct check_ending *ending_add(struct sim_checks *checks, struct check_ledger *ledger, int32_t node)
{
    ledger->endings =
        ISR_GROW(checks->heap, ledger->endings, ledger->endings_count, ledger->endings_capacity);
    struct check_ending *ending = &ledger->endings[ledger->endings_count++];
    *ending = (struct check_ending){.node = node};
    return ending;
}

/* It is known what the replica lost; it still stands in its spans. */
static void lost_from(struct sim_checks *checks, const struct check_replica *replica,
                      struct check_ending *ending, int64_t offset)
{
    ending->lost_from = offset;
    if (offset >= ending->lost_to || replica->spans_count == 0)
        return;
    ending->lost = isr_heap_allocate(checks->heap, sizeof *ending->lost * replica->spans_count);
    memcpy(ending->lost, replica->spans, sizeof *ending->lost * replica->spans_count);
    ending->lost_count = replica->spans_count;
}

void check_ledger_promise(struct sim_checks *checks, struct check_partition *partition,
                          struct check_promise promise)
{
    struct check_ledger *ledger = &partition->ledger;
    const struct check_promise *last =
        ledger->promises_count > 0 ? &ledger->promises[ledger->promises_count - 1] : NULL;
    if (last != NULL && last->promise == promise.promise && last->copies == promise.copies)
        return;
    if (ledger->promises_count == UINT16_MAX)
        return; /* nobody changes his mind so often; the last one stays */
    ledger->promises =
        ISR_GROW(checks->heap, ledger->promises, ledger->promises_count, ledger->promises_capacity);
    ledger->promises[ledger->promises_count++] = promise;
}

uint32_t check_ledger_promise_known(const struct check_ledger *ledger, int32_t partition_epoch)
{
    uint32_t place = ledger->promises_count;
    while (place > 1 && ledger->promises[place - 1].partition_epoch > partition_epoch)
        place--;
    return place > 0 ? place - 1 : 0;
}

int32_t check_ledger_copies(const struct check_partition *partition, int32_t partition_epoch)
{
    const struct check_ledger *ledger = &partition->ledger;
    int32_t least = partition->copies;
    for (uint32_t i = check_ledger_promise_known(ledger, partition_epoch); i < ledger->promises_count; i++) {
        if (ledger->promises[i].copies < least)
            least = ledger->promises[i].copies;
    }
    return least;
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
    ending->lost_to = to;
    lost_from(checks, check_replica_of(checks, partition, node), ending, from);
}

void check_ledger_recovered(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                            int64_t log_end)
{
    struct check_ledger *ledger = &partition->ledger;
    for (uint32_t i = ledger->endings_count; i > 0; i--) {
        struct check_ending *ending = &ledger->endings[i - 1];
        if (ending->node != node)
            continue;
        if (ending->recovered)
            return;
        ending->recovered = true;
        lost_from(checks, check_replica_of(checks, partition, node), ending, log_end);
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

/* Did the replica hold the record when its process ended, and not any more when it came back? */
static bool ending_lost(const struct check_ending *ending, int32_t record_epoch,
                        const struct check_entry *entry)
{
    if (!ending->lossy || !ending->recovered || ending->lost_from >= check_entry_end(entry) ||
        check_entry_end(entry) > ending->lost_to)
        return false;
    uint32_t place = ending->lost_count;
    while (place > 0 && ending->lost[place - 1].start > entry->base)
        place--;
    return place > 0 && ending->lost[place - 1].epoch == record_epoch;
}

/* Does the ending count no more? Where the ISR elects, it must be there again with the record. */
static bool made_good(const struct check_partition *partition, const struct check_ending *ending,
                      int32_t record_epoch, const struct check_entry *entry)
{
    if (ending->restored && entry->base < ending->restored_to)
        return true;
    if (partition->group == 0 && !isr_topic_asks_for_logs(&partition->settings))
        return false;
    for (uint32_t i = 0; i < partition->replicas_count; i++) {
        if (partition->replicas[i].node == ending->node)
            return ending->recovered && check_replica_holds(&partition->replicas[i], record_epoch, entry);
    }
    return false;
}

/* How many of the partition's replicas ended uncleanly since the entry was written and were not in the ISR
 * with it again: those that lost it by that, those that may have, or all. A replica counts once, and not when
 * it was moved away since. */
static int32_t replicas_ended(const struct check_partition *partition, int32_t record_epoch,
                              const struct check_entry *entry, enum counted which)
{
    const struct check_ledger *ledger = &partition->ledger;
    struct sim_node_set counted = {0};
    int32_t count = 0;
    for (uint32_t i = entry->endings_seen; i < ledger->endings_count; i++) {
        const struct check_ending *ending = &ledger->endings[i];
        bool lost = ending_lost(ending, record_epoch, entry);
        bool wanted = which == COUNT_ENDED || (!ending->harmless && (lost || which == COUNT_HARMED));
        if (!wanted || sim_node_set_has(&counted, ending->node) ||
            (partition->group == 0 && !isr_replicas_contain(&partition->assigned, ending->node)) ||
            made_good(partition, ending, record_epoch, entry))
            continue;
        sim_node_set_add(&counted, ending->node);
        count++;
    }
    return count;
}

int32_t check_ledger_replicas_lost(const struct check_partition *partition, int32_t record_epoch,
                                   const struct check_entry *entry)
{
    return replicas_ended(partition, record_epoch, entry, COUNT_LOST);
}

/* Was there nobody left who was eligible, so that who was brought back need not have the record? */
static bool nobody_was_left(const struct check_partition *partition, int32_t record_epoch,
                            const struct check_entry *entry)
{
    int32_t promise = promise_of(partition, entry);
    return replicas_ended(partition, record_epoch, entry, COUNT_HARMED) >= promise ||
           (replicas_ended(partition, record_epoch, entry, COUNT_LOST) > 0 &&
            replicas_ended(partition, record_epoch, entry, COUNT_ENDED) >= promise);
}

bool check_ledger_excuses(const struct check_partition *partition, int32_t record_epoch,
                          const struct check_entry *entry, int32_t leader_epoch)
{
    const struct check_ledger *ledger = &partition->ledger;
    int32_t committed_epoch = ISR_EPOCH_NONE;
    bool committed = check_history_committed(&partition->history, entry->base, &committed_epoch) == entry;
    if (!committed && check_ledger_forgiven(partition, record_epoch, entry->base))
        return true;
    if (committed && leader_epoch <= partition->epoch_judged)
        return false;
    /* An election excuses until its leader, or a later one, was judged: what that one had, later ones must
     * have. */
    if (ledger->unclean_allowed && ledger->unclean_epoch > partition->epoch_judged &&
        ledger->unclean_epoch <= leader_epoch && record_epoch < ledger->unclean_epoch)
        return true;
    if (replicas_ended(partition, record_epoch, entry, COUNT_LOST) >= promise_of(partition, entry))
        return true;
    return ledger->last_known_epoch > partition->epoch_judged && ledger->last_known_epoch <= leader_epoch &&
           nobody_was_left(partition, record_epoch, entry);
}

bool check_ledger_overrules(const struct check_partition *partition, int32_t record_epoch,
                            const struct check_entry *entry)
{
    const struct check_ledger *ledger = &partition->ledger;
    if (partition->promise == 0 && partition->epoch_max > record_epoch)
        return true;
    return ledger->allowed_epoch > record_epoch ||
           (ledger->last_known_epoch > record_epoch && nobody_was_left(partition, record_epoch, entry));
}

bool check_ledger_in_doubt(const struct check_partition *partition)
{
    return partition->ledger.unclean_epoch > partition->epoch_judged ||
           partition->ledger.last_known_epoch > partition->epoch_judged;
}

int64_t check_ledger_floor(const struct check_partition *partition, int32_t epoch)
{
    const struct check_ledger *ledger = &partition->ledger;
    bool any_may_lose = partition->promise == 0 && partition->epoch_max > partition->epoch_judged;
    if (any_may_lose || check_ledger_in_doubt(partition))
        return 0;
    for (uint32_t i = 0; i < ledger->forks_count; i++) {
        if (ledger->forks[i].epoch > epoch)
            return ledger->forks[i].offset;
    }
    return INT64_MAX;
}

/* A fork covers those before it that lie at its offset or above. */
static void fork_add(struct sim_checks *checks, struct check_ledger *ledger, struct check_fork fork)
{
    while (ledger->forks_count > 0 && ledger->forks[ledger->forks_count - 1].offset >= fork.offset)
        ledger->forks_count--;
    ledger->forks = ISR_GROW(checks->heap, ledger->forks, ledger->forks_count, ledger->forks_capacity);
    ledger->forks[ledger->forks_count++] = fork;
}

/* Was somebody to lead in [from, to) who was passed over? What he lacked is not known. */
static bool passed_over(const struct check_partition *partition, int32_t from, int32_t to)
{
    const struct check_history *history = &partition->history;
    for (uint32_t i = history->lines_count; i > 0 && history->lines[i - 1]->epoch >= from; i--) {
        if (history->lines[i - 1]->epoch < to && history->lines[i - 1]->leader != ISR_NODE_NONE)
            return true;
    }
    return false;
}

void check_ledger_judged(struct sim_checks *checks, struct check_partition *partition, int32_t epoch,
                         bool cut)
{
    struct check_ledger *ledger = &partition->ledger;
    bool lossy = ledger->lossy_since > partition->epoch_judged;
    if (!cut && !lossy && partition->promise > 0)
        return;
    int32_t since = cut || partition->promise == 0 ? partition->epoch_judged + 1 : ledger->lossy_since;
    int64_t offset = passed_over(partition, since, epoch) ? 0 : partition->history.true_high_watermark;
    bool known = ledger->forks_count > 0 && ledger->forks[ledger->forks_count - 1].epoch == epoch &&
                 ledger->forks[ledger->forks_count - 1].offset <= offset;
    if (!known)
        fork_add(checks, ledger, (struct check_fork){.offset = offset, .epoch = epoch});
}

bool check_ledger_forgiven(const struct check_partition *partition, int32_t record_epoch, int64_t offset)
{
    const struct check_ledger *ledger = &partition->ledger;
    for (uint32_t i = 0; i < ledger->forgiven_count && ledger->forgiven[i].offset <= offset; i++) {
        if (record_epoch < ledger->forgiven[i].epoch)
            return true;
    }
    return false;
}

/* A later loss is of a higher epoch: it covers those that began at its offset or above. */
void check_ledger_forgive(struct sim_checks *checks, struct check_partition *partition, int64_t offset,
                          int32_t leader_epoch)
{
    struct check_ledger *ledger = &partition->ledger;
    while (ledger->forgiven_count > 0 && ledger->forgiven[ledger->forgiven_count - 1].offset >= offset)
        ledger->forgiven_count--;
    ledger->forgiven =
        ISR_GROW(checks->heap, ledger->forgiven, ledger->forgiven_count, ledger->forgiven_capacity);
    ledger->forgiven[ledger->forgiven_count++] =
        (struct check_forgiven){.offset = offset, .epoch = leader_epoch};
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

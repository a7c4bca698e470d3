/* I12: what compaction removed was superseded by a committed record of the same key, or is a tombstone whose
 * time is over; and who reads a compacted topic on from its start ends with the last committed value of each
 * key.
 *
 * The truth is what leaders appended: each record with its key is remembered with its batch, and what is
 * committed tells of each key the last one. A record that was superseded once may be missing for ever, also
 * where what superseded it is lost later by an election that its contract allows.
 *   - a batch that compaction rewrote is compared record by record, where others are compared by checksum
 *     (log_matching.c): what is there must be what was written, what is missing must be allowed to be,
 *   - of no key a replica ends with another record than the committed log does: a tombstone that went before
 * all replicas had seen it leaves the value that it deleted behind. Held when a replica begins to lead, and
 * at the end,
 *   - a reader that holds a value passes the place of its tombstone within delete_retention and finds it. The
 * clocks by which brokers measure that may be wrong, by as much as they were seen to differ. A superseding
 * record that only a deposed leader had for committed is taken for committed until that is decided. On a
 * partition that lost records by an election that its contract allows, nothing is missed any more: what was
 * removed may have been superseded by what is lost. */
#include "sim/checks/state.h"

/* ---- keys ---- */

static struct check_key *key_place(struct check_keys *keys, uint64_t key)
{
    uint32_t place = (uint32_t)isr_mix(key) & (keys->capacity - 1);
    while (keys->items[place].used && keys->items[place].key != key)
        place = (place + 1) & (keys->capacity - 1);
    return &keys->items[place];
}

static struct check_key *key_find(struct check_keys *keys, uint64_t key)
{
    struct check_key *found = keys->capacity > 0 ? key_place(keys, key) : NULL;
    return found != NULL && found->used ? found : NULL;
}

static void keys_grow(struct isr_heap *heap, struct check_keys *keys)
{
    struct check_keys grown = {.count = keys->count,
                               .capacity = keys->capacity == 0 ? 32 : 2 * keys->capacity};
    grown.items = isr_heap_allocate(heap, sizeof *grown.items * (size_t)grown.capacity);
    for (uint32_t i = 0; i < keys->capacity; i++) {
        if (keys->items[i].used)
            *key_place(&grown, keys->items[i].key) = keys->items[i];
    }
    isr_heap_release(heap, keys->items);
    *keys = grown;
}

static struct check_key *key_make(struct isr_heap *heap, struct check_keys *keys, uint64_t key)
{
    if (keys->count >= keys->capacity / 2)
        keys_grow(heap, keys);
    struct check_key *found = key_place(keys, key);
    if (!found->used) {
        *found = (struct check_key){.key = key, .used = true, .offset = ISR_OFFSET_NONE};
        keys->count++;
    }
    return found;
}

static void keys_clear(struct check_keys *keys)
{
    for (uint32_t i = 0; i < keys->capacity; i++)
        keys->items[i].used = false;
    keys->count = 0;
}

/* ---- what was written ---- */

void check_keys_appended(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                         struct check_entry *entry)
{
    const struct sim_view *view = &checks->view;
    struct sim_record_view *seen = check_records_room(checks, entry->count);
    uint32_t count = view->records == NULL
                         ? 0
                         : view->records(view->object, node, partition->tp, entry->base, seen, entry->count);
    if (count != entry->count)
        return;
    entry->records = isr_heap_allocate(checks->heap, sizeof *entry->records * (size_t)count);
    for (uint32_t i = 0; i < count; i++)
        entry->records[i] = (struct check_record){.key = seen[i].key,
                                                  .value = seen[i].value,
                                                  .tombstone = seen[i].tombstone,
                                                  .superseded_by = ISR_OFFSET_NONE};
    partition->keyed = true;
}

struct sim_record_view *check_records_room(struct sim_checks *checks, uint32_t count)
{
    if (checks->records_capacity < count) {
        isr_heap_release(checks->heap, checks->records);
        checks->records_capacity = count * 2;
        checks->records = isr_heap_allocate(checks->heap, sizeof *checks->records * (size_t)count * 2);
    }
    return checks->records;
}

void check_keys_committed(struct sim_checks *checks, struct check_partition *partition,
                          struct check_entry *entry)
{
    for (uint32_t i = 0; entry->records != NULL && i < entry->count; i++) {
        struct check_key *last = key_make(checks->heap, &partition->keys, entry->records[i].key);
        if (last->record != NULL)
            last->record->superseded_by = entry->base + i;
        last->offset = entry->base + i;
        last->record = &entry->records[i];
        last->timestamp_ns = entry->timestamp_ns;
    }
}

void check_keys_cut(struct sim_checks *checks, struct check_partition *partition)
{
    struct check_cursor cursor;
    if (!partition->keyed)
        return;
    keys_clear(&partition->keys);
    for (uint32_t i = 0; i < partition->history.segments_count; i++) {
        struct check_entry *entry =
            check_cursor_seek(&partition->history, partition->history.segments[i].start, &cursor);
        for (; entry != NULL && cursor.segment == i; entry = check_cursor_next(&partition->history, &cursor))
            check_keys_committed(checks, partition, entry);
    }
}

/* ---- what may be missing ---- */

static void look_at_clocks(struct sim_checks *checks)
{
    const struct sim_view *view = &checks->view;
    for (int32_t node = 1; node <= view->nodes_count; node++) {
        int64_t skew_ns = view->wall_ns(view->object, node) - view->now_ns(view->object);
        if (checks->skews == 0 || skew_ns < checks->skew_least_ns)
            checks->skew_least_ns = skew_ns;
        if (checks->skews == 0 || skew_ns > checks->skew_most_ns)
            checks->skew_most_ns = skew_ns;
        checks->skews = 1;
    }
}

static bool anything_goes(const struct check_partition *partition)
{
    return partition->keys_unknown || partition->ledger.forks_count > 0 ||
           partition->ledger.forgiven_count > 0 || check_ledger_floor(partition, INT32_MAX) == 0;
}

/* Was a later record of the key written to the replica's log that it was told is committed, and that is not
 * known to be? It may be gone by now, as what a tombstone deleted and then the tombstone. A pass goes by the
 * high watermark with which it began; a new leader may have lowered it since. A follower gets what its leader
 * has left, by what that was told, perhaps in a life before. */
static bool supersedes_itself(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                              uint64_t key, int64_t than)
{
    const struct check_replica *replica = check_replica_of(checks, partition, node);
    int64_t offset =
        partition->history.true_high_watermark > than ? partition->history.true_high_watermark : than + 1;
    int64_t told = replica->told > replica->inherited ? replica->told : replica->inherited;
    while (offset < told) {
        const struct check_line *line =
            check_history_line(&partition->history, check_replica_epoch_at(replica, offset));
        const struct check_entry *entry = line != NULL ? check_line_find(line, offset) : NULL;
        if (entry == NULL || entry->records == NULL)
            return false;
        for (uint32_t i = 0; i < entry->count; i++) {
            if (entry->records[i].key == key && entry->base + i > than)
                return true;
        }
        offset = check_entry_end(entry);
    }
    return false;
}

/* The same of whoever a client read it from: with what it ends is judged at the end of the run. */
static bool superseded_somewhere(struct sim_checks *checks, struct check_partition *partition, uint64_t key,
                                 int64_t than)
{
    for (uint32_t i = 0; i < partition->replicas_count; i++) {
        if (supersedes_itself(checks, partition, partition->replicas[i].node, key, than))
            return true;
    }
    return false;
}

/* By the clock of the broker that is ahead of all others. */
static bool is_expired(struct sim_checks *checks, const struct check_partition *partition,
                       struct check_record *record, int64_t timestamp_ns)
{
    const struct sim_view *view = &checks->view;
    if (!record->tombstone)
        return false;
    look_at_clocks(checks);
    int64_t wall_ns = view->now_ns(view->object) + checks->skew_most_ns;
    if (wall_ns - timestamp_ns >= partition->settings.delete_retention)
        record->expired = true;
    return record->expired;
}

static bool may_be_missing(struct sim_checks *checks, const struct check_partition *partition,
                           struct check_record *record, int64_t timestamp_ns)
{
    return record->superseded_by != ISR_OFFSET_NONE || anything_goes(partition) ||
           is_expired(checks, partition, record, timestamp_ns);
}

/* node: ISR_NODE_NONE where a client read what is left. */
static void tell_missing(struct sim_checks *checks, const struct check_partition *partition, int32_t node,
                         int64_t offset, const struct check_record *record)
{
    bool read = node == ISR_NODE_NONE;
    check_fail(checks, SIM_INVARIANT_I12,
               "%s: compaction removed the record at offset %ld from %s%s, the last one of key %lu that is "
               "committed (up to %ld)%s",
               check_partition_label(partition).text, offset, read ? "what a client read" : "the log of ",
               read ? "" : check_node_label(checks, node).text, record->key,
               partition->history.true_high_watermark,
               record->tombstone ? "; it is a tombstone, and delete_retention is not over" : "");
}

/* ---- a batch that compaction rewrote ---- */

static const struct sim_record_view *kept_at(const struct sim_record_view *kept, uint32_t count,
                                             int64_t offset)
{
    for (uint32_t i = 0; i < count; i++) {
        if (kept[i].offset == offset)
            return &kept[i];
    }
    return NULL;
}

static bool same_record(const struct check_record *record, const struct sim_record_view *kept)
{
    return record->key == kept->key && record->value == kept->value && record->tombstone == kept->tombstone;
}

/* What is left of one entry in [from, to) is what was written, and what is missing may be. */
static bool entry_is_left(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                          const struct check_entry *entry, const struct check_left *left, int64_t floor)
{
    for (uint32_t i = 0; i < entry->count; i++) {
        int64_t offset = entry->base + i;
        if (entry->records == NULL)
            return false;
        if (offset < left->from || offset >= left->to)
            continue;
        const struct sim_record_view *kept = kept_at(left->kept, left->count, offset);
        if (kept != NULL && !same_record(&entry->records[i], kept))
            return false;
        if (kept != NULL || offset < floor ||
            may_be_missing(checks, partition, &entry->records[i], entry->timestamp_ns))
            continue;
        if (node != ISR_NODE_NONE &&
            supersedes_itself(checks, partition, node, entry->records[i].key, entry->base + i)) {
            check_replica_of(checks, partition, node)->compaction_undecided = true;
            return true;
        }
        if (node == ISR_NODE_NONE &&
            superseded_somewhere(checks, partition, entry->records[i].key, entry->base + i))
            continue;
        tell_missing(checks, partition, node, offset, &entry->records[i]);
    }
    return true;
}

bool check_compacted(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                     int64_t offset, struct sim_batch_view *batch, struct check_left *left)
{
    const struct sim_view *view = &checks->view;
    if (!partition->keyed || view->records == NULL)
        return false;
    view->contents(view->object, node, partition->tp, batch);
    if (!batch->compacted)
        return false;
    /* supersedes_itself uses the shared room: what is kept is copied */
    struct sim_record_view *seen = check_records_room(checks, batch->record_count);
    *left = (struct check_left){.from = batch->base_offset > offset ? batch->base_offset : offset,
                                .to = batch->base_offset + batch->record_count};
    left->count =
        view->records(view->object, node, partition->tp, batch->base_offset, seen, batch->record_count);
    left->kept = isr_heap_allocate(checks->heap, sizeof *left->kept * ((size_t)left->count + 1));
    for (uint32_t i = 0; i < left->count; i++)
        left->kept[i] = seen[i];
    check_count(checks, SIM_INVARIANT_I12);
    return true;
}

void check_left_drop(struct sim_checks *checks, struct check_left *left)
{
    isr_heap_release(checks->heap, left->kept);
    left->kept = NULL;
}

int64_t check_match_compacted(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                              int64_t offset, struct sim_batch_view *batch)
{
    struct check_left left;
    struct check_cursor cursor;
    struct sim_replica_view seen;
    if (!checks->view.replica(checks->view.object, node, partition->tp, &seen) ||
        !check_compacted(checks, partition, node, offset, batch, &left))
        return offset;
    const struct check_entry *entry = check_cursor_seek(&partition->history, offset, &cursor);
    while (entry != NULL && entry->base < left.to && cursor.line->epoch == batch->leader_epoch &&
           entry_is_left(checks, partition, node, entry, &left, seen.log_start)) {
        offset = check_entry_end(entry) < left.to ? check_entry_end(entry) : left.to;
        entry = check_cursor_next(&partition->history, &cursor);
    }
    check_left_drop(checks, &left);
    return offset;
}

bool check_compacted_holds(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                           int32_t epoch, const struct check_entry *entry)
{
    struct check_left left;
    struct sim_batch_view batch;
    if (!check_batch_at(checks, partition, node, entry->base, &batch) || batch.leader_epoch != epoch ||
        !check_compacted(checks, partition, node, entry->base, &batch, &left))
        return false;
    bool holds = check_entry_end(entry) <= left.to && entry->records != NULL;
    for (uint32_t i = 0; i < entry->count && holds; i++) {
        const struct sim_record_view *kept = kept_at(left.kept, left.count, entry->base + i);
        holds = kept != NULL
                    ? same_record(&entry->records[i], kept)
                    : may_be_missing(checks, partition, &entry->records[i], batch.timestamp_ns) ||
                          supersedes_itself(checks, partition, node, entry->records[i].key, entry->base + i);
    }
    check_left_drop(checks, &left);
    return holds;
}

static void inherit(struct sim_checks *checks, struct check_partition *partition, int32_t node)
{
    int32_t leader = partition->committed_known ? partition->committed.leader : ISR_NODE_NONE;
    if (leader == ISR_NODE_NONE || leader == node)
        return;
    int64_t told = check_replica_of(checks, partition, leader)->told;
    struct check_replica *replica = check_replica_of(checks, partition, node);
    if (replica->inherited < told)
        replica->inherited = told;
}

/* A follower got it from its leader: whether what is missing may be is judged when it is committed there. */
void check_compacted_appended(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                              const struct isr_observation *observation)
{
    int32_t epoch = (int32_t)observation->compacted_appended.leader_epoch;
    const struct check_line *line = check_history_line(&partition->history, epoch);
    struct check_left left;
    struct sim_batch_view batch;
    int64_t base = observation->compacted_appended.base;
    if (!check_batch_at(checks, partition, node, base, &batch) || batch.base_offset != base ||
        batch.crc != (uint32_t)observation->compacted_appended.crc ||
        !check_compacted(checks, partition, node, base, &batch, &left))
        return; /* cut off again in the same step */
    inherit(checks, partition, node);
    for (uint32_t i = 0; i < left.count; i++) {
        const struct check_entry *entry = line == NULL ? NULL : check_line_find(line, left.kept[i].offset);
        if (entry != NULL && entry->records != NULL &&
            same_record(&entry->records[left.kept[i].offset - entry->base], &left.kept[i]))
            continue;
        check_fail(
            checks, SIM_INVARIANT_I2,
            "%s: %s appended a record at offset %ld of epoch %d that no leader of that epoch wrote there",
            check_partition_label(partition).text, check_node_label(checks, node).text, left.kept[i].offset,
            epoch);
    }
    check_left_drop(checks, &left);
}

void check_log_cleaned(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                       const struct isr_observation *observation)
{
    const struct sim_view *view = &checks->view;
    struct check_replica *replica = check_replica_of(checks, partition, node);
    struct sim_replica_view seen;
    int64_t matched = replica->matched, from = observation->log_cleaned.from,
            to = observation->log_cleaned.to;
    look_at_clocks(checks);
    checks->records_compacted += (uint64_t)observation->log_cleaned.removed;
    checks->tombstones_removed += (uint64_t)observation->log_cleaned.tombstones;
    if (observation->log_cleaned.removed > 0 && replica->cleaned_end < to)
        replica->cleaned_end = to;
    if (from >= matched || !view->replica(view->object, node, partition->tp, &seen))
        return; /* it is compared when it is to match */
    replica->matched = from > seen.log_start ? from : seen.log_start;
    int64_t limit = to < matched ? to : matched;
    if (check_match(checks, partition, replica, limit) >= limit)
        replica->matched = matched;
    else
        check_logs_match(checks, partition, replica, seen.leader_epoch);
}

/* ---- what a replica ends with ---- */

static void collect(struct sim_checks *checks, const struct check_partition *partition, int32_t node,
                    int64_t from, int64_t limit, struct check_keys *keys)
{
    const struct sim_view *view = &checks->view;
    struct sim_batch_view batch;
    for (int64_t offset = from; offset < limit && check_batch_at(checks, partition, node, offset, &batch);
         offset = batch.base_offset + batch.record_count) {
        struct sim_record_view *seen = check_records_room(checks, batch.record_count);
        uint32_t count =
            view->records(view->object, node, partition->tp, batch.base_offset, seen, batch.record_count);
        for (uint32_t i = 0; i < count; i++) {
            if (seen[i].offset >= from && seen[i].offset < limit)
                key_make(checks->heap, keys, seen[i].key)->offset = seen[i].offset;
        }
    }
}

void check_replica_ends_with(struct sim_checks *checks, struct check_partition *partition, int32_t node)
{
    const struct sim_view *view = &checks->view;
    struct sim_replica_view seen;
    struct check_keys keys = {0};
    if (!partition->keyed || partition->settings.cleanup == ISR_CLEANUP_DELETE || anything_goes(partition) ||
        partition->brought_back || view->records == NULL ||
        !view->replica(view->object, node, partition->tp, &seen))
        return;
    int64_t limit = seen.high_watermark < partition->history.true_high_watermark
                        ? seen.high_watermark
                        : partition->history.true_high_watermark;
    check_count(checks, SIM_INVARIANT_I12);
    collect(checks, partition, node, seen.log_start, limit, &keys);
    for (uint32_t i = 0; i < keys.capacity; i++) {
        const struct check_key *held = &keys.items[i];
        const struct check_key *last = held->used ? key_find(&partition->keys, held->key) : NULL;
        if (last == NULL || last->offset >= limit || last->offset <= held->offset)
            continue;
        check_fail(
            checks, SIM_INVARIANT_I12,
            "%s: in the log of %s key %lu ends with the record at offset %ld, although %s at offset %ld is "
            "committed, which it lacks",
            check_partition_label(partition).text, check_node_label(checks, node).text, held->key,
            held->offset, last->record->tombstone ? "its deletion" : "a later one", last->offset);
    }
    isr_heap_release(checks->heap, keys.items);
}

/* ---- readers ---- */

static struct check_reader *reader_of(struct sim_checks *checks, struct check_partition *partition,
                                      int32_t client, int64_t begin)
{
    for (uint32_t i = 0; i < partition->readers_count; i++) {
        if (partition->readers[i].client == client)
            return &partition->readers[i];
    }
    partition->readers =
        ISR_GROW(checks->heap, partition->readers, partition->readers_count, partition->readers_capacity);
    struct check_reader *reader = &partition->readers[partition->readers_count++];
    *reader = (struct check_reader){.client = client, .begin = begin, .position = begin};
    return reader;
}

/* It passes the place of a tombstone that is not there any more. */
static void tombstone_passed(struct sim_checks *checks, struct check_partition *partition,
                             struct check_reader *reader, int64_t offset, const struct check_record *record)
{
    const struct check_key *held = key_find(&reader->keys, record->key);
    const struct sim_view *view = &checks->view;
    if (held == NULL || held->tombstone || held->offset > offset || anything_goes(partition) ||
        superseded_somewhere(checks, partition, record->key, offset))
        return;
    look_at_clocks(checks);
    int64_t since_ns = view->now_ns(view->object) - held->timestamp_ns;
    if (since_ns + checks->skew_most_ns - checks->skew_least_ns >= partition->settings.delete_retention)
        return;
    check_fail(checks, SIM_INVARIANT_I12,
               "%s: %s read key %lu at offset %ld, and %s later, within delete_retention, its deletion at "
               "offset %ld is "
               "gone",
               check_partition_label(partition).text, check_node_label(checks, reader->client).text,
               record->key, held->offset, check_time_label(since_ns).text, offset);
}

static void gaps_read(struct sim_checks *checks, struct check_partition *partition,
                      struct check_reader *reader, const struct isr_batch *batch,
                      const struct sim_record_view *kept, uint32_t count)
{
    const struct check_line *line = check_history_line(&partition->history, batch->leader_epoch);
    struct check_left left = {.from = batch->base_offset > reader->position ? batch->base_offset
                                                                            : reader->position,
                              .to = batch->last_offset + 1,
                              .kept = (struct sim_record_view *)(uintptr_t)kept,
                              .count = count};
    for (int64_t offset = left.from; line != NULL && offset < left.to;) {
        const struct check_entry *entry = check_line_find(line, offset);
        if (entry == NULL || entry->records == NULL)
            return;
        if (!entry_is_left(checks, partition, ISR_NODE_NONE, entry, &left,
                           partition->history.true_high_watermark > check_entry_end(entry) ? 0 : INT64_MAX))
            check_fail(
                checks, SIM_INVARIANT_I4,
                "%s: %s read a record at offset %ld or behind it that no leader of epoch %d wrote there",
                check_partition_label(partition).text, check_node_label(checks, reader->client).text,
                entry->base, batch->leader_epoch);
        for (uint32_t i = 0; i < entry->count; i++) {
            const struct check_record *record = &entry->records[i];
            if (record->tombstone && record->superseded_by == ISR_OFFSET_NONE &&
                entry->base + i >= left.from && kept_at(kept, count, entry->base + i) == NULL)
                tombstone_passed(checks, partition, reader, entry->base + i, record);
        }
        offset = check_entry_end(entry);
    }
}

void check_keyed_read(struct sim_checks *checks, struct check_partition *partition, int32_t client,
                      const struct isr_batch *batch)
{
    const struct sim_view *view = &checks->view;
    struct check_reader *reader = reader_of(checks, partition, client, batch->base_offset);
    struct sim_record_view *kept =
        isr_heap_allocate(checks->heap, sizeof *kept * ((size_t)batch->record_count + 1));
    uint32_t count = sim_records_of(batch, kept, batch->record_count);
    check_count(checks, SIM_INVARIANT_I12);
    if (batch->base_offset > reader->position)
        reader->lost = true; /* its place was reset: what lies between it does not know */
    if ((batch->attributes & ISR_BATCH_COMPACTED) != 0 && !reader->lost)
        gaps_read(checks, partition, reader, batch, kept, count);
    for (uint32_t i = 0; i < count; i++) {
        struct check_key *held = key_make(checks->heap, &reader->keys, kept[i].key);
        held->offset = kept[i].offset;
        held->tombstone = kept[i].tombstone;
        held->timestamp_ns = view->now_ns(view->object);
    }
    reader->position = batch->last_offset + 1;
    isr_heap_release(checks->heap, kept);
}

static void reader_ends_with(struct sim_checks *checks, struct check_partition *partition,
                             struct check_reader *reader)
{
    bool knows_all = reader->begin == 0 && partition->start_max == 0;
    for (uint32_t i = 0; i < partition->keys.capacity; i++) {
        const struct check_key *last = &partition->keys.items[i];
        if (!last->used || last->offset >= reader->position || last->record->tombstone)
            continue;
        const struct check_key *held = key_find(&reader->keys, last->key);
        if (held != NULL ? held->offset == last->offset : !knows_all)
            continue;
        /* the run ends before it is decided, as where a deposed leader is cut off for good */
        if (superseded_somewhere(checks, partition, last->key, last->offset))
            continue;
        check_fail(checks, SIM_INVARIANT_I12,
                   "%s: %s read up to offset %ld and has %s of key %lu, whose last committed record is at "
                   "offset %ld",
                   check_partition_label(partition).text, check_node_label(checks, reader->client).text,
                   reader->position, held != NULL ? "an older record" : "nothing", last->key, last->offset);
    }
}

void check_readers_end(struct sim_checks *checks, struct check_partition *partition)
{
    if (anything_goes(partition) || partition->brought_back ||
        partition->settings.cleanup == ISR_CLEANUP_DELETE)
        return;
    for (uint32_t i = 0; i < partition->readers_count; i++) {
        if (!partition->readers[i].lost)
            reader_ends_with(checks, partition, &partition->readers[i]);
    }
}

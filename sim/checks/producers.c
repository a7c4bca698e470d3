/* I7: a producer's records are in the log once and in order, without gaps.
 *
 * Held on what is committed, for idempotent producers (KIP-98): per producer id the sequence goes on where
 * the batch before ended; a new producer epoch starts at 0; the first batch seen of a producer may start
 * anywhere. The values written by one producer grow too: that holds across producer epochs and catches a
 * record that is in twice.
 *
 * That rests on each id being one producer's only (KIP-730), which is held on every id that a client is
 * given, over all of its lives.
 *
 * Not held any more of a producer that a replica forgot, because it was idle for longer than
 * producer.id.expiration.ms by the timestamps of its records and the clock of that replica: there it may go
 * on anywhere, and a late copy of an old batch passes for a new one.
 *
 * Not held any more on a partition that lost records by an election that its contract allows: the leader then
 * does not know its producers, takes any sequence from them, and what was in flight may come in twice or out
 * of order (Kafka has the same hole, KIP-360). */
#include "core/base/search.h"
#include "sim/checks/state.h"

static struct check_producer *producer_of(struct sim_checks *checks, struct check_partition *partition,
                                          int64_t id, bool *made)
{
    *made = false;
    for (uint32_t i = 0; i < partition->producers_count; i++) {
        if (partition->producers[i].id == id)
            return &partition->producers[i];
    }
    partition->producers = ISR_GROW(checks->heap, partition->producers, partition->producers_count,
                                    partition->producers_capacity);
    struct check_producer *producer = &partition->producers[partition->producers_count++];
    *producer = (struct check_producer){.id = id};
    *made = true;
    return producer;
}

static int64_t producer_id_at(const void *array, uint32_t place)
{
    return ((const struct check_producer_id *)array)[place].id;
}

void check_producer_id_taken(struct sim_checks *checks, int32_t client, int64_t id)
{
    uint32_t place = isr_search(checks->producer_ids, 0, checks->producer_ids_count, id, producer_id_at);
    check_count(checks, SIM_INVARIANT_I7);
    if (place < checks->producer_ids_count && checks->producer_ids[place].id == id) {
        check_fail(checks, SIM_INVARIANT_I7, "%s was given producer id %ld, which %s was given before",
                   check_node_label(checks, client).text, id,
                   check_node_label(checks, checks->producer_ids[place].client).text);
        return;
    }
    checks->producer_ids = ISR_GROW(checks->heap, checks->producer_ids, checks->producer_ids_count,
                                    checks->producer_ids_capacity);
    struct check_producer_id *made = &checks->producer_ids[place];
    memmove(made + 1, made, (checks->producer_ids_count - place) * sizeof *made);
    checks->producer_ids_count++;
    *made = (struct check_producer_id){.id = id, .client = client};
}

/* Sequences wrap around from the greatest to 0. */
static int32_t sequence_after(int32_t sequence, uint32_t count)
{
    return (int32_t)(((uint32_t)sequence + count) & INT32_MAX);
}

static void learn(struct check_producer *producer, const struct sim_batch_view *batch)
{
    producer->unlearnt = false;
    producer->epoch = batch->producer_epoch;
    producer->last_sequence = sequence_after(batch->base_sequence, batch->record_count - 1);
    producer->last_offset = batch->base_offset + batch->record_count - 1;
    producer->last_value = batch->first_value + batch->record_count - 1;
}

void check_producers_unlearn(struct check_partition *partition)
{
    for (uint32_t i = 0; i < partition->producers_count; i++)
        partition->producers[i].unlearnt = true;
}

void check_producer_committed(struct sim_checks *checks, struct check_partition *partition,
                              const struct sim_batch_view *batch)
{
    if (batch->producer_id < 0)
        return;
    bool made;
    struct check_producer *producer = producer_of(checks, partition, batch->producer_id, &made);
    /* Where an election alone may lose what was acknowledged, a producer hears of it from a leader that lacks
     * it and sends the rest under a new epoch (KIP-360); another leader may have had it all the same. */
    bool began_anew = !made && batch->producer_epoch > producer->epoch && partition->promise == 0;
    if (partition->ledger.forgiven_count > 0 || producer->forgotten || producer->unlearnt || began_anew) {
        learn(producer, batch);
        return;
    }
    checks->idempotent = true;
    check_count(checks, SIM_INVARIANT_I7);
    int32_t expected =
        batch->producer_epoch == producer->epoch ? sequence_after(producer->last_sequence, 1) : 0;
    if (!made && (batch->producer_epoch < producer->epoch || batch->base_sequence != expected))
        check_fail(checks, SIM_INVARIANT_I7,
                   "%s: producer %ld has sequence %d of its epoch %d at offset %ld, after sequence %d of its "
                   "epoch %d at "
                   "offset %ld: %s",
                   check_partition_label(partition).text, batch->producer_id, batch->base_sequence,
                   (int)batch->producer_epoch, batch->base_offset, producer->last_sequence,
                   (int)producer->epoch, producer->last_offset,
                   batch->base_sequence <= producer->last_sequence ? "it is there twice or out of order"
                                                                   : "something in between is missing");
    else if (!made && batch->first_value <= producer->last_value)
        check_fail(checks, SIM_INVARIANT_I7,
                   "%s: record %lu of producer %ld is at offset %ld, behind its record %lu at offset %ld: it "
                   "is there "
                   "twice or out of order",
                   check_partition_label(partition).text, batch->first_value, batch->producer_id,
                   batch->base_offset, producer->last_value, producer->last_offset);
    learn(producer, batch);
}

void check_producer_expired(struct sim_checks *checks, struct check_partition *partition, int32_t node,
                            const struct isr_observation *observation)
{
    const struct sim_view *view = &checks->view;
    int64_t id = observation->producer_expired.producer, last = observation->producer_expired.last_offset;
    int32_t epoch = ISR_EPOCH_NONE;
    struct sim_batch_view batch;
    const struct check_entry *entry = check_history_committed(&partition->history, last, &epoch);
    bool known = entry != NULL && check_batch_at(checks, partition, node, last, &batch) &&
                 batch.leader_epoch == epoch && batch.crc == entry->crc;
    check_count(checks, SIM_INVARIANT_I7);
    if (known && (view->producer_expiration_ns == 0 ||
                  entry->timestamp_ns > view->wall_ns(view->object, node) - view->producer_expiration_ns))
        check_fail(checks, SIM_INVARIANT_I7,
                   "%s: %s forgot producer %ld, which wrote at offset %ld less than %s before",
                   check_partition_label(partition).text, check_node_label(checks, node).text, id, last,
                   check_time_label(view->producer_expiration_ns).text);
    bool made;
    producer_of(checks, partition, id, &made)->forgotten = true;
}

void check_producers_cut(struct sim_checks *checks, struct check_partition *partition, int32_t leader)
{
    const struct sim_view *view = &checks->view;
    partition->producers_count = 0;
    int64_t offset = 0;
    struct sim_batch_view batch;
    struct sim_replica_view replica;
    if (!view->replica(view->object, leader, partition->tp, &replica))
        return;
    for (offset = replica.log_start; offset < partition->history.true_high_watermark;
         offset = batch.base_offset + batch.record_count) {
        if (!check_batch_at(checks, partition, leader, offset, &batch))
            return;
        bool made;
        view->contents(view->object, leader, partition->tp, &batch);
        if (batch.producer_id >= 0)
            learn(producer_of(checks, partition, batch.producer_id, &made), &batch);
    }
}

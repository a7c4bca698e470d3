#include "core/entries/entries.h"

enum { SNAPSHOT_BYTES = 20 };

/* ---- answers ---- */

static void answer(struct isr_entries *entries, int32_t to, uint32_t correlation, enum isr_error error,
                   int64_t index)
{
    struct isr_message message = {.kind = ISR_MESSAGE_PROPOSE_RESPONSE,
                                  .propose_response = {.correlation = correlation,
                                                       .error = (uint8_t)error,
                                                       .controller = (int16_t)entries->leader,
                                                       .index = index}};
    isr_send(entries->env, to, &message);
}

static void wait(struct isr_entries *entries, int64_t index, int32_t to, uint32_t correlation)
{
    if (entries->waiters_first == entries->waiters_count)
        entries->waiters_first = entries->waiters_count = 0;
    entries->waiters =
        ISR_GROW(entries->env->heap, entries->waiters, entries->waiters_count, entries->waiters_capacity);
    entries->waiters[entries->waiters_count++] =
        (struct isr_entries_waiter){.index = index, .to = to, .correlation = correlation};
}

/* An entry behind the one that was waited for was applied, and it was not: somebody else's came there. */
static void waiters_go_on(struct isr_entries *entries, int64_t index)
{
    while (entries->waiters_first < entries->waiters_count) {
        const struct isr_entries_waiter *waiter = &entries->waiters[entries->waiters_first];
        if (waiter->index > index)
            return;
        answer(entries, waiter->to, waiter->correlation,
               waiter->index == index ? ISR_ERROR_NONE : ISR_ERROR_NOT_CONTROLLER, waiter->index);
        entries->waiters_first++;
    }
}

static void waiters_refuse(struct isr_entries *entries)
{
    for (uint32_t i = entries->waiters_first; i < entries->waiters_count; i++)
        answer(entries, entries->waiters[i].to, entries->waiters[i].correlation, ISR_ERROR_NOT_CONTROLLER,
               ISR_OFFSET_NONE);
    entries->waiters_first = entries->waiters_count = 0;
}

/* ---- the replicated machine ---- */

static void machine_apply(void *object, int64_t index, int32_t term, struct isr_bytes data)
{
    struct isr_entries *entries = object;
    entries->count++;
    entries->digest = isr_hash_bytes(entries->digest, data.data, data.size);
    struct isr_observation *observation = isr_observe(entries->env, ISR_OBSERVED_METADATA_APPLIED);
    observation->metadata_applied.index = index;
    observation->metadata_applied.term = term;
    observation->metadata_applied.digest = (int64_t)entries->digest;
    observation->metadata_applied.as_controller = 1;
    if (entries->leading)
        waiters_go_on(entries, index);
}

static struct isr_bytes machine_snapshot(void *object, struct isr_scratch *scratch)
{
    const struct isr_entries *entries = object;
    uint8_t *bytes = isr_scratch_allocate(scratch, SNAPSHOT_BYTES);
    uint8_t *end = isr_put_u64(isr_put_u64(bytes, entries->count), entries->digest);
    isr_put_u32(end, isr_crc32c(0, bytes, SNAPSHOT_BYTES - 4));
    return (struct isr_bytes){.data = bytes, .size = SNAPSHOT_BYTES};
}

static bool machine_load(void *object, int64_t index, int32_t term, struct isr_bytes snapshot)
{
    struct isr_entries *entries = object;
    struct isr_reader reader = {.data = snapshot.data, .size_bytes = snapshot.size};
    uint64_t count = isr_get_u64(&reader), digest = isr_get_u64(&reader);
    uint32_t crc = isr_get_u32(&reader);
    (void)term;
    ISR_ASSERT(!entries->leading);
    if (reader.failed || snapshot.size != SNAPSHOT_BYTES ||
        crc != isr_crc32c(0, snapshot.data, SNAPSHOT_BYTES - 4))
        return false;
    entries->count = count;
    entries->digest = digest;
    struct isr_observation *observation = isr_observe(entries->env, ISR_OBSERVED_METADATA_SNAPSHOT_LOADED);
    observation->metadata_snapshot_loaded.index = index;
    observation->metadata_snapshot_loaded.digest = (int64_t)digest;
    observation->metadata_snapshot_loaded.as_controller = 1;
    return true;
}

static void machine_changed(void *object, enum isr_consensus_role role, int32_t term, int32_t leader)
{
    struct isr_entries *entries = object;
    bool leads = role == ISR_CONSENSUS_LEADER;
    entries->leader = leader;
    if (entries->leading && !leads) {
        waiters_refuse(entries);
        isr_observe(entries->env, ISR_OBSERVED_CONTROLLER_RESIGNED)->controller_resigned.term = term;
    } else if (leads && !entries->leading) {
        struct isr_observation *observation = isr_observe(entries->env, ISR_OBSERVED_CONTROLLER_ACTIVE);
        observation->controller_active.term = term;
        observation->controller_active.index = entries->consensus->ops->commit_index(entries->consensus);
        entries->env->metrics.controller_elections++;
    }
    entries->leading = leads;
}

static void machine_altered(void *object, enum isr_error error)
{
    struct isr_entries *entries = object;
    isr_administration_altered(&entries->administration, error);
}

/* ---- life ---- */

void isr_entries_init(struct isr_entries *entries, struct isr_env *env, const struct isr_replicas *voters,
                      const struct isr_replicas *nodes, struct isr_consensus *consensus)
{
    *entries = (struct isr_entries){
        .env = env, .consensus = consensus, .voters = *voters, .nodes = *nodes, .leader = ISR_NODE_NONE};
    isr_administration_init(&entries->administration, env, consensus);
}

void isr_entries_start(struct isr_entries *entries)
{
    const struct isr_consensus_machine machine = {.apply = machine_apply,
                                                  .snapshot = machine_snapshot,
                                                  .load = machine_load,
                                                  .changed = machine_changed,
                                                  .altered = machine_altered,
                                                  .object = entries};
    entries->consensus->ops->start(entries->consensus, entries->env, &entries->voters, &entries->nodes,
                                   &machine);
}

/* ---- requests ---- */

static void propose(struct isr_entries *entries, int32_t from, const struct isr_propose_request *request)
{
    int64_t index = 0;
    if (entries->leading)
        index = entries->consensus->ops->propose(entries->consensus, request->data);
    if (index > 0)
        wait(entries, index, from, request->correlation);
    else
        answer(entries, from, request->correlation, ISR_ERROR_NOT_CONTROLLER, ISR_OFFSET_NONE);
}

/* All that there is to know: who leads. */
static void metadata(const struct isr_entries *entries, int32_t from,
                     const struct isr_metadata_request *request)
{
    struct isr_message message = {
        .kind = ISR_MESSAGE_METADATA_RESPONSE,
        .metadata_response = {.correlation = request->correlation, .controller = (int16_t)entries->leader}};
    isr_send(entries->env, from, &message);
}

bool isr_entries_message(struct isr_entries *entries, int32_t from, const struct isr_message *message)
{
    if (isr_consensus_hears(message->kind))
        entries->consensus->ops->message(entries->consensus, from, message);
    else if (message->kind == ISR_MESSAGE_PROPOSE_REQUEST)
        propose(entries, from, &message->propose_request);
    else if (message->kind == ISR_MESSAGE_METADATA_REQUEST)
        metadata(entries, from, &message->metadata_request);
    else if (message->kind == ISR_MESSAGE_ALTER_QUORUM_REQUEST)
        isr_administration_request(&entries->administration, from, &message->alter_quorum_request);
    else
        return false;
    return true;
}

uint64_t isr_entries_digest(const struct isr_entries *entries)
{
    uint64_t hash = isr_hash_combine(entries->leading, (uint64_t)entries->leader);
    hash = isr_hash_combine(isr_hash_combine(hash, entries->count), entries->digest);
    return isr_hash_combine(hash, entries->waiters_count - entries->waiters_first);
}

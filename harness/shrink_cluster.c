/* Passes over what a cluster is made of: clients, topics, partitions, nodes, names. */
#include <string.h>

#include "harness/shrink_cost.h"
#include "harness/shrink_record.h"
#include "harness/shrinker.h"

/* ---- clients ---- */

bool shrink_pass_clients(struct shrinker *shrinker)
{
    bool any = false;
    for (uint32_t i = shrinker->best->spec.clients_count; i-- > 0;) {
        struct shrink_draft *draft = shrink_copy(shrinker);
        (void)draft_remove_process(draft, sim_spec_first_client(&draft->spec) + (int32_t)i,
                                   shrinker->step_ns);
        any = shrink_try_seeds(shrinker, draft) || any;
    }
    return any;
}

/* ---- topics ---- */

static bool remove_topic(struct shrinker *shrinker, uint32_t topic)
{
    struct shrink_draft *draft = shrink_copy(shrinker);
    if (!draft_remove_topic(draft, topic, shrinker->step_ns)) {
        draft_free(draft);
        return false;
    }
    return shrink_try(shrinker, draft);
}

static bool remove_partition(struct shrinker *shrinker, uint32_t topic, int32_t partition)
{
    struct shrink_draft *draft = shrink_copy(shrinker);
    if (!draft_remove_partition(draft, topic, partition, shrinker->step_ns)) {
        draft_free(draft);
        return false;
    }
    return shrink_try(shrinker, draft);
}

bool shrink_pass_topics(struct shrinker *shrinker)
{
    bool any = false;
    for (uint32_t t = shrinker->best->spec.topics_count; t-- > 0;) {
        if (remove_topic(shrinker, t)) {
            any = true;
            continue;
        }
        for (int32_t p = shrinker->best->spec.topics[t].partitions; p-- > 0;)
            any = remove_partition(shrinker, t, p) || any;
    }
    return any;
}

/* ---- nodes ---- */

static bool remove_node(struct shrinker *shrinker, int32_t node)
{
    struct shrink_draft *draft = shrink_copy(shrinker);
    if (!draft_remove_process(draft, node, shrinker->step_ns)) {
        draft_free(draft);
        return false;
    }
    return shrink_try_seeds(shrinker, draft);
}

/* Controllers of their own, as few as will do. */
static bool separate(struct shrinker *shrinker)
{
    for (int32_t wanted = 1; wanted <= shrinker->best->spec.controllers; wanted += 2) {
        struct shrink_draft *draft = shrink_copy(shrinker);
        bool good = draft_separate_controllers(draft);
        while (good && draft->spec.controllers > wanted)
            good =
                draft_remove_process(draft, draft->spec.brokers + draft->spec.controllers, shrinker->step_ns);
        if (!good) {
            draft_free(draft);
            return false;
        }
        if (shrink_try_seeds(shrinker, draft))
            return true;
    }
    return false;
}

/* What the controller placed somewhere stands in the file, and so need not be everywhere. */
static bool place(struct shrinker *shrinker)
{
    const struct sim_spec *best = &shrinker->best->spec;
    bool hidden = false;
    for (uint32_t t = 0; t < best->topics_count; t++)
        hidden = hidden || best->topics[t].assignments == NULL;
    struct shrink_record *record =
        hidden && best->peer.count == 0 ? shrink_record_take(shrinker, UINT32_MAX) : NULL;
    if (record == NULL)
        return false;
    struct shrink_draft *draft = shrink_copy(shrinker);
    const struct isr_replicas *placed = record->placed;
    bool known = true;
    for (uint32_t t = 0; t < draft->spec.topics_count; t++) {
        struct sim_topic_spec *topic = &draft->spec.topics[t];
        topic->assignments = pool_array(&draft->pool, (size_t)topic->partitions, sizeof *topic->assignments);
        for (int32_t p = 0; p < topic->partitions; p++) {
            topic->assignments[p] = *placed++;
            known = known && topic->assignments[p].count == topic->replication_factor;
        }
    }
    shrink_record_free(record);
    if (known)
        return shrink_try_seeds(shrinker, draft);
    draft_free(draft);
    return false;
}

/* Servers that stay as they are when the others heal. */
static bool heal_gone(struct shrinker *shrinker)
{
    bool any = false;
    for (int32_t node = sim_spec_first_client(&shrinker->best->spec); node-- > 1;) {
        if (!sim_node_set_has(&shrinker->best->spec.gone, node))
            continue;
        struct shrink_draft *draft = shrink_copy(shrinker);
        draft->spec.gone.bits[node / 64] &= ~(UINT64_C(1) << (node % 64));
        any = shrink_try(shrinker, draft) || any;
    }
    return any;
}

bool shrink_pass_nodes(struct shrinker *shrinker)
{
    bool any = place(shrinker);
    any = heal_gone(shrinker) || any;
    any = separate(shrinker) || any;
    for (int32_t node = sim_spec_first_client(&shrinker->best->spec); node-- > 1;)
        any = remove_node(shrinker, node) || any;
    return any;
}

/* ---- order and names ---- */

static bool order_brokers(struct shrinker *shrinker)
{
    bool any = false;
    for (unsigned place = 0; place < ISR_REPLICAS_MAX; place++) {
        const struct sim_spec *best = &shrinker->best->spec;
        const struct sim_topic_spec *topic = best->topics;
        if (best->topics_count == 0 || topic->assignments == NULL || place >= topic->assignments[0].count ||
            topic->assignments[0].ids[place] == (int)place + 1)
            continue;
        struct shrink_draft *draft = shrink_copy(shrinker);
        draft_swap_brokers(draft, topic->assignments[0].ids[place], (int32_t)place + 1);
        any = shrink_try_seeds(shrinker, draft) || any;
    }
    return any;
}

static bool rename_topics(struct shrinker *shrinker)
{
    static const char *const names[] = {"orders", "payments"};
    bool any = false;
    for (uint32_t i = 0; i < shrinker->best->spec.topics_count && i < 2; i++) {
        struct shrink_draft *draft = shrink_copy(shrinker);
        if (!draft_rename_topic(draft, i, names[i]))
            draft_free(draft);
        else
            any = shrink_try(shrinker, draft) || any;
    }
    return any;
}

static bool rename_clients(struct shrinker *shrinker)
{
    bool any = false;
    for (uint32_t i = 0; i < shrinker->best->spec.clients_count; i++) {
        struct shrink_draft *draft = shrink_copy(shrinker);
        if (!draft_rename_client(draft, i, shrink_plain_name(draft->spec.clients[i].kind)))
            draft_free(draft);
        else
            any = shrink_try(shrinker, draft) || any;
    }
    return any;
}

static bool small_seed(struct shrinker *shrinker)
{
    for (uint64_t seed = 1; seed < 10 && seed < shrinker->best->spec.seed; seed++) {
        struct shrink_draft *draft = shrink_copy(shrinker);
        draft->spec.seed = seed;
        if (shrink_try(shrinker, draft))
            return true;
    }
    return false;
}

bool shrink_pass_order(struct shrinker *shrinker)
{
    bool any = order_brokers(shrinker);
    any = rename_topics(shrinker) || any;
    any = rename_clients(shrinker) || any;
    return small_seed(shrinker) || any;
}

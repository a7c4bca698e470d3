/* Configurations: who votes, who learns, from which entry on.
 *
 *     from the beginning, or of the snapshot --entry appended--> one more --committed--> stays
 *                                                             \--truncated--> the one before is in effect
 *
 * A node uses the latest configuration in its log, committed or not (4.1): only so do the majorities of two
 * configurations that differ by one voter overlap at all times. */
#include "core/quorum/internal.h"

struct isr_bytes quorum_members_encode(const struct isr_consensus_members *members,
                                       struct isr_scratch *scratch)
{
    uint8_t *bytes = isr_scratch_allocate(scratch, 2 * (1 + ISR_REPLICAS_MAX));
    const uint8_t *end = isr_put_replicas(isr_put_replicas(bytes, members->voters), members->learners);
    return (struct isr_bytes){.data = bytes, .size = (uint32_t)(end - bytes)};
}

bool quorum_members_are_sane(const struct isr_consensus_members *members)
{
    for (unsigned i = 0; i < members->learners.count; i++) {
        if (isr_replicas_contain(&members->voters, members->learners.ids[i]))
            return false;
    }
    return members->voters.count > 0;
}

bool quorum_members_decode(struct isr_bytes data, struct isr_consensus_members *members)
{
    struct isr_reader reader = {.data = data.data, .size_bytes = data.size};
    members->voters = isr_get_replicas(&reader);
    members->learners = isr_get_replicas(&reader);
    return !reader.failed && reader.position == data.size && quorum_members_are_sane(members);
}

enum quorum_part quorum_part_of(const struct isr_consensus_members *members, int32_t node)
{
    if (isr_replicas_contain(&members->voters, node))
        return QUORUM_VOTER;
    return isr_replicas_contain(&members->learners, node) ? QUORUM_LEARNER : QUORUM_OUTSIDE;
}

const struct quorum_configuration *isr_quorum_configuration(const struct isr_quorum *quorum)
{
    return &quorum->configurations[quorum->configurations_count - 1];
}

const struct quorum_configuration *quorum_configuration_at(const struct isr_quorum *quorum, int64_t index)
{
    uint32_t place = quorum->configurations_count - 1;
    while (place > 0 && quorum->configurations[place].index > index)
        place--;
    return &quorum->configurations[place];
}

bool quorum_may_stand(const struct isr_quorum *quorum)
{
    if (quorum->votes_here)
        return true;
    /* The one before the latest: a leader appends none before the last is committed, so it was committed,
     * even if this node forgot that when it started and its commit index is far behind. */
    uint32_t count = quorum->configurations_count;
    return isr_quorum_configuration(quorum)->index > quorum->commit_index && count > 1 &&
           quorum_part_of(&quorum->configurations[count - 2].members, quorum->node) == QUORUM_VOTER;
}

static void take_effect(struct isr_quorum *quorum)
{
    const struct quorum_configuration *latest = isr_quorum_configuration(quorum);
    quorum->votes_here = quorum_part_of(&latest->members, quorum->node) == QUORUM_VOTER;
    quorum->majority = latest->members.voters.count / 2u + 1;
    for (uint32_t i = 0; i < quorum->peers_count; i++)
        quorum->peers[i].part = quorum_part_of(&latest->members, quorum->peers[i].node);
    struct isr_observation *observation = isr_observe(quorum->env, ISR_OBSERVED_QUORUM_MEMBERS);
    observation->quorum_members.index = latest->index;
    observation->quorum_members.voters = (int64_t)isr_replicas_pack(&latest->members.voters);
    observation->quorum_members.learners = (int64_t)isr_replicas_pack(&latest->members.learners);
}

static void push(struct isr_quorum *quorum, const struct quorum_configuration *configuration)
{
    quorum->configurations = ISR_GROW(quorum->env->heap, quorum->configurations, quorum->configurations_count,
                                      quorum->configurations_capacity);
    quorum->configurations[quorum->configurations_count++] = *configuration;
    take_effect(quorum);
}

void quorum_configurations_reset(struct isr_quorum *quorum, const struct quorum_configuration *first)
{
    const struct quorum_configuration copy = *first;
    quorum->configurations_count = 0;
    push(quorum, &copy);
}

void quorum_configurations_append(struct isr_quorum *quorum, int64_t index, struct isr_bytes data)
{
    struct quorum_configuration configuration = {.index = index};
    bool sane = quorum_members_decode(data, &configuration.members);
    ISR_ASSERT(sane); /* checked where it came from */
    push(quorum, &configuration);
}

void quorum_configurations_truncate(struct isr_quorum *quorum, int64_t index)
{
    uint32_t count = quorum->configurations_count;
    while (quorum->configurations_count > 1 && isr_quorum_configuration(quorum)->index >= index)
        quorum->configurations_count--;
    if (quorum->configurations_count < count)
        take_effect(quorum);
}

void quorum_configurations_compact(struct isr_quorum *quorum, int64_t index)
{
    uint32_t gone = (uint32_t)(quorum_configuration_at(quorum, index) - quorum->configurations);
    quorum->configurations_count -= gone;
    if (gone > 0)
        memmove(quorum->configurations, quorum->configurations + gone,
                quorum->configurations_count * sizeof *quorum->configurations);
}

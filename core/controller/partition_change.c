#include "core/controller/partition_change.h"

struct decision {
    const struct isr_image *image;
    const struct isr_image_partition *before;
    const struct ctl_happening *what;
    const struct isr_topic_settings *settings;
    bool elr_enabled;
    bool unclean_allowed;
    bool by_log;          /* replicas are asked before one is elected */
    bool recovers;        /* they are asked when nobody is left who may be elected unseen */
    bool recovery_is_new; /* until now it was another one, that needed to know less */
    bool completed;       /* a reassignment, by this */
    int32_t min_isr;      /* effective */
    struct isr_image_partition *after;
};

struct choice {
    int32_t leader;
    enum isr_cause cause;
};

static bool is_acceptable(const struct decision *d, int32_t broker)
{
    if (broker == ISR_NODE_NONE || broker == d->what->leaves)
        return false;
    return broker == d->what->returns || isr_image_broker_active(d->image, broker);
}

/* A clean leader is in the ISR, or among the eligible ones when there is no ISR. */
static bool is_eligible(const struct decision *d, int32_t broker)
{
    const struct isr_replicas *from = d->after->isr.count > 0 ? &d->after->isr : &d->after->elr;
    return isr_replicas_contain(from, broker) && is_acceptable(d, broker);
}

/* The last known leader is elected when nothing better is left, even where unclean elections are not allowed:
 * nobody can have more than it had (KIP-966, balanced recovery). */
static bool can_elect_last_known(const struct decision *d)
{
    return d->elr_enabled && d->after->isr.count == 0 && d->after->elr.count == 0 &&
           d->before->last_known_elr.count == 1 && is_acceptable(d, d->before->last_known_elr.ids[0]);
}

static struct choice elect_by_log(const struct decision *d)
{
    if (d->what->chosen != 0 && is_acceptable(d, d->what->chosen))
        return (struct choice){d->what->chosen, d->what->chosen_of_few ? ISR_CAUSE_ELECTION_UNCLEAN
                                                                       : ISR_CAUSE_ELECTION_BY_LOG};
    if (!d->what->deposes_leader && is_acceptable(d, d->before->leader))
        return (struct choice){d->before->leader, ISR_CAUSE_ELECTION_CLEAN};
    return (struct choice){ISR_NODE_NONE, d->what->deposes_leader ? ISR_CAUSE_WITNESS : ISR_CAUSE_NO_LEADER};
}

/* Kafka's PartitionChangeBuilder.electLeader: the preferred one where it was asked for; who leads; the first
 * of the assignment; then those who may lack records. */
static struct choice elect(const struct decision *d)
{
    if (d->by_log)
        return elect_by_log(d);
    const struct isr_replicas *replicas = &d->after->replicas;
    enum isr_cause clean = d->after->isr.count > 0 ? ISR_CAUSE_ELECTION_CLEAN : ISR_CAUSE_ELECTION_ELR;
    if (d->what->election == CTL_ELECTION_PREFERRED && is_eligible(d, replicas->ids[0]))
        return (struct choice){replicas->ids[0], ISR_CAUSE_ELECTION_PREFERRED};
    if (is_eligible(d, d->before->leader))
        return (struct choice){d->before->leader, clean};
    for (unsigned i = 0; i < replicas->count; i++) {
        if (is_eligible(d, replicas->ids[i]))
            return (struct choice){replicas->ids[i], clean};
    }
    if (d->recovers && d->what->chosen != 0 && is_acceptable(d, d->what->chosen))
        return (struct choice){d->what->chosen, ISR_CAUSE_ELECTION_UNCLEAN};
    if (!d->recovers && can_elect_last_known(d))
        return (struct choice){d->before->last_known_elr.ids[0], ISR_CAUSE_ELECTION_UNCLEAN};
    for (unsigned i = 0; d->unclean_allowed && i < replicas->count; i++) {
        if (is_acceptable(d, replicas->ids[i]))
            return (struct choice){replicas->ids[i], ISR_CAUSE_ELECTION_UNCLEAN};
    }
    return (struct choice){ISR_NODE_NONE, ISR_CAUSE_NO_LEADER};
}

/* In assignment order, so that equal sets are equal lists however they came about. */
static struct isr_replicas target_isr(const struct decision *d)
{
    const struct isr_replicas *wanted = d->what->isr != NULL ? d->what->isr : &d->before->isr;
    struct isr_replicas isr = {0};
    for (unsigned i = 0; i < d->after->replicas.count; i++) {
        int32_t replica = d->after->replicas.ids[i];
        if (replica != d->what->leaves && isr_replicas_contain(wanted, replica))
            isr_replicas_add(&isr, replica);
    }
    return isr;
}

/* |ISR| >= min ISR: empty. Else (ELR u old ISR) \ new ISR \ uncleanly restarted (KIP-966). */
static struct isr_replicas target_elr(const struct decision *d, int32_t min_isr)
{
    struct isr_replicas elr = {0};
    if (!d->elr_enabled || d->by_log || d->after->isr.count >= min_isr)
        return elr;
    for (unsigned i = 0; i < d->after->replicas.count; i++) {
        int32_t replica = d->after->replicas.ids[i];
        bool was_eligible =
            isr_replicas_contain(&d->before->elr, replica) || isr_replicas_contain(&d->before->isr, replica);
        bool forgot = d->what->forgets && replica == d->what->leaves;
        if (was_eligible && !forgot && !isr_replicas_contain(&d->after->isr, replica))
            isr_replicas_add(&elr, replica);
    }
    return elr;
}

/* Who was eligible and may have lost records since, until enough are in sync again (KIP-966: LastKnownElr).
 * They, the ISR and the ELR all held everything when the high watermark last moved. Where that was not kept
 * so far it may be anybody. */
static struct isr_replicas target_once_eligible(const struct decision *d, int32_t min_isr)
{
    struct isr_replicas once = {0};
    const struct isr_image_partition *before = d->before, *after = d->after;
    bool unknown = d->recovery_is_new;
    for (unsigned i = 0; d->elr_enabled && after->isr.count < min_isr && i < after->replicas.count; i++) {
        int32_t replica = after->replicas.ids[i];
        bool was = isr_replicas_contain(&before->isr, replica) ||
                   isr_replicas_contain(&before->elr, replica) ||
                   isr_replicas_contain(&before->last_known_elr, replica);
        if ((was || unknown) && !isr_replicas_contain(&after->isr, replica) &&
            !isr_replicas_contain(&after->elr, replica))
            isr_replicas_add(&once, replica);
    }
    return once;
}

/* The last leader is remembered from the moment the ISR empties until there is a leader again. */
static struct isr_replicas target_last_known(const struct decision *d)
{
    struct isr_replicas last_known = {0};
    if (d->recovers)
        return target_once_eligible(d, d->min_isr);
    if (!d->elr_enabled || d->after->leader != ISR_NODE_NONE)
        return last_known;
    if (d->before->leader == ISR_NODE_NONE)
        return d->before->last_known_elr;
    isr_replicas_add(&last_known, d->before->leader);
    return last_known;
}

static void install(const struct decision *d, struct choice choice)
{
    struct isr_image_partition *after = d->after;
    after->leader = choice.leader;
    if (choice.cause == ISR_CAUSE_ELECTION_UNCLEAN || choice.cause == ISR_CAUSE_ELECTION_BY_LOG) {
        after->isr = after->elr = (struct isr_replicas){0};
        isr_replicas_add(&after->isr, choice.leader);
        after->recovering = choice.cause == ISR_CAUSE_ELECTION_UNCLEAN;
    } else if (choice.leader != ISR_NODE_NONE && after->isr.count == 0) {
        isr_replicas_remove(&after->elr, choice.leader);
        isr_replicas_add(&after->isr, choice.leader);
        /* Min ISR was lowered while nobody led: one is enough to go on without the others (KIP-966). */
        if (after->isr.count >= d->min_isr)
            after->elr = (struct isr_replicas){0};
    }
    if (after->isr.count == 0 && !d->elr_enabled) /* the last member stays (PartitionChangeBuilder) */
        after->isr = d->before->isr;
    after->last_known_elr = target_last_known(d);
}

/* ---- reassignment (KIP-455) ---- */

static struct isr_replicas without(const struct isr_replicas *set, const struct isr_replicas *others)
{
    struct isr_replicas left = {0};
    for (unsigned i = 0; i < set->count; i++) {
        if (!isr_replicas_contain(others, set->ids[i]))
            isr_replicas_add(&left, set->ids[i]);
    }
    return left;
}

struct isr_replicas ctl_assignment_original(const struct isr_image_partition *partition)
{
    return without(&partition->replicas, &partition->adding);
}

bool ctl_assignment_towards(const struct isr_image_partition *partition, const struct isr_replicas *wanted,
                            struct ctl_assignment *assignment)
{
    struct isr_replicas original = ctl_assignment_original(partition);
    *assignment =
        (struct ctl_assignment){.replicas = *wanted, .removing = without(&partition->replicas, wanted)};
    if (wanted->count + assignment->removing.count > ISR_REPLICAS_MAX)
        return false;
    for (unsigned i = 0; i < assignment->removing.count; i++)
        isr_replicas_add(&assignment->replicas, assignment->removing.ids[i]);
    assignment->adding = without(&assignment->replicas, &original);
    return true;
}

/* All wanted replicas are in sync; not merely those that are added (KAFKA-15665): the ISR without those that
 * leave must hold as much as with them. What was cancelled wants the replicas from before it, of which some
 * may be down, perhaps the reason for it: there enough of them for min ISR suffice. */
static bool reassignment_is_complete(const struct decision *d, const struct isr_rules *rules)
{
    const struct isr_image_partition *after = d->after;
    struct isr_replicas wanted = without(&after->replicas, &after->removing);
    struct isr_replicas left = without(&after->isr, &after->removing);
    bool cancelled = isr_replicas_equal_as_sets(&after->adding, &after->removing);
    if (!ctl_is_being_reassigned(after) || left.count == 0)
        return false;
    if (rules->reassignment_done == ISR_RULE_reassignment_done_added)
        return isr_replicas_subset(&after->adding, &left);
    return isr_replicas_subset(&wanted, &left) ||
           (cancelled &&
            left.count >= isr_effective_min_isr(rules, (int32_t)d->settings->min_isr, wanted.count));
}

static void complete_reassignment(struct decision *d, const struct isr_rules *rules)
{
    struct isr_image_partition *after = d->after;
    if (!reassignment_is_complete(d, rules))
        return;
    after->replicas = without(&after->replicas, &after->removing);
    after->isr = without(&after->isr, &after->removing);
    after->adding = after->removing = (struct isr_replicas){0};
    d->completed = true;
}

/* ---- the whole ---- */

static bool is_same_list(const struct isr_replicas *a, const struct isr_replicas *b)
{
    return a->count == b->count && isr_replicas_pack(a) == isr_replicas_pack(b);
}

static bool is_same(const struct isr_image_partition *a, const struct isr_image_partition *b)
{
    return a->leader == b->leader && a->recovering == b->recovering &&
           is_same_list(&a->replicas, &b->replicas) && isr_replicas_equal_as_sets(&a->adding, &b->adding) &&
           isr_replicas_equal_as_sets(&a->removing, &b->removing) &&
           isr_replicas_equal_as_sets(&a->isr, &b->isr) && isr_replicas_equal_as_sets(&a->elr, &b->elr) &&
           isr_replicas_equal_as_sets(&a->last_known_elr, &b->last_known_elr);
}

/* Also where the leader stays: a fetch of a replica that left, still on its way, must not be counted when the
 * replica is added again with an empty log (Kafka's triggerLeaderEpochBumpForReplicaReassignmentIfNeeded). */
static bool leader_epoch_grows(const struct decision *d, const struct isr_rules *rules)
{
    if (d->after->leader != d->before->leader)
        return true;
    return !isr_replicas_subset(&d->before->replicas, &d->after->replicas) &&
           rules->reassignment_epoch == ISR_RULE_reassignment_epoch_grows;
}

/* What is asked for, before anybody is elected. */
static void reshape(struct decision *d, const struct isr_rules *rules)
{
    const struct ctl_happening *what = d->what;
    struct isr_image_partition *after = d->after;
    if (what->recovered)
        after->recovering = false;
    if (what->assignment != NULL) {
        after->replicas = what->assignment->replicas;
        after->adding = what->assignment->adding;
        after->removing = what->assignment->removing;
    }
    after->isr = target_isr(d);
    complete_reassignment(d, rules);
    /* What min ISR was when a replica became eligible is no longer known: the high watermark may have passed
     * it, or will (KIP-966). */
    d->min_isr = isr_effective_min_isr(rules, (int32_t)d->settings->min_isr, after->replicas.count);
    bool keeps = what->settings != NULL && rules->min_isr_change == ISR_RULE_min_isr_change_keeps_elr;
    if (!keeps)
        after->elr = target_elr(d, d->min_isr);
}

bool ctl_partition_decide(const struct isr_image *image, const struct isr_rules *rules,
                          const struct isr_image_partition *partition, const struct ctl_happening *what,
                          struct isr_image_partition *after, enum isr_cause *cause)
{
    const struct isr_image_topic *topic = isr_image_topic(image, partition->tp.topic);
    ISR_ASSERT(topic != NULL);
    *after = *partition;
    struct decision d = {.image = image, .before = partition, .what = what, .after = after};
    d.settings = what->settings != NULL ? what->settings : &topic->settings;
    d.elr_enabled = rules->elr == ISR_RULE_elr_on;
    d.by_log = isr_topic_asks_for_logs(&topic->settings);
    d.recovers = isr_topic_recovers_by_log(d.settings);
    d.recovery_is_new = d.recovers && !isr_topic_recovers_by_log(&topic->settings);
    d.unclean_allowed = what->election == CTL_ELECTION_UNCLEAN ||
                        (what->election == CTL_ELECTION_ONLINE &&
                         (d.settings->unclean || rules->unclean == ISR_RULE_unclean_on));
    reshape(&d, rules);
    struct choice choice = elect(&d);
    install(&d, choice);
    if (is_same(partition, after) && d.settings->min_isr == topic->settings.min_isr && !what->fences)
        return false;
    bool leader_changed = after->leader != partition->leader;
    *cause = leader_changed ? choice.cause : d.completed ? ISR_CAUSE_REASSIGNMENT_DONE : what->cause;
    after->leader_epoch += leader_epoch_grows(&d, rules) ? 1 : 0;
    after->partition_epoch++;
    ISR_ASSERT(after->leader == ISR_NODE_NONE || isr_replicas_contain(&after->isr, after->leader));
    return true;
}

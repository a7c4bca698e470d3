/* The pure decision on one partition: what it becomes when something happened (Kafka's
 * PartitionChangeBuilder). */
#ifndef ISR_CONTROLLER_PARTITION_CHANGE_H
#define ISR_CONTROLLER_PARTITION_CHANGE_H

#include "core/metadata/image.h"
#include "core/policy/settings.h"

enum ctl_election {
    CTL_ELECTION_ONLINE, /* only when the leader cannot go on; unclean where the topic or the rule allows it
                          */
    CTL_ELECTION_PREFERRED, /* the first of the assignment when it may lead; never unclean by itself */
    CTL_ELECTION_UNCLEAN,   /* by request, whatever the topic allows (KIP-460) */
};

/* Where a reassignment leads (KIP-455): see ISR_FIELDS_partition_record. */
struct ctl_assignment {
    struct isr_replicas replicas, adding, removing;
};

struct ctl_happening {
    enum isr_cause cause; /* told when no leader is elected or lost by it */
    enum ctl_election election;
    int32_t leaves;  /* broker that is being fenced, stopped or registered anew; ISR_NODE_NONE */
    int32_t returns; /* broker that is being unfenced by the same entry; ISR_NODE_NONE */
    bool forgets;    /* `leaves` may have lost records: it is no eligible leader either (KIP-966) */
    const struct isr_replicas
        *isr;       /* asked for by the leader (valid, see alter_partition.h); NULL: as it is */
    bool fences;    /* requests that go by the present partition epoch are not to be accepted any more */
    bool recovered; /* the leader says that it has recovered (KIP-704) */
    /* topics whose replicas are asked for their logs, log_elections.c */
    int32_t chosen; /* whose log is the longest; 0: nobody was asked, or nobody may be elected by that yet */
    bool chosen_of_few;                        /* fewer than a majority answered */
    bool deposes_leader;                       /* the leader is to go although it lives */
    const struct ctl_assignment *assignment;   /* a reassignment begins, changes or ends; NULL: as it is */
    const struct isr_topic_settings *settings; /* the topic's from this entry on; NULL: as they are */
};

/* From the partition as it is towards the wanted replicas. Nobody who is in sync leaves before all of them
 * are: also replicas that an earlier reassignment was about to add, and that are not wanted any more, stay
 * until then, for what is committed may need them. False when that makes more than ISR_REPLICAS_MAX. */
bool ctl_assignment_towards(const struct isr_image_partition *partition, const struct isr_replicas *wanted,
                            struct ctl_assignment *assignment);
/* The replicas that the partition had before what is under way began. */
struct isr_replicas ctl_assignment_original(const struct isr_image_partition *partition);
static inline bool ctl_is_being_reassigned(const struct isr_image_partition *partition)
{
    return partition->adding.count > 0 || partition->removing.count > 0;
}

/* Fills after and cause; false when nothing changes.
 *
 * The ISR is the one asked for, or the present one, without `leaves`. With ELR (KIP-966) replicas that leave
 * an ISR below min ISR stay eligible, and the ISR may become empty. Without ELR the last member stays in the
 * ISR although it is gone, with no leader: the only case in which an ISR holds a fenced or stopping broker
 * (exception to I6). The leader epoch grows when the leader changes, also to and from none, and when replicas
 * leave the assignment; the partition epoch at each change (I5), and when min ISR changes: a leader that does
 * not know that yet can have no ISR accepted that it chose by the former one. `fences` makes it grow too.
 *
 * Of a topic that asks for logs nobody is elected but the leader itself or who was chosen; without either the
 * partition has no leader from then on, in a leader epoch of its own. */
bool ctl_partition_decide(const struct isr_image *image, const struct isr_rules *rules,
                          const struct isr_image_partition *partition, const struct ctl_happening *what,
                          struct isr_image_partition *after, enum isr_cause *cause);

#endif

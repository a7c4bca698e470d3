/* The metadata controller (KRaft: KIP-500, 631): one a voter, of which the leader of the quorum is active. It
 * decides who leads what, who is in which ISR, and which brokers are alive; brokers follow its decisions as a
 * log.
 *
 *   standby --consensus leads and has applied everything--> active --consensus stops leading--> standby
 *
 * Standby: applies committed entries to the committed image; every request is answered NOT_CONTROLLER.
 * Active: decides on the pending image, which is the committed one plus what is proposed but not yet
 * committed. A decision is: records -> one proposed entry -> pending image. Its answer leaves only when that
 * entry is committed; so does an answer that changed nothing but may rest on earlier uncommitted entries.
 * Resigning drops the pending image and refuses all waiting answers with NOT_CONTROLLER.
 *
 * Soft state (heartbeat times, how far brokers follow, controlledShutdownOffset) lives from activation to
 * resignation and decides only when to fence, unfence or let go of a broker, never who may lead.
 *
 * Invariants: committed is a function of the entries applied (I9); pending equals committed when everything
 * proposed is committed; answers wait in the order of their index; ISR and leaders keep I6, with the one
 * exception described at ctl_partition_decide. */
#ifndef ISR_CONTROLLER_CONTROLLER_H
#define ISR_CONTROLLER_CONTROLLER_H

#include "core/metadata/image.h"
#include "core/quorum/administration.h"

/* What the active controller knows of a broker's life, and forgets when it resigns. */
struct ctl_session {
    bool heard; /* since activation or registration; false also once fenced for silence or let go */
    int64_t contact_ns;
    int64_t metadata_offset;            /* how far it follows, -1 when it did not say */
    int64_t controlled_shutdown_offset; /* -1 until it asked to stop; set once */
};

struct ctl_log_election; /* a partition whose replicas are being asked for their logs, log_elections.c */
struct ctl_witness;      /* what clients told of a partition's leader, witness.c */
struct ctl_answer;       /* one that waits for its entry, answers.c */
struct ctl_push;         /* what a broker was pushed, metadata_push.c */
struct ctl_poll;         /* a metadata fetch that waits for something new, metadata_service.c */

/* A partition that changed by an entry which nobody may have told of yet. */
struct ctl_untold {
    struct isr_tp tp;
    enum isr_cause cause;
};

struct isr_controller {
    struct isr_env *env;
    struct isr_consensus *consensus;
    struct isr_replicas voters, nodes; /* the first configuration, and everybody who may become a voter */
    bool active;
    int32_t term;   /* of the activation */
    int32_t leader; /* of the quorum as far as known, ISR_NODE_NONE */
    struct isr_image committed;
    struct isr_image pending;            /* only when active */
    int64_t proposed_index;              /* last entry proposed in this activation, 0 for none */
    struct isr_metadata_record *records; /* of the decision being made */
    uint32_t records_count, records_capacity;
    struct ctl_answer *answers; /* answers[answers_first .. answers_count) wait */
    uint32_t answers_first, answers_count, answers_capacity;
    struct ctl_untold *untold;
    uint32_t untold_count, untold_capacity;
    struct ctl_poll **polls; /* by node id */
    uint32_t polls_count, polls_capacity;
    struct ctl_push **pushes; /* by node id */
    uint32_t pushes_count, pushes_capacity;
    uint32_t push_correlation; /* the last one given out */
    struct {
        int64_t index; /* 0: no entry is being applied */
        int32_t term;
        struct isr_bytes data;
    } applying;
    struct ctl_session sessions[ISR_NODE_MAX + 1]; /* by node id */
    struct isr_timer sessions_timer;               /* the earliest session that may expire */
    struct isr_timer rebalance_timer;              /* the next look for leaders that are not the preferred */
    struct isr_administration altering;            /* of the quorum */
    struct ctl_log_election *log_elections;        /* by tp */
    uint32_t log_elections_count, log_elections_capacity;
    struct ctl_witness *witnesses; /* in the order in which they were first told of */
    uint32_t witnesses_count, witnesses_capacity;
    struct isr_timer log_elections_timer; /* asks again, decides */
};

/* voters, nodes: copied, this node among nodes. env, consensus: borrowed for the controller's life; the
 * controller must not move in memory. */
void isr_controller_init(struct isr_controller *controller, struct isr_env *env,
                         const struct isr_replicas *voters, const struct isr_replicas *nodes,
                         struct isr_consensus *consensus);
/* Starts consensus, with this controller as its machine. */
void isr_controller_start(struct isr_controller *controller);
/* BROKER_REGISTRATION_, BROKER_HEARTBEAT_, ALLOCATE_PRODUCER_IDS_, ALTER_PARTITION_, METADATA_FETCH_,
 * CREATE_, ALTER_ and DELETE_TOPIC_, REASSIGN_, ELECT_LEADERS_ and ALTER_QUORUM_REQUEST, LOG_INFO_ and
 * CONTROLLER_PUSH_RESPONSE, WRITE_FAILURES; VOTE_, APPEND_, SNAPSHOT_ and TIMEOUT_NOW messages go on to
 * consensus. False: the message is none of a controller's. */
bool isr_controller_message(struct isr_controller *controller, int32_t from,
                            const struct isr_message *message);

static inline bool isr_controller_is_active(const struct isr_controller *controller)
{
    return controller->active;
}
static inline const struct isr_image *isr_controller_image(const struct isr_controller *controller)
{
    return &controller->committed;
}
/* Of the controller's protocol state, by field; consensus is not part of it. */
uint64_t isr_controller_digest(const struct isr_controller *controller);

#endif

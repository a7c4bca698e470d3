/* The port between a replicated machine (the controller, or the numbered entries of core/entries) and a
 * consensus implementation. In-tree: core/quorum/quorum.h. Another Raft library can stand behind it
 * (sim/libraft): everything arrives through ops, and every completion is asynchronous. */
#ifndef ISR_QUORUM_PORT_H
#define ISR_QUORUM_PORT_H

#include "core/base/env.h"
#include "core/wire/message.h"

enum isr_consensus_role { ISR_CONSENSUS_FOLLOWER, ISR_CONSENSUS_CANDIDATE, ISR_CONSENSUS_LEADER };

/* Who takes part. Learners are given the log and never vote or count (thesis 4.2.1; KRaft's observers). */
struct isr_consensus_members {
    struct isr_replicas voters, learners;
};

/* What an administrator can ask of a quorum. On the wire: never renumber. */
enum isr_quorum_change {
    ISR_QUORUM_TRANSFER,    /* leadership goes to a voter, or to any */
    ISR_QUORUM_ADD_VOTER,   /* a learner is promoted, anybody else is brought up to date first (KIP-853) */
    ISR_QUORUM_ADD_LEARNER, /* of somebody who takes no part yet */
    ISR_QUORUM_REMOVE,      /* a voter or learner takes no part any more (KIP-853) */
    ISR_QUORUM_CHANGES
};

/* What consensus needs of the replicated machine. Never called from inside propose(). */
struct isr_consensus_machine {
    /* Entries in order, each once per process life after the last snapshot loaded. data: borrowed. Called for
     * every committed entry that was proposed; no-ops and internal entries are skipped (their index is
     * missed). */
    void (*apply)(void *object, int64_t index, int32_t term, struct isr_bytes data);
    /* The machine's state as of the last applied entry, in scratch. */
    struct isr_bytes (*snapshot)(void *object, struct isr_scratch *scratch);
    /* Replaces the machine's state; index and term of the last entry it holds. Also at start. False: damaged.
     */
    bool (*load)(void *object, int64_t index, int32_t term, struct isr_bytes snapshot);
    /* Role, term or known leader changed. ISR_CONSENSUS_LEADER is told only when the no-op of the term has
     * been committed and everything before it applied: from then on propose() may be called. Leaving
     * leadership is told at once. leader: ISR_NODE_NONE when unknown. */
    void (*changed)(void *object, enum isr_consensus_role role, int32_t term, int32_t leader);
    /* What transfer() or change() began is over: NONE when it is done and cannot be undone. Exactly once for
     * each that began, while the process lives. */
    void (*altered)(void *object, enum isr_error error);
    void *object;
};

struct isr_consensus;

struct isr_consensus_ops {
    /* Loads what is on disk, then takes part. voters: the first configuration, the same on all nodes; what
     * the disk knows of later ones goes before it. nodes: everybody who may ever take part, this node among
     * them; messages of others are not listened to. */
    void (*start)(struct isr_consensus *consensus, struct isr_env *env, const struct isr_replicas *voters,
                  const struct isr_replicas *nodes, const struct isr_consensus_machine *machine);
    /* One that isr_consensus_hears. */
    void (*message)(struct isr_consensus *consensus, int32_t from, const struct isr_message *message);
    /* Appends an entry as leader; its index, or 0 when not leader or when leadership is being handed over. It
     * may still be lost: only apply() commits. */
    int64_t (*propose)(struct isr_consensus *consensus, struct isr_bytes data);
    /* Hands leadership away before a clean stop, and stands for no election any more; done is called when
     * nothing is left to wait for, perhaps at once, after an election timeout at the latest. */
    void (*resign)(struct isr_consensus *consensus, void (*done)(void *object), void *object);
    /* NULL where an implementation cannot. Gives leadership to a voter, or with ISR_NODE_NONE to whoever is
     * most up to date (thesis 3.10). NONE: it began, and altered() will tell. Else a refusal:
     * NOT_CONTROLLER, VOTER_NOT_FOUND, ELECTION_NOT_NEEDED (it leads), OPERATION_NOT_ATTEMPTED (something
     * else is under way). */
    enum isr_error (*transfer)(struct isr_consensus *consensus, int32_t target);
    /* NULL where an implementation cannot. One of the other changes (thesis 4.1, 4.2). NONE: it began, and
     * altered() will tell. Else a refusal, as above or DUPLICATE_VOTER, INVALID_REQUEST. */
    enum isr_error (*change)(struct isr_consensus *consensus, enum isr_quorum_change change, int32_t node);
    /* The last configuration that this node knows to be committed. */
    struct isr_consensus_members (*members)(const struct isr_consensus *consensus);
    enum isr_consensus_role (*role)(const struct isr_consensus *consensus);
    int32_t (*term)(const struct isr_consensus *consensus);
    int32_t (*leader)(const struct isr_consensus *consensus);
    int64_t (*commit_index)(const struct isr_consensus *consensus);
    /* It won the election of its term, though it may have committed nothing in it yet. */
    bool (*elected)(const struct isr_consensus *consensus);
    /* For serving metadata: the committed, applied entry at index: false when compacted or not committed. */
    bool (*entry)(const struct isr_consensus *consensus, int64_t index, int32_t *term, bool *is_command,
                  struct isr_bytes *data);
    /* First index that entry() can give. */
    int64_t (*first_index)(const struct isr_consensus *consensus);
};

/* First member of every implementation. */
struct isr_consensus {
    const struct isr_consensus_ops *ops;
};

/* The messages between implementations: those of the in-tree one, or another one's own, as bytes. */
static inline bool isr_consensus_hears(enum isr_message_kind kind)
{
    return kind == ISR_MESSAGE_VOTE_REQUEST || kind == ISR_MESSAGE_VOTE_RESPONSE ||
           kind == ISR_MESSAGE_APPEND_REQUEST || kind == ISR_MESSAGE_APPEND_RESPONSE ||
           kind == ISR_MESSAGE_SNAPSHOT_REQUEST || kind == ISR_MESSAGE_SNAPSHOT_RESPONSE ||
           kind == ISR_MESSAGE_TIMEOUT_NOW_REQUEST || kind == ISR_MESSAGE_FOREIGN_CONSENSUS;
}

#endif

/* The port between the controller and a consensus implementation. In-tree: core/quorum/quorum.h. Shaped so
 * that another Raft library (a raft_io/raft_fsm one, say) can stand behind it: everything arrives through
 * ops, and every completion is asynchronous. */
#ifndef ISR_QUORUM_PORT_H
#define ISR_QUORUM_PORT_H

#include "core/base/env.h"
#include "core/wire/message.h"

enum isr_consensus_role { ISR_CONSENSUS_FOLLOWER, ISR_CONSENSUS_CANDIDATE, ISR_CONSENSUS_LEADER };

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
    void *object;
};

struct isr_consensus;

struct isr_consensus_ops {
    /* Loads what is on disk, then takes part. voters: node ids with this node among them. */
    void (*start)(struct isr_consensus *consensus, struct isr_env *env, const struct isr_replicas *voters,
                  const struct isr_consensus_machine *machine);
    /* A VOTE_, APPEND_ or SNAPSHOT_ message. */
    void (*message)(struct isr_consensus *consensus, int32_t from, const struct isr_message *message);
    /* Appends an entry as leader; its index, or 0 when not leader. It may still be lost: only apply()
     * commits. */
    int64_t (*propose)(struct isr_consensus *consensus, struct isr_bytes data);
    /* Hands leadership away before a clean stop (steps down; others elect). */
    void (*resign)(struct isr_consensus *consensus);
    enum isr_consensus_role (*role)(const struct isr_consensus *consensus);
    int32_t (*term)(const struct isr_consensus *consensus);
    int32_t (*leader)(const struct isr_consensus *consensus);
    int64_t (*commit_index)(const struct isr_consensus *consensus);
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

#endif

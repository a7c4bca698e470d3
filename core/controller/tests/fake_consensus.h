/* A consensus of one voice for tests of the controller: entries commit when the test says so, or at the end
 * of each message when `immediate`. It is told to lead and to stop leading. Entry indices leave room for
 * no-ops. */
#ifndef CTL_TESTS_FAKE_CONSENSUS_H
#define CTL_TESTS_FAKE_CONSENSUS_H

#include "core/controller/controller.h"
#include "core/tests/support.h"

enum { FAKE_ENTRIES_MAX = 512 };

struct fake_entry {
    int32_t term;
    bool is_command;
    struct isr_bytes data;
};

struct fake_consensus {
    struct isr_consensus base;
    struct isr_consensus_machine machine;
    struct isr_env *env;
    enum isr_consensus_role role;
    int32_t term, leader;
    int64_t last, committed, first;
    struct isr_consensus_members members;
    enum isr_error refusal; /* of transfer() and change() */
    enum isr_quorum_change asked_change;
    int32_t asked_node;
    bool refuses; /* propose() answers 0 although nobody said that leadership is gone */
    struct fake_entry entries[FAKE_ENTRIES_MAX]; /* by index */
};

static inline void fake_start(struct isr_consensus *consensus, struct isr_env *env,
                              const struct isr_replicas *voters, const struct isr_replicas *nodes,
                              const struct isr_consensus_machine *machine)
{
    struct fake_consensus *fake = (struct fake_consensus *)consensus;
    (void)nodes;
    fake->members.voters = *voters;
    fake->env = env;
    fake->machine = *machine;
}

static inline void fake_message(struct isr_consensus *consensus, int32_t from,
                                const struct isr_message *message)
{
    (void)consensus;
    (void)from;
    (void)message;
}

static inline int64_t fake_append(struct fake_consensus *fake, bool is_command, struct isr_bytes data)
{
    if (fake->last + 1 >= FAKE_ENTRIES_MAX)
        abort();
    uint8_t *copy = isr_heap_allocate(fake->env->heap, data.size + 1);
    if (data.size > 0)
        memcpy(copy, data.data, data.size);
    fake->entries[++fake->last] = (struct fake_entry){fake->term, is_command, {copy, data.size}};
    return fake->last;
}

static inline int64_t fake_propose(struct isr_consensus *consensus, struct isr_bytes data)
{
    struct fake_consensus *fake = (struct fake_consensus *)consensus;
    return fake->role == ISR_CONSENSUS_LEADER && !fake->refuses ? fake_append(fake, true, data) : 0;
}

static inline void fake_resign(struct isr_consensus *consensus, void (*done)(void *object), void *object)
{
    (void)consensus;
    done(object);
}

static inline enum isr_error fake_change(struct isr_consensus *consensus, enum isr_quorum_change change,
                                         int32_t node)
{
    struct fake_consensus *fake = (struct fake_consensus *)consensus;
    fake->asked_change = change;
    fake->asked_node = node;
    return fake->refusal;
}

static inline enum isr_error fake_transfer(struct isr_consensus *consensus, int32_t target)
{
    return fake_change(consensus, ISR_QUORUM_TRANSFER, target);
}

static inline struct isr_consensus_members fake_members(const struct isr_consensus *consensus)
{
    return ((const struct fake_consensus *)consensus)->members;
}

static inline enum isr_consensus_role fake_role(const struct isr_consensus *consensus)
{
    return ((const struct fake_consensus *)consensus)->role;
}

static inline int32_t fake_term(const struct isr_consensus *consensus)
{
    return ((const struct fake_consensus *)consensus)->term;
}

static inline int32_t fake_leader(const struct isr_consensus *consensus)
{
    return ((const struct fake_consensus *)consensus)->leader;
}

static inline int64_t fake_commit_index(const struct isr_consensus *consensus)
{
    return ((const struct fake_consensus *)consensus)->committed;
}

static inline bool fake_elected(const struct isr_consensus *consensus)
{
    return ((const struct fake_consensus *)consensus)->role == ISR_CONSENSUS_LEADER;
}

static inline bool fake_entry(const struct isr_consensus *consensus, int64_t index, int32_t *term,
                              bool *is_command, struct isr_bytes *data)
{
    const struct fake_consensus *fake = (const struct fake_consensus *)consensus;
    if (index < fake->first || index > fake->committed)
        return false;
    *term = fake->entries[index].term;
    *is_command = fake->entries[index].is_command;
    *data = fake->entries[index].data;
    return true;
}

static inline int64_t fake_first_index(const struct isr_consensus *consensus)
{
    return ((const struct fake_consensus *)consensus)->first;
}

static inline const struct isr_consensus_ops *fake_ops(void)
{
    static const struct isr_consensus_ops ops = {
        fake_start,        fake_message, fake_propose, fake_resign,     fake_transfer,
        fake_change,       fake_members, fake_role,    fake_term,       fake_leader,
        fake_commit_index, fake_elected, fake_entry,   fake_first_index};
    return &ops;
}

static inline void fake_init(struct fake_consensus *fake)
{
    *fake = (struct fake_consensus){.base.ops = fake_ops(), .leader = ISR_NODE_NONE, .first = 1};
}

/* Commits and applies entries up to index. */
static inline void fake_commit_to(struct fake_consensus *fake, int64_t index)
{
    while (fake->committed < index) {
        const struct fake_entry *entry = &fake->entries[fake->committed + 1];
        if (entry->is_command)
            fake->machine.apply(fake->machine.object, fake->committed + 1, entry->term, entry->data);
        fake->committed++;
    }
}

static inline void fake_commit(struct fake_consensus *fake)
{
    fake_commit_to(fake, fake->last);
}

/* Wins the next term: commits what it has and its no-op, then tells the controller. */
static inline void fake_lead(struct fake_consensus *fake)
{
    fake->role = ISR_CONSENSUS_LEADER;
    fake->term++;
    fake->leader = fake->env->node;
    fake_append(fake, false, (struct isr_bytes){0});
    fake_commit(fake);
    fake->machine.changed(fake->machine.object, ISR_CONSENSUS_LEADER, fake->term, fake->leader);
}

/* Somebody else leads; what was not committed is cut off. */
static inline void fake_lose(struct fake_consensus *fake, int32_t leader)
{
    fake->role = ISR_CONSENSUS_FOLLOWER;
    fake->term++;
    fake->leader = leader;
    fake->last = fake->committed;
    fake->machine.changed(fake->machine.object, ISR_CONSENSUS_FOLLOWER, fake->term, leader);
}

#endif

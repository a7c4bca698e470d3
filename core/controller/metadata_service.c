/* Brokers follow the metadata as a log of committed entries, with a long poll.
 *
 * An answer is complete up to its committed_index: all entries from next_index to there are in it, but for
 * internal ones of consensus, which no broker needs. The broker goes on at committed_index + 1. Are the
 * entries it wants compacted, the answer holds the image instead, as of snapshot_index, and what follows. */
#include "core/controller/internal.h"

enum { ANSWER_BYTES_MAX = 1 << 16 }; /* of entries, but at least one */

/* At most one a node: a broker that asks anew has given its last fetch up. */
struct ctl_poll {
    struct isr_controller *controller;
    struct isr_timer timer;
    int32_t node;
    uint32_t correlation;
    int64_t next_index;
};

/* ---- what can be served ---- */

/* While an entry is being applied, whether consensus counts it as applied already is its own affair. */
int64_t ctl_served_end(const struct isr_controller *controller)
{
    return controller->applying.index != 0 ? controller->applying.index
                                           : controller->consensus->ops->commit_index(controller->consensus);
}

bool ctl_entry_at(const struct isr_controller *controller, int64_t index, struct isr_metadata_entry *entry,
                  bool *is_command)
{
    entry->index = index;
    if (index == controller->applying.index) {
        entry->term = controller->applying.term;
        entry->records = controller->applying.data;
        *is_command = true;
        return true;
    }
    return controller->consensus->ops->entry(controller->consensus, index, &entry->term, is_command,
                                             &entry->records);
}

uint32_t ctl_entries_count(const struct isr_controller *controller, int64_t first, int64_t end, int64_t *last)
{
    uint32_t count = 0;
    size_t size_bytes = 0;
    *last = first - 1;
    for (int64_t index = first; index <= end; index++) {
        struct isr_metadata_entry entry;
        bool is_command;
        if (!ctl_entry_at(controller, index, &entry, &is_command))
            break;
        if (is_command) {
            size_bytes += isr_size_metadata_entry(&entry);
            if (count > 0 && size_bytes > ANSWER_BYTES_MAX)
                break;
            count++;
        }
        *last = index;
    }
    return count;
}

void ctl_entries_fill(const struct isr_controller *controller, int64_t first, int64_t end,
                      struct isr_metadata_fetch_response *answer)
{
    int64_t last;
    uint32_t count = ctl_entries_count(controller, first, end, &last);
    answer->committed_index = last;
    if (count == 0)
        return;
    answer->entries = isr_scratch_allocate(&controller->env->scratch, count * sizeof *answer->entries);
    for (int64_t index = first; index <= last; index++) {
        struct isr_metadata_entry entry;
        bool is_command;
        bool there = ctl_entry_at(controller, index, &entry, &is_command);
        ISR_ASSERT(there);
        if (is_command)
            answer->entries[answer->entries_count++] = entry;
    }
    ISR_ASSERT(answer->entries_count == count);
}

/* Compacted entries that the image does not hold either are internal ones: they are passed over. */
bool ctl_is_compacted(const struct isr_controller *controller, int64_t index)
{
    return index < controller->consensus->ops->first_index(controller->consensus);
}

static bool is_news(const struct isr_controller *controller, int64_t next_index)
{
    struct isr_metadata_entry entry;
    bool is_command;
    return ctl_is_compacted(controller, next_index) ||
           (next_index <= ctl_served_end(controller) &&
            ctl_entry_at(controller, next_index, &entry, &is_command));
}

static void answer_fetch(struct isr_controller *controller, int32_t to, uint32_t correlation,
                         int64_t next_index)
{
    struct isr_message message = {.kind = ISR_MESSAGE_METADATA_FETCH_RESPONSE};
    struct isr_metadata_fetch_response *answer = &message.metadata_fetch_response;
    answer->correlation = correlation;
    answer->controller = (int16_t)controller->env->node;
    answer->snapshot_index = -1;
    if (ctl_is_compacted(controller, next_index) && next_index <= controller->committed.index) {
        answer->snapshot = isr_image_snapshot(&controller->committed, &controller->env->scratch);
        answer->snapshot_index = controller->committed.index;
        next_index = controller->committed.index + 1;
    }
    if (ctl_is_compacted(controller, next_index))
        next_index = controller->consensus->ops->first_index(controller->consensus);
    ctl_entries_fill(controller, next_index, ctl_served_end(controller), answer);
    isr_send(controller->env, to, &message);
}

static void refuse_fetch(struct isr_controller *controller, int32_t to, uint32_t correlation)
{
    struct isr_message message = {.kind = ISR_MESSAGE_METADATA_FETCH_RESPONSE,
                                  .metadata_fetch_response = {.correlation = correlation,
                                                              .error = ISR_ERROR_NOT_CONTROLLER,
                                                              .controller = (int16_t)controller->leader,
                                                              .committed_index = -1,
                                                              .snapshot_index = -1}};
    isr_send(controller->env, to, &message);
}

/* ---- waiting ---- */

static bool poll_waits(const struct ctl_poll *poll)
{
    return isr_timer_is_set(&poll->timer);
}

static void poll_expire(void *object)
{
    struct ctl_poll *poll = object;
    answer_fetch(poll->controller, poll->node, poll->correlation, poll->next_index);
}

static struct ctl_poll *poll_of(struct isr_controller *controller, int32_t node)
{
    uint32_t place = 0;
    while (place < controller->polls_count && controller->polls[place]->node < node)
        place++;
    if (place < controller->polls_count && controller->polls[place]->node == node)
        return controller->polls[place];
    struct isr_heap *heap = controller->env->heap;
    controller->polls =
        ISR_GROW(heap, controller->polls, controller->polls_count, controller->polls_capacity);
    for (uint32_t i = controller->polls_count; i > place; i--)
        controller->polls[i] = controller->polls[i - 1];
    controller->polls_count++;
    struct ctl_poll *poll = isr_heap_allocate(heap, sizeof *poll);
    poll->controller = controller;
    poll->node = node;
    isr_timer_init(&poll->timer, poll_expire, poll);
    controller->polls[place] = poll;
    return poll;
}

void ctl_metadata_fetch(struct isr_controller *controller, int32_t from,
                        const struct isr_metadata_fetch_request *request)
{
    if (!controller->active) {
        refuse_fetch(controller, from, request->correlation);
        return;
    }
    int64_t next_index = request->next_index < 1 ? 1 : request->next_index;
    int64_t wait_max_ns = controller->env->config.metadata_fetch_max_wait;
    int64_t wait_ns = request->max_wait_ns < wait_max_ns ? request->max_wait_ns : wait_max_ns;
    struct ctl_poll *poll = poll_of(controller, from);
    isr_timer_cancel(&controller->env->timers, &poll->timer);
    if (wait_ns <= 0 || is_news(controller, next_index)) {
        answer_fetch(controller, from, request->correlation, next_index);
        return;
    }
    poll->correlation = request->correlation;
    poll->next_index = next_index;
    isr_env_timer_in(controller->env, &poll->timer, wait_ns);
}

void ctl_polls_wake(struct isr_controller *controller)
{
    for (uint32_t i = 0; i < controller->polls_count; i++) {
        struct ctl_poll *poll = controller->polls[i];
        if (!poll_waits(poll) || poll->next_index > controller->applying.index)
            continue;
        isr_timer_cancel(&controller->env->timers, &poll->timer);
        answer_fetch(controller, poll->node, poll->correlation, poll->next_index);
    }
}

void ctl_polls_refuse(struct isr_controller *controller)
{
    for (uint32_t i = 0; i < controller->polls_count; i++) {
        struct ctl_poll *poll = controller->polls[i];
        if (!poll_waits(poll))
            continue;
        isr_timer_cancel(&controller->env->timers, &poll->timer);
        refuse_fetch(controller, poll->node, poll->correlation);
    }
}

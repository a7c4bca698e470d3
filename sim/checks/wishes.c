/* What administrators asked for that only they may.
 *
 * A wish is for a topic by its name, as their commands are: while it is not answered the client tries again,
 * and what it finds under that name may have been made since. Its attempts name the topic by id: once it is
 * answered none can come to a topic that is not there yet. An answer other than success tells nothing about
 * the attempts before it. */
#include <string.h>

#include "sim/checks/state.h"

static void wish_add(struct sim_checks *checks, const char *topic, uint16_t index, struct check_wish wish)
{
    checks->wishes = ISR_GROW(checks->heap, checks->wishes, checks->wishes_count, checks->wishes_capacity);
    struct check_wish *added = &checks->wishes[checks->wishes_count++];
    *added = wish;
    struct isr_text name = ISR_TEXT(added->topic.text);
    isr_text_format(&name, "%s", topic);
    added->index = index;
    added->topic_max = UINT16_MAX;
}

void sim_checks_unclean_asked(struct sim_checks *checks, const char *topic, uint16_t index, uint64_t command)
{
    wish_add(checks, topic, index, (struct check_wish){.command = command, .unclean = true});
}

void sim_checks_delete_asked(struct sim_checks *checks, const char *topic, uint16_t index, int64_t offset,
                             uint64_t command)
{
    wish_add(checks, topic, index,
             (struct check_wish){.command = command, .offset = offset < 0 ? INT64_MAX : offset});
}

void sim_checks_answered(struct sim_checks *checks, uint64_t command, bool done)
{
    for (uint32_t i = 0; i < checks->wishes_count; i++) {
        struct check_wish *wish = &checks->wishes[i];
        if (wish->command != command)
            continue;
        wish->topic_max = wish->unclean && done ? 0 : checks->topic_max; /* held: no other is wished for */
        return;
    }
}

static bool is_for(const struct check_wish *wish, const struct check_partition *partition)
{
    return partition->described && wish->index == partition->tp.index &&
           partition->tp.topic <= wish->topic_max &&
           strcmp(wish->topic.text, partition->topic_name.text) == 0;
}

bool check_wish_unclean(const struct sim_checks *checks, const struct check_partition *partition)
{
    for (uint32_t i = 0; i < checks->wishes_count; i++) {
        if (checks->wishes[i].unclean && is_for(&checks->wishes[i], partition))
            return true;
    }
    return false;
}

int64_t check_wish_deleted(const struct sim_checks *checks, const struct check_partition *partition)
{
    int64_t offset = 0;
    for (uint32_t i = 0; i < checks->wishes_count; i++) {
        const struct check_wish *wish = &checks->wishes[i];
        if (!wish->unclean && wish->offset > offset && is_for(wish, partition))
            offset = wish->offset;
    }
    return offset;
}

#include "core/broker/metadata_follower.h"

#include "core/broker/lifecycle.h"

/* No log gets there: a controller that says so is not believed. */
#define INDEX_MAX (INT64_MAX / 2)

static void timer_fired(void *object);

void isr_metadata_follower_init(struct isr_broker *broker, const struct isr_replicas *controllers)
{
    ISR_ASSERT(controllers->count > 0);
    struct isr_metadata_follower *follower = isr_heap_allocate(broker->env->heap, sizeof *follower);
    broker->metadata_follower = follower;
    broker->controller = ISR_NODE_NONE;
    follower->broker = broker;
    follower->controllers = *controllers;
    follower->next_index = 1;
    /* A combined node begins with its own controller, which knows best who leads; others spread. */
    follower->guess = (uint32_t)broker->env->node % controllers->count;
    for (uint32_t i = 0; i < controllers->count; i++) {
        if (controllers->ids[i] == broker->env->node)
            follower->guess = i;
    }
    isr_timer_init(&follower->timer, timer_fired, follower);
}

/* ---- who is the controller? ---- */

int32_t isr_controller_guess(const struct isr_broker *broker)
{
    const struct isr_metadata_follower *follower = broker->metadata_follower;
    return broker->controller != ISR_NODE_NONE ? broker->controller
                                               : follower->controllers.ids[follower->guess];
}

void isr_controller_failed(struct isr_broker *broker, int32_t node)
{
    struct isr_metadata_follower *follower = broker->metadata_follower;
    if (broker->controller == node)
        broker->controller = ISR_NODE_NONE;
    if (follower->controllers.ids[follower->guess] == node)
        follower->guess = (follower->guess + 1) % follower->controllers.count;
}

bool isr_controller_is_one(const struct isr_broker *broker, int32_t node)
{
    return isr_replicas_contain(&broker->metadata_follower->controllers, node);
}

void isr_controller_found(struct isr_broker *broker, int32_t node)
{
    broker->controller = node;
}

void isr_controller_answered(struct isr_broker *broker, int32_t node)
{
    if (broker->controller == ISR_NODE_NONE)
        broker->controller = node;
}

/* ---- asking ---- */

static void metadata_ask(struct isr_metadata_follower *follower)
{
    struct isr_broker *broker = follower->broker;
    struct isr_env *env = broker->env;
    follower->asked = isr_controller_guess(broker);
    follower->correlation = isr_broker_correlation(broker);
    struct isr_message message = {
        .kind = ISR_MESSAGE_METADATA_FETCH_REQUEST,
        .metadata_fetch_request = {.correlation = follower->correlation,
                                   .next_index = follower->next_index,
                                   .max_wait_ns = env->config.metadata_fetch_max_wait}};
    isr_send(env, follower->asked, &message);
    isr_env_timer_in(env, &follower->timer,
                     env->config.metadata_fetch_max_wait + env->config.request_timeout);
}

static void metadata_pause(struct isr_metadata_follower *follower)
{
    follower->correlation = 0;
    follower->redirected = false;
    isr_env_timer_in(follower->broker->env, &follower->timer, follower->broker->env->config.retry_backoff);
}

static void timer_fired(void *object)
{
    struct isr_metadata_follower *follower = object;
    if (follower->correlation != 0)
        isr_controller_failed(follower->broker, follower->asked);
    follower->redirected = false;
    metadata_ask(follower);
}

void isr_metadata_follower_disconnected(struct isr_broker *broker, int32_t node)
{
    struct isr_metadata_follower *follower = broker->metadata_follower;
    if (follower->correlation == 0 || follower->asked != node)
        return;
    isr_controller_failed(broker, node);
    metadata_pause(follower);
}

void isr_metadata_follower_start(struct isr_broker *broker)
{
    if (!broker->env->config.metadata_push)
        metadata_ask(broker->metadata_follower);
}

void isr_metadata_follower_stop(struct isr_broker *broker)
{
    broker->metadata_follower->correlation = 0;
    isr_timer_cancel(&broker->env->timers, &broker->metadata_follower->timer);
}

/* ---- applying ---- */

static void partition_changed(void *object, const struct isr_image_partition *before,
                              const struct isr_image_partition *after, enum isr_cause cause)
{
    struct isr_broker *broker = object;
    (void)before;
    isr_broker_partition_changed(broker, after, isr_image_topic(&broker->image, after->tp.topic), cause);
}

static void topic_changed(void *object, const struct isr_image_topic *topic)
{
    isr_broker_topic_changed(object, topic);
}

/* The image reached again what it was when it was lost: from here on it says news. */
static void floor_reached(struct isr_broker *broker, int64_t index_before)
{
    if (index_before < broker->image_floor && broker->image.index >= broker->image_floor)
        isr_broker_image_loaded(broker);
}

static bool entry_apply(struct isr_broker *broker, const struct isr_metadata_entry *entry)
{
    struct isr_env *env = broker->env;
    struct isr_image *image = &broker->image;
    const struct isr_image_listener roles = {
        .partition = partition_changed, .topic = topic_changed, .object = broker};
    const struct isr_image_listener *listener = env->config.metadata_push ? NULL : &roles;
    int64_t index_before = image->index;
    if (!isr_image_apply(image, entry->index, entry->term, entry->records, &env->scratch, listener))
        return false;
    struct isr_observation *observation = isr_observe(env, ISR_OBSERVED_METADATA_APPLIED);
    observation->metadata_applied.index = image->index;
    observation->metadata_applied.term = image->term;
    observation->metadata_applied.digest = (int64_t)image->digest;
    env->metrics.metadata_entries_applied++;
    floor_reached(broker, index_before);
    return true;
}

/* A snapshot at or before what was applied is an old answer's: it would lead backwards. */
static bool snapshot_apply(struct isr_broker *broker, const struct isr_metadata_fetch_response *answer)
{
    struct isr_env *env = broker->env;
    struct isr_image *image = &broker->image;
    if (answer->snapshot.size == 0 || answer->snapshot_index < broker->metadata_follower->next_index)
        return true;
    if (!isr_image_load(image, answer->snapshot, &env->scratch) || image->index != answer->snapshot_index)
        return false;
    struct isr_observation *observation = isr_observe(env, ISR_OBSERVED_METADATA_SNAPSHOT_LOADED);
    observation->metadata_snapshot_loaded.index = image->index;
    observation->metadata_snapshot_loaded.digest = (int64_t)image->digest;
    broker->metadata_follower->next_index = answer->snapshot_index + 1;
    if (!env->config.metadata_push)
        isr_broker_image_loaded(broker);
    return true;
}

/* False when the answer does not make sense: the image is then lost. */
static bool answer_apply(struct isr_broker *broker, const struct isr_metadata_fetch_response *answer)
{
    struct isr_metadata_follower *follower = broker->metadata_follower;
    if (!snapshot_apply(broker, answer))
        return false;
    for (uint32_t i = 0; i < answer->entries_count; i++) {
        const struct isr_metadata_entry *entry = &answer->entries[i];
        if (entry->index < follower->next_index)
            continue;
        if (!entry_apply(broker, entry))
            return false;
        follower->next_index = entry->index + 1;
    }
    /* Committed entries that are no commands (the no-op of a term) are not sent: they are passed over. */
    if (answer->entries_count == 0 && answer->committed_index >= follower->next_index)
        follower->next_index = answer->committed_index + 1;
    return true;
}

/* Damaged metadata is not acted on: it is fetched again from the beginning. The roles taken so far stay;
 * older states of their partitions are refused by the partition epoch. */
static void image_lost(struct isr_broker *broker)
{
    /* Pushed roles do not come from the image: none is history. */
    if (!broker->env->config.metadata_push && broker->image_floor < broker->image.index)
        broker->image_floor = broker->image.index;
    isr_image_free(&broker->image);
    isr_image_init(&broker->image, broker->env->heap);
    broker->metadata_follower->next_index = 1;
}

bool isr_metadata_follower_push_is_sane(const struct isr_update_metadata_request *request)
{
    if (request->snapshot.size > 0)
        return request->entries_count == 0 && request->snapshot_index >= 1 &&
               request->snapshot_index <= INDEX_MAX;
    if (request->first_index < 1 || request->entries_count == 0)
        return false;
    int64_t last = request->first_index - 1;
    for (uint32_t i = 0; i < request->entries_count; i++) {
        if (request->entries[i].index <= last || request->entries[i].index > INDEX_MAX)
            return false;
        last = request->entries[i].index;
    }
    return true;
}

enum isr_error isr_metadata_follower_pushed(struct isr_broker *broker,
                                            const struct isr_update_metadata_request *request)
{
    const struct isr_metadata_fetch_response news = {.committed_index = -1,
                                                     .snapshot_index = request->snapshot_index,
                                                     .snapshot = request->snapshot,
                                                     .entries = request->entries,
                                                     .entries_count = request->entries_count};
    bool whole = request->snapshot.size > 0;
    if (!whole && request->first_index > broker->metadata_follower->next_index)
        return ISR_ERROR_OFFSET_OUT_OF_RANGE;
    if (!answer_apply(broker, &news)) {
        image_lost(broker);
        return ISR_ERROR_CORRUPT_MESSAGE;
    }
    broker->env->metrics.metadata_index = broker->image.index;
    return ISR_ERROR_NONE;
}

/* ---- answers ---- */

static bool indices_are_sane(const struct isr_metadata_fetch_response *answer)
{
    for (uint32_t i = 0; i < answer->entries_count; i++) {
        if (answer->entries[i].index > INDEX_MAX)
            return false;
    }
    return answer->committed_index <= INDEX_MAX && answer->snapshot_index <= INDEX_MAX;
}

static void metadata_refused(struct isr_metadata_follower *follower,
                             const struct isr_metadata_fetch_response *answer)
{
    struct isr_broker *broker = follower->broker;
    isr_controller_failed(broker, follower->asked);
    bool hint = answer->controller != ISR_NODE_NONE && answer->controller != follower->asked &&
                isr_controller_is_one(broker, answer->controller);
    if (hint)
        broker->controller = answer->controller;
    if (hint && !follower->redirected) {
        follower->redirected = true;
        metadata_ask(follower);
    } else {
        metadata_pause(follower);
    }
}

void isr_metadata_follower_message(struct isr_broker *broker, int32_t from,
                                   const struct isr_metadata_fetch_response *answer)
{
    struct isr_metadata_follower *follower = broker->metadata_follower;
    if (follower->correlation == 0 || answer->correlation != follower->correlation || from != follower->asked)
        return;
    if (answer->error != ISR_ERROR_NONE) {
        metadata_refused(follower, answer);
        return;
    }
    if (!indices_are_sane(answer)) {
        metadata_pause(follower);
        return;
    }
    isr_controller_found(broker, from);
    follower->redirected = false;
    int64_t index_before = follower->next_index;
    if (!answer_apply(broker, answer)) {
        image_lost(broker);
        metadata_pause(follower);
        return;
    }
    broker->env->metrics.metadata_index = broker->image.index;
    bool nothing_new = follower->next_index == index_before;
    if (nothing_new && broker->env->config.metadata_fetch_max_wait == 0)
        metadata_pause(follower);
    else
        metadata_ask(follower);
    if (!nothing_new)
        isr_lifecycle_metadata_came(broker);
}

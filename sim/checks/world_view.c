/* The checks on a simulated world: the view of it, and the monitor that feeds them. */
#include <string.h>

#include "core/base/error.h"
#include "sim/checks/state.h"
#include "sim/condition.h"
#include "sim/script.h"
#include "sim/workload.h"
#include "sim/world.h"

/* The replica asked for last on a node: several checks look at the one that an observation is of. */
struct world_look {
    uint64_t turn; /* in which it was asked for: where it is kept may change in the next */
    struct isr_tp tp;
    const struct isr_partition *partition;
};

struct world_checks {
    struct sim_world *world;
    struct arena_owner *memory;
    struct isr_heap heap;
    struct sim_checks *checks;
    struct {
        uint64_t turn;
        struct isr_tp tp;
        const struct isr_log *log;
    } sound;                  /* the log whose content was last found sound */
    struct world_look *looks; /* by node */
    uint64_t turn;            /* grows whenever the world has moved on */
    uint64_t step;            /* whose observations were told last */
};

static struct sim_world *world_of(void *object)
{
    return ((struct world_checks *)object)->world;
}

/* ---- the view ---- */

static int64_t view_now(void *object)
{
    return world_of(object)->now_ns;
}

static const char *view_node_name(void *object, int32_t node, char buffer[SIM_LABEL_BYTES])
{
    return sim_spec_node_name(world_of(object)->spec, node, buffer);
}

static const struct isr_node *node_of(void *object, int32_t node)
{
    struct sim_world *world = world_of(object);
    return node >= 1 && node <= world->processes_count ? world->processes[node].node : NULL;
}

static bool view_up(void *object, int32_t node)
{
    return node_of(object, node) != NULL;
}

static bool view_running(void *object, int32_t node)
{
    const struct isr_node *engine = node_of(object, node);
    return engine != NULL && isr_node_broker_running(engine);
}

static const struct isr_partition *partition_find(const struct world_checks *watch, int32_t node,
                                                  struct isr_tp tp)
{
    const struct isr_node *engine = watch->world->processes[node].node;
    if (engine == NULL || !sim_spec_is_broker(watch->world->spec, node))
        return NULL;
    const struct isr_partition *partition = isr_node_partition(engine, tp);
    return partition != NULL && partition->log != NULL ? partition : NULL;
}

static inline const struct isr_partition *partition_of(void *object, int32_t node, struct isr_tp tp)
{
    const struct world_checks *watch = object;
    if (node < 1 || node > watch->world->processes_count)
        return NULL;
    struct world_look *look = &watch->looks[node];
    if (look->turn != watch->turn || !isr_tp_equal(look->tp, tp)) {
        look->partition = partition_find(watch, node, tp);
        look->turn = watch->turn;
        look->tp = tp;
    }
    return look->partition;
}

static struct world_checks *look_anew(void *object)
{
    struct world_checks *watch = object;
    watch->turn++;
    return watch;
}

static bool view_replica(void *object, int32_t node, struct isr_tp tp, struct sim_replica_view *replica)
{
    const struct isr_partition *partition = partition_of(object, node, tp);
    if (partition == NULL)
        return false;
    const struct isr_log *log = partition->log;
    replica->log_start = log->log_start;
    replica->log_end = log->log_end;
    replica->high_watermark = log->high_watermark;
    replica->role = partition->role == ISR_ROLE_LEADER     ? SIM_REPLICA_LEADS
                    : partition->role == ISR_ROLE_FOLLOWER ? SIM_REPLICA_FOLLOWS
                                                           : SIM_REPLICA_IDLE;
    replica->leader_epoch = partition->leader_epoch;
    replica->partition_epoch = partition->partition_epoch;
    replica->isr_pending = partition->isr_state != ISR_STATE_COMMITTED;
    replica->epochs = log->epochs.entries;
    replica->epochs_count = log->epochs.count;
    return true;
}

/* The batch that holds the offset; NULL: none. Batches of a log are mostly of one size: looks first where it
 * should be. */
static const struct isr_batch_place *place_of(const struct isr_log *log, int64_t offset)
{
    if (offset < log->log_start || offset >= log->log_end)
        return NULL;
    const struct isr_batch_place *last = &log->places[log->places_count - 1];
    if (last->base_offset <= offset)
        return last;
    uint64_t back = (uint64_t)(last->base_offset - offset);
    if (last->record_count > 1)
        back = (back + last->record_count - 1) / last->record_count;
    if (back < log->places_count) {
        const struct isr_batch_place *place = last - back;
        if (place->base_offset <= offset && offset < place[1].base_offset)
            return place;
    }
    return isr_log_batch_at(log, offset);
}

static uint32_t view_batches(void *object, int32_t node, struct isr_tp tp, int64_t from, int64_t to,
                             struct sim_batch_view *batches, uint32_t most)
{
    const struct isr_partition *partition = partition_of(object, node, tp);
    const struct isr_batch_place *place = partition == NULL ? NULL : place_of(partition->log, from);
    if (place == NULL)
        return 0;
    const struct isr_batch_place *end = partition->log->places + partition->log->places_count;
    uint32_t count = 0;
    do {
        batches[count].base_offset = place->base_offset;
        batches[count].record_count = place->record_count;
        batches[count].crc = place->crc;
        batches[count].leader_epoch = place->leader_epoch;
        batches[count].where = place;
        count++;
        place++;
    } while (count < most && place < end && place->base_offset < to);
    return count;
}

static void view_contents(void *object, int32_t node, struct isr_tp tp, struct sim_batch_view *batch)
{
    const struct isr_batch_place *place = batch->where;
    struct isr_batch parsed;
    (void)object;
    (void)node;
    (void)tp;
    batch->producer_id = -1;
    batch->producer_epoch = 0;
    batch->base_sequence = 0;
    batch->timestamp_ns = 0;
    batch->first_value = 0;
    batch->compacted = false;
    if (isr_batch_parse((struct isr_bytes){.data = place->data, .size = place->size_bytes}, false, &parsed) !=
        ISR_BATCH_OK)
        return;
    batch->producer_id = parsed.producer_id;
    batch->producer_epoch = parsed.producer_epoch;
    batch->base_sequence = parsed.base_sequence;
    batch->timestamp_ns = parsed.timestamp_ns;
    batch->compacted = (parsed.attributes & ISR_BATCH_COMPACTED) != 0;
    if (!batch->compacted)
        (void)isr_batch_value(&parsed, 0, &batch->first_value);
}

uint32_t sim_records_of(const struct isr_batch *batch, struct sim_record_view *records, uint32_t most)
{
    struct isr_record record = {0};
    uint32_t position = 0, count = 0;
    while ((batch->attributes & ISR_BATCH_KEYED) != 0 && count < most &&
           isr_batch_next(batch, &position, &record)) {
        uint64_t value = 0;
        memcpy(&value, record.value.data,
               record.value.size < sizeof value ? record.value.size : sizeof value);
        records[count++] = (struct sim_record_view){
            .offset = record.offset, .key = record.key, .value = value, .tombstone = record.tombstone};
    }
    return count;
}

static uint32_t view_records(void *object, int32_t node, struct isr_tp tp, int64_t base_offset,
                             struct sim_record_view *records, uint32_t most)
{
    const struct isr_partition *partition = partition_of(object, node, tp);
    if (partition == NULL)
        return 0;
    const struct isr_log *log = partition->log; /* it may begin inside of the batch */
    const struct isr_batch_place *place =
        place_of(log, base_offset > log->log_start ? base_offset : log->log_start);
    struct isr_batch batch;
    if (place == NULL || !isr_batch_has_keys(place->data) ||
        isr_batch_parse((struct isr_bytes){.data = place->data, .size = place->size_bytes}, false, &batch) !=
            ISR_BATCH_OK)
        return 0;
    return sim_records_of(&batch, records, most);
}

/* Byte for byte the same as in a log that was found sound: cheaper to see than its checksums. */
static bool is_sound_copy(const struct world_checks *watch, struct isr_tp tp,
                          const struct isr_batch_place *place)
{
    if (watch->sound.log == NULL || watch->sound.turn != watch->turn || !isr_tp_equal(watch->sound.tp, tp))
        return false;
    const struct isr_batch_place *other = place_of(watch->sound.log, place->base_offset);
    return other != NULL && other->size_bytes == place->size_bytes && other->crc == place->crc &&
           memcmp(other->data, place->data, place->size_bytes) == 0;
}

static int64_t view_damaged(void *object, int32_t node, struct isr_tp tp)
{
    struct world_checks *watch = object;
    const struct isr_partition *partition = partition_of(object, node, tp);
    const struct isr_log *log = partition == NULL ? NULL : partition->log;
    for (uint32_t i = 0; log != NULL && i < log->places_count; i++) {
        const struct isr_batch_place *place = &log->places[i];
        struct isr_bytes bytes = {.data = place->data, .size = place->size_bytes};
        if (!is_sound_copy(watch, tp, place) && !isr_batch_is_intact(bytes, place->crc))
            return place->base_offset;
    }
    watch->sound.log = log;
    watch->sound.tp = tp;
    watch->sound.turn = watch->turn;
    return ISR_OFFSET_NONE;
}

static uint64_t view_betrayed(void *object, int32_t node, struct isr_tp tp)
{
    const struct sim_disk *disk = world_of(object)->processes[node].disk;
    return disk != NULL ? sim_disk_betrayed(disk, tp) : 0;
}

static uint64_t view_votes_betrayed(void *object, int32_t node)
{
    const struct sim_disk *disk = world_of(object)->processes[node].disk;
    return disk != NULL ? sim_disk_votes_betrayed(disk) : 0;
}

static uint64_t view_quorum_betrayed(void *object, int32_t node)
{
    const struct sim_disk *disk = world_of(object)->processes[node].disk;
    return disk != NULL ? sim_disk_quorum_betrayed(disk) : 0;
}

static int64_t view_wall(void *object, int32_t node)
{
    const struct sim_world *world = world_of(object);
    return sim_clock_wall(&world->processes[node].clock, world->now_ns);
}

static int64_t view_bytes(void *object, int32_t node, struct isr_tp tp, int64_t offset)
{
    const struct isr_partition *partition = partition_of(object, node, tp);
    return partition == NULL ? 0 : isr_log_bytes_between(partition->log, offset, partition->log->log_end);
}

static bool peer_heard(const struct isr_node *leader, const struct isr_node *follower)
{
    const struct isr_peer *heard = isr_node_peer(leader), *present = isr_node_peer(follower);
    for (uint32_t i = 0; i < heard->nodes_count; i++) {
        if (heard->nodes[i].node == present->env->node)
            return heard->nodes[i].known && heard->nodes[i].life == present->state.life;
    }
    return false;
}

static bool view_heard(void *object, int32_t leader, struct isr_tp tp, int32_t follower)
{
    const struct isr_partition *partition = partition_of(object, leader, tp);
    const struct isr_node *engine = node_of(object, follower);
    if (partition == NULL || engine == NULL)
        return false;
    if (isr_node_peer(engine) != NULL)
        return leader == follower || peer_heard(node_of(object, leader), engine);
    for (uint32_t i = 0; i < partition->remotes_count; i++) {
        const struct isr_remote_replica *remote = &partition->remotes[i];
        if (remote->node == follower)
            return remote->log_end != ISR_OFFSET_NONE &&
                   remote->broker_epoch == isr_node_broker_epoch(engine);
    }
    return follower == leader;
}

static const struct isr_image *image_of(void *object, int32_t controller)
{
    if (controller == ISR_NODE_NONE)
        return sim_world_image(world_of(object));
    const struct isr_node *engine = node_of(object, controller);
    return engine == NULL ? NULL : isr_node_controller_image(engine);
}

/* A group of peers as one of them sees it, or its leader for ISR_NODE_NONE. */
static bool view_group(void *object, int32_t peer, struct sim_partition_view *seen)
{
    struct sim_world *world = world_of(object);
    const struct sim_spec *spec = world->spec;
    struct isr_image_partition group = {.leader = ISR_NODE_NONE};
    const struct isr_node *engine = node_of(object, peer);
    if (peer == ISR_NODE_NONE ? !sim_world_group(world, &group)
                              : engine == NULL || isr_node_partitions_count(engine) == 0)
        return false;
    if (peer != ISR_NODE_NONE)
        group.replicas = isr_node_partition_at(engine, 0)->replicas;
    if (group.replicas.count == 0)
        return false; /* nobody has found, or founded, the group yet */
    *seen = (struct sim_partition_view){
        .topic_name = spec->topics[0].name.text,
        .settings = spec->topics[0].settings,
        .leader = group.leader,
        .leader_epoch = group.leader_epoch,
        .partition_epoch = group.partition_epoch,
        .replicas = group.replicas,
        .isr = group.isr,
        .group = spec->peer.bootstrap == SIM_BOOTSTRAP_TOGETHER ? spec->peer.count : 1,
        .group_most = spec->peer.count,
    };
    return true;
}

static bool view_partition(void *object, int32_t controller, struct isr_tp tp,
                           struct sim_partition_view *seen)
{
    if (world_of(object)->spec->peer.count > 0)
        return view_group(object, controller, seen);
    const struct isr_image *image = image_of(object, controller);
    const struct isr_image_partition *partition = image == NULL ? NULL : isr_image_partition(image, tp);
    if (partition == NULL)
        return false;
    const struct isr_image_topic *topic = isr_image_topic(image, tp.topic);
    *seen = (struct sim_partition_view){
        .topic_name = topic->name.text,
        .settings = topic->settings,
        .leader = partition->leader,
        .leader_epoch = partition->leader_epoch,
        .partition_epoch = partition->partition_epoch,
        .recovering = partition->recovering,
        .replicas = partition->replicas,
        .isr = partition->isr,
        .elr = partition->elr,
        .adding = partition->adding,
        .removing = partition->removing,
    };
    return true;
}

static bool view_active(void *object, int32_t controller, int32_t broker)
{
    const struct isr_image *image = image_of(object, controller);
    return image != NULL && isr_image_broker_active(image, broker);
}

static void view_probes(void *object, uint32_t *sent, uint32_t *unanswered)
{
    sim_workload_probes(world_of(object), sent, unanswered);
}

static bool view_probe_waits(void *object, struct isr_tp tp)
{
    const struct sim_spec *spec = world_of(object)->spec;
    if (spec->peer.count > 0) /* one topic, and no controller that knows it */
        return sim_workload_probe_waits(world_of(object), spec->topics[0].name.text, 0);
    const struct isr_image *image = sim_world_image(world_of(object));
    const struct isr_image_topic *topic = image == NULL ? NULL : isr_image_topic(image, tp.topic);
    return topic != NULL && sim_workload_probe_waits(world_of(object), topic->name.text, tp.index);
}

static void view_voters(void *object, struct isr_replicas *voters)
{
    struct isr_consensus_members members = {0};
    if (sim_condition_members(world_of(object), &members))
        *voters = members.voters;
    else
        voters->count = 0;
}

static int32_t view_step_unreached(void *object)
{
    const struct sim_world *world = world_of(object);
    return world->spec->steps_may_remain ? -1 : sim_script_unreached(world);
}

static void view_fail(void *object, enum sim_invariant invariant, const char *message)
{
    sim_world_fail(world_of(object), invariant, "%s", message);
}

static struct sim_view view_of(struct world_checks *watch)
{
    const struct sim_world *world = watch->world;
    const struct sim_spec *spec = world->spec;
    struct sim_view view = {
        .object = watch,
        .nodes_count = world->processes_count,
        .elr = spec->rules.elr == ISR_RULE_elr_on,
        .synced = spec->config.log_flush_messages > 0,
        .settles = spec->settle_ns > 0,
        .gone = spec->gone,
        .gone_how = (enum sim_gone_how)spec->gone_how,
        .late_ns = spec->duration_ns - spec->settle_ns / 4,
        .pool_min_gap = spec->config.pool_min_gap,
        .pool_refresh_ns = spec->config.pool_refresh_time,
        .pool_lease_ns = spec->config.pool_lease_time,
        .peers = spec->peer.count > 0,
        .raft = spec->peer.count == 0,
        .alone = sim_spec_is_alone(spec),
        .producer_expiration_ns = spec->config.producer_id_expiration,
        .now_ns = view_now,
        .node_name = view_node_name,
        .up = view_up,
        .running = view_running,
        .replica = view_replica,
        .batches = view_batches,
        .contents = view_contents,
        .records = view_records,
        .damaged = view_damaged,
        .betrayed = view_betrayed,
        .quorum_betrayed = view_quorum_betrayed,
        .votes_betrayed = view_votes_betrayed,
        .wall_ns = view_wall,
        .bytes = view_bytes,
        .heard = view_heard,
        .partition = view_partition,
        .active = view_active,
        .probes = view_probes,
        .probe_waits = view_probe_waits,
        .voters = view_voters,
        .step_unreached = view_step_unreached,
        .fail = view_fail,
    };
    for (uint32_t i = 0; i < spec->clients_count; i++)
        view.consumes =
            view.consumes || (spec->clients[i].kind == SIM_CLIENT_CONSUMER && !spec->clients[i].start_latest);
    for (uint32_t i = 0; i < spec->clients_count; i++)
        view.pools = view.pools || (spec->clients[i].kind == SIM_CLIENT_READER &&
                                    spec->clients[i].pool_mode == ISR_POOL_IN_SYNC);
    return view;
}

/* ---- the monitor ---- */

static void note_void(const struct world_checks *watch, struct sim_world *world, int32_t node, bool was_void)
{
    if (watch->checks->quorum_void && !was_void)
        SIM_TRACE(world, node, QUORUM_VOID, (world->processes[node].incarnation + 1) / 2);
}

static void watch_observation(void *object, struct sim_world *world, int32_t node,
                              const struct isr_observation *observation)
{
    struct world_checks *watch = object;
    if (watch->step != world->steps) {
        watch->step = world->steps;
        watch->turn++;
        watch->checks->step++;
    }
    bool was_void = watch->checks->quorum_void;
    check_observed(watch->checks, node, observation);
    note_void(watch, world, node, was_void);
    world->counters.records_committed = watch->checks->records_committed;
    if (observation->kind == ISR_OBSERVED_LOG_CLEANED) {
        world->counters.records_compacted = watch->checks->records_compacted;
        world->counters.tombstones_removed = watch->checks->tombstones_removed;
    }
}

static void watch_process(void *object, struct sim_world *world, int32_t node)
{
    struct world_checks *watch = look_anew(object);
    const struct sim_process *process = &world->processes[node];
    bool was_void = watch->checks->quorum_void;
    sim_checks_process(watch->checks, node, sim_process_running(process), process->last_stop_clean,
                       process->last_stop_lossy);
    note_void(watch, world, node, was_void);
}

static void watch_command(void *object, struct sim_world *world, int32_t node,
                          const struct isr_command *command)
{
    (void)world;
    (void)node;
    struct world_checks *watch = look_anew(object);
    if (command->kind == ISR_COMMAND_ELECT && command->elect_kind == 1)
        sim_checks_unclean_asked(watch->checks, command->topic, command->partition, command->id);
    else if (command->kind == ISR_COMMAND_DELETE_RECORDS)
        sim_checks_delete_asked(watch->checks, command->topic, command->partition, command->offset,
                                command->id);
}

static void watch_client(void *object, struct sim_world *world, int32_t node, const struct isr_effect *effect)
{
    struct world_checks *watch = look_anew(object);
    if (effect->kind == ISR_EFFECT_RECORDS)
        sim_checks_client_read(watch->checks, node, effect->tp, effect->offset, effect->bytes);
    if (effect->kind != ISR_EFFECT_REPLY || effect->id == 0 ||
        effect->id > sim_workload_operations_count(world))
        return;
    bool done = effect->error == ISR_ERROR_NONE;
    const struct sim_operation *operation = sim_workload_operation(world, (uint32_t)(effect->id - 1));
    if (operation->kind == SIM_OPERATION_ADMINISTER)
        sim_checks_answered(watch->checks, effect->id, done);
    if (operation->kind == SIM_OPERATION_PRODUCE && operation->acks == -1 && done)
        sim_checks_client_acked(watch->checks, node, effect->tp, effect->offset, operation->first_value);
}

/* A line of the ledger for each commit policy. */
static void count_losses(struct sim_counters *counters, const struct sim_checks_report *report)
{
    counters->records_lost = report->losses_allowed;
    counters->records_lost_all_isr = report->losses_allowed_by[ISR_COMMIT_ALL_ISR];
    counters->records_lost_quorum = report->losses_allowed_by[ISR_COMMIT_QUORUM];
    counters->records_lost_semi_sync = report->losses_allowed_by[ISR_COMMIT_SEMI_SYNC];
    counters->records_lost_fully_sync = report->losses_allowed_by[ISR_COMMIT_FULLY_SYNC];
    counters->records_lost_async = report->losses_allowed_by[ISR_COMMIT_ASYNC];
}

static void count_pool_reads(struct sim_counters *counters, const struct sim_checks_report *report)
{
    counters->pool_reads = report->pool_reads;
    counters->pool_reads_stale = report->pool_reads_stale;
    counters->pool_reads_leased = report->pool_reads_leased;
    counters->pool_most_behind = report->pool_most_behind;
}

static void watch_end(void *object, struct sim_world *world)
{
    struct world_checks *watch = look_anew(object);
    struct sim_checks_report report;
    if (world->now_ns >= world->spec->duration_ns)
        sim_checks_end(watch->checks);
    sim_checks_report(watch->checks, &report);
    for (int i = 0; i < SIM_INVARIANTS; i++)
        world->counters.checks += report.evaluated[i];
    count_losses(&world->counters, &report);
    world->counters.violations_waived = report.waived;
    count_pool_reads(&world->counters, &report);
    world->counters.partitions_unavailable = report.partitions_unavailable;
    struct isr_text unavailable = ISR_TEXT(world->unavailable);
    isr_text_format(&unavailable, "%s", report.unavailable);
    if (world->verdict == SIM_VERDICT_HELD && report.vacuous != NULL) {
        struct isr_text message = ISR_TEXT(world->message);
        isr_text_format(&message, "%s", report.vacuous);
        world->verdict = SIM_VERDICT_VACUOUS;
    }
}

struct sim_checks *sim_checks_new(struct sim_world *world, const struct sim_checks_options *options)
{
    struct arena_owner *memory = arena_owner_new(world->arena, "checks");
    struct isr_heap heap = arena_owner_heap(memory);
    struct world_checks *watch = isr_heap_allocate(&heap, sizeof *watch);
    watch->world = world;
    watch->memory = memory;
    watch->heap = heap;
    watch->looks = isr_heap_allocate(&heap, sizeof *watch->looks * ((size_t)world->processes_count + 1));
    watch->turn = 1;
    struct sim_view view = view_of(watch);
    watch->checks = sim_checks_make(&watch->heap, &view, options);
    sim_world_watch(world, &(struct sim_monitor){.object = watch,
                                                 .observation = watch_observation,
                                                 .process = watch_process,
                                                 .client = watch_client,
                                                 .command = watch_command,
                                                 .end = watch_end});
    return watch->checks;
}

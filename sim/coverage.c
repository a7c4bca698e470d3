#include "sim/coverage.h"

#include <string.h>

#include "core/base/hash.h"
#include "sim/link.h"
#include "sim/world.h"

/* What is wrong is looked up again after so much virtual time, and whenever a step ran or a process began or
 * ended. */
enum { LOOK_AGAIN_NS = 50000000, REPLICAS_SLOTS = 256, TUPLE_SLOTS = 2 * SIM_TUPLES_MAX, RECENT = 1024 };

/* What a node said of its part in a partition. */
struct replica {
    uint64_t key; /* node and partition; 0: a free slot */
    uint32_t incarnation;
    enum sim_coverage_role role;
    int64_t epoch;
};

struct node_view {
    uint32_t incarnation;
    bool active; /* controller */
    enum sim_coverage_role role;
    int64_t term; /* -1: it said none yet */
};

struct sim_coverage {
    struct sim_coverage_map map;
    struct sim_frame_plans *plans;
    int8_t cause_field[ISR_OBSERVED_KINDS], error_field[ISR_OBSERVED_KINDS]; /* -1: none */
    struct node_view *nodes;                                                 /* by id */
    int64_t *broker_epochs;   /* by id: the latest that a controller gave it; -1: none */
    int64_t controller_epoch; /* the latest of an active controller */
    struct replica *replicas; /* open addressing */
    uint32_t replicas_count, replicas_slots;
    uint32_t states; /* bits (1 << enum sim_coverage_state) */
    int64_t looked_ns;
    uint64_t looked_changes;
    uint64_t context; /* hash of role, message or event, relation */
    uint64_t *tuples; /* open addressing; 0: a free slot */
    uint32_t tuples_count;
    uint64_t recent[RECENT]; /* what was added under these states before: most comes again and again */
};

/* ---- names ---- */

const char *sim_coverage_role_name(unsigned role)
{
    static const char *const names[] = {
#define X(NAME, name) #name,
        SIM_COVERAGE_ROLES(X)
#undef X
    };
    return role < SIM_ROLES ? names[role] : "?";
}

const char *sim_coverage_relation_name(unsigned relation)
{
    static const char *const names[] = {
#define X(NAME, name) #name,
        SIM_COVERAGE_RELATIONS(X)
#undef X
    };
    return relation < SIM_RELATIONS ? names[relation] : "?";
}

const char *sim_coverage_state_name(unsigned state)
{
    static const char *const names[] = {
#define X(NAME, name, meaning) #name,
        SIM_COVERAGE_STATES(X)
#undef X
    };
    return state < SIM_STATES ? names[state] : "?";
}

/* ---- the tables ---- */

static void map_set(struct sim_coverage *coverage, unsigned cell)
{
    coverage->map.bits[cell / 64] |= UINT64_C(1) << (cell % 64);
}

static void tuple_add(struct sim_coverage *coverage, uint64_t hash)
{
    hash += hash == 0;
    uint32_t slot = (uint32_t)(hash >> 32) % TUPLE_SLOTS;
    while (coverage->tuples[slot] != 0 && coverage->tuples[slot] != hash)
        slot = (slot + 1) % TUPLE_SLOTS;
    if (coverage->tuples[slot] == hash || coverage->tuples_count == SIM_TUPLES_MAX)
        return;
    coverage->tuples[slot] = hash;
    coverage->tuples_count++;
}

static struct replica *replica_slot(struct replica *replicas, uint32_t slots, uint64_t key)
{
    uint32_t slot = (uint32_t)(isr_hash_combine(key, 0) >> 32) % slots;
    while (replicas[slot].key != 0 && replicas[slot].key != key)
        slot = (slot + 1) % slots;
    return &replicas[slot];
}

static uint64_t replica_key(int32_t node, uint32_t tp)
{
    return (uint64_t)(uint32_t)node << 32 | tp;
}

static void replicas_grow(struct sim_world *world, struct sim_coverage *coverage)
{
    uint32_t slots = 2 * coverage->replicas_slots;
    struct replica *replicas = isr_heap_allocate(&world->heap, slots * sizeof *replicas);
    for (uint32_t i = 0; i < coverage->replicas_slots; i++) {
        if (coverage->replicas[i].key != 0)
            *replica_slot(replicas, slots, coverage->replicas[i].key) = coverage->replicas[i];
    }
    isr_heap_release(&world->heap, coverage->replicas);
    coverage->replicas = replicas;
    coverage->replicas_slots = slots;
}

static void replica_says(struct sim_world *world, int32_t node, int64_t tp, enum sim_coverage_role role,
                         int64_t epoch)
{
    struct sim_coverage *coverage = world->coverage;
    uint64_t key = replica_key(node, (uint32_t)tp);
    if (2 * coverage->replicas_count >= coverage->replicas_slots)
        replicas_grow(world, coverage);
    struct replica *replica = replica_slot(coverage->replicas, coverage->replicas_slots, key);
    coverage->replicas_count += replica->key == 0;
    *replica = (struct replica){key, world->processes[node].incarnation, role, epoch};
}

/* What it said in its present life; NULL: nothing. */
static const struct replica *replica_of(const struct sim_world *world, int32_t node, uint32_t tp)
{
    const struct sim_coverage *coverage = world->coverage;
    const struct replica *replica =
        replica_slot(coverage->replicas, coverage->replicas_slots, replica_key(node, tp));
    return replica->key != 0 && replica->incarnation == world->processes[node].incarnation ? replica : NULL;
}

static struct node_view *node_view(struct sim_world *world, int32_t node)
{
    struct node_view *view = &world->coverage->nodes[node];
    const struct sim_process *process = &world->processes[node];
    if (view->incarnation != process->incarnation)
        *view = (struct node_view){.incarnation = process->incarnation, .role = SIM_ROLE_PEER, .term = -1};
    return view;
}

/* ---- what is wrong ---- */

static uint32_t bit_if(bool wrong, enum sim_coverage_state state)
{
    return wrong ? UINT32_C(1) << state : 0;
}

static uint32_t process_states(const struct sim_process *process)
{
    const struct sim_disk *disk = process->disk;
    uint32_t states = bit_if(process->state == SIM_PROCESS_DOWN, SIM_STATE_DOWN) |
                      bit_if(process->state == SIM_PROCESS_PAUSED, SIM_STATE_PAUSED) |
                      bit_if(process->step_cost_ns > 0, SIM_STATE_SLOW_CPU) |
                      bit_if(process->memory_limit_bytes > 0, SIM_STATE_MEMORY) |
                      bit_if(process->clock.drift_ppm != 0, SIM_STATE_DRIFT);
    if (disk == NULL)
        return states;
    return states | bit_if(disk->stalled_until_ns != 0, SIM_STATE_STALLED_DISK) |
           bit_if(disk->slow, SIM_STATE_SLOW_DISK) |
           bit_if(disk->fail.count > 0 || disk->lose.count > 0 || disk->misdirect.count > 0,
                  SIM_STATE_BAD_DISK) |
           bit_if(disk->lying || disk->names_volatile, SIM_STATE_LYING_DISK) |
           bit_if(disk->limit_bytes != INT64_MAX, SIM_STATE_FULL_DISK);
}

static uint32_t link_states(const struct sim_link *link, const struct sim_link_spec *configured)
{
    const struct sim_link_spec *spec = link->spec;
    bool lossy = spec->loss_ppm > configured->loss_ppm || spec->duplicate_ppm > configured->duplicate_ppm ||
                 spec->reorder_ppm > configured->reorder_ppm || spec->corrupt_ppm > configured->corrupt_ppm;
    return bit_if(link->cut, SIM_STATE_CUT) | bit_if(link->slow, SIM_STATE_SLOW_LINK) |
           bit_if(lossy, SIM_STATE_LOSSY_LINK) |
           bit_if(link->extra != NULL && link->extra->filters != NULL, SIM_STATE_HELD);
}

static uint32_t states_of(const struct sim_world *world)
{
    uint32_t states = 0;
    for (int32_t node = 1; node <= world->processes_count; node++) {
        const struct sim_link *row = world->network.rows[node];
        states |= process_states(&world->processes[node]);
        for (int32_t to = 1; row != NULL && to <= world->processes_count; to++)
            states |= link_states(&row[to], &world->network.spec);
    }
    return states == 0 ? UINT32_C(1) << SIM_STATE_WELL : states;
}

static void look_around(struct sim_world *world)
{
    struct sim_coverage *coverage = world->coverage;
    const struct sim_counters *counters = &world->counters;
    uint64_t changes = counters->steps_run + counters->starts + counters->kills + counters->power_losses +
                       counters->shutdowns + counters->halts + counters->memory_exhausted;
    if (changes == coverage->looked_changes && world->now_ns < coverage->looked_ns + LOOK_AGAIN_NS)
        return;
    coverage->looked_changes = changes;
    coverage->looked_ns = world->now_ns;
    coverage->states = states_of(world);
}

/* One tuple for each thing that is wrong. */
static void add_tuples(struct sim_coverage *coverage, uint64_t what)
{
    uint64_t whole = what ^ ((uint64_t)coverage->states << 32 | coverage->states);
    uint64_t *recent = &coverage->recent[whole % RECENT];
    if (*recent == whole)
        return;
    *recent = whole;
    for (uint32_t left = coverage->states; left != 0; left &= left - 1) {
        uint32_t state = (uint32_t)__builtin_ctz(left);
        tuple_add(coverage, isr_hash_combine(what, state));
    }
}

/* ---- what happens ---- */

static enum sim_coverage_relation relation_of(int64_t theirs, int64_t known)
{
    if (known < 0)
        return SIM_RELATION_UNKNOWN;
    return theirs < known ? SIM_RELATION_OLDER : theirs > known ? SIM_RELATION_NEWER : SIM_RELATION_EQUAL;
}

/* Who is broker and controller gets it as a broker. */
static bool is_for_brokers(enum isr_message_kind kind)
{
    static const bool beside_data[ISR_MESSAGE_KINDS] = {
#define X(KIND) [ISR_MESSAGE_##KIND] = true,
        SIM_COVERAGE_TO_BROKERS(X)
#undef X
    };
    return beside_data[kind] || isr_message_group(kind) == ISR_GROUP_DATA;
}

static enum sim_coverage_role role_of(const struct node_view *view, const struct sim_process *process,
                                      const struct replica *replica, enum isr_message_kind kind)
{
    if (process->roles & ISR_NODE_CLIENT)
        return SIM_ROLE_CLIENT;
    if (process->roles & ISR_NODE_PEER)
        return view->role;
    if (process->roles & ISR_NODE_ENTRIES)
        return SIM_ROLE_CONTROLLER;
    bool controls = (process->roles & ISR_NODE_CONTROLLER) != 0 &&
                    ((process->roles & ISR_NODE_BROKER) == 0 || !is_for_brokers(kind));
    if (controls)
        return view->active ? SIM_ROLE_ACTIVE_CONTROLLER : SIM_ROLE_CONTROLLER;
    return replica != NULL ? replica->role : SIM_ROLE_BROKER;
}

/* What the receiver knows of such an epoch; -1: nothing. */
static int64_t known_epoch(const struct sim_world *world, const struct sim_message *message,
                           const struct node_view *view, const struct replica *replica,
                           enum sim_epoch_class epoch_class)
{
    const struct sim_coverage *coverage = world->coverage;
    bool to_broker = is_for_brokers((enum isr_message_kind)message->kind);
    switch (epoch_class) {
    case SIM_EPOCH_NONE:
        break;
    case SIM_EPOCH_LEADER:
        return replica != NULL ? replica->epoch : -1;
    case SIM_EPOCH_TERM:
        return view->term;
    case SIM_EPOCH_CONTROLLER:
        return coverage->controller_epoch;
    case SIM_EPOCH_BROKER:
        return coverage->broker_epochs[to_broker ? message->to : message->from];
    }
    return -1;
}

void sim_coverage_message(struct sim_world *world, const struct sim_message *message)
{
    struct sim_coverage *coverage = world->coverage;
    if (message->kind >= ISR_MESSAGE_KINDS)
        return;
    enum isr_message_kind kind = (enum isr_message_kind)message->kind;
    const struct sim_process *process = &world->processes[message->to];
    const struct node_view *view = node_view(world, message->to);
    struct sim_frame_epoch frame = {.epoch_class = SIM_EPOCH_NONE};
    if (!message->damaged)
        frame = sim_frame_epoch_of(coverage->plans, kind, message->bytes, message->size_bytes);
    const struct replica *replica = frame.has_tp ? replica_of(world, message->to, frame.tp) : NULL;
    enum sim_coverage_role role = role_of(view, process, replica, kind);
    enum sim_coverage_relation relation = SIM_RELATION_NONE;
    if (message->damaged)
        relation = SIM_RELATION_DAMAGED;
    else if (frame.epoch_class != SIM_EPOCH_NONE)
        relation = relation_of(frame.epoch, known_epoch(world, message, view, replica, frame.epoch_class));
    unsigned cell = sim_cell_message(role, kind, relation);
    look_around(world);
    map_set(coverage, cell);
    if (frame.error < ISR_ERROR_COUNT)
        map_set(coverage, SIM_CELL_ERRORS + frame.error);
    coverage->context = isr_hash_combine(cell, frame.error);
    /* A client is told of leaders by messages. */
    if (role == SIM_ROLE_CLIENT && frame.epoch_class == SIM_EPOCH_LEADER && frame.has_tp &&
        (relation == SIM_RELATION_NEWER || relation == SIM_RELATION_UNKNOWN))
        replica_says(world, message->to, frame.tp, SIM_ROLE_CLIENT, frame.epoch);
    add_tuples(coverage, coverage->context);
}

void sim_coverage_event(struct sim_world *world, const struct sim_process *process, enum isr_event_kind kind)
{
    struct sim_coverage *coverage = world->coverage;
    look_around(world);
    coverage->context = isr_hash_combine(SIM_CELLS + (uint64_t)kind, process->roles);
}

static void learn(struct sim_world *world, int32_t node, const struct isr_observation *observation)
{
    struct sim_coverage *coverage = world->coverage;
    struct node_view *view = node_view(world, node);
    bool peer = (world->processes[node].roles & ISR_NODE_PEER) != 0;
    switch ((int)observation->kind) {
    case ISR_OBSERVED_BECAME_LEADER:
        view->role = SIM_ROLE_PEER_LEADER;
        replica_says(world, node, observation->became_leader.tp, SIM_ROLE_LEADER,
                     observation->became_leader.leader_epoch);
        if (peer)
            view->term = observation->became_leader.leader_epoch;
        break;
    case ISR_OBSERVED_BECAME_FOLLOWER:
        view->role = SIM_ROLE_PEER_FOLLOWER;
        replica_says(world, node, observation->became_follower.tp, SIM_ROLE_FOLLOWER,
                     observation->became_follower.leader_epoch);
        if (peer)
            view->term = observation->became_follower.leader_epoch;
        break;
    case ISR_OBSERVED_LOG_REMOVED:
        replica_says(world, node, observation->log_removed.tp, SIM_ROLE_BROKER, -1);
        break;
    case ISR_OBSERVED_QUORUM_ROLE:
        view->term = observation->quorum_role.term;
        break;
    case ISR_OBSERVED_QUORUM_VOTED:
        view->term = observation->quorum_voted.term;
        break;
    case ISR_OBSERVED_PEER_VOTED:
        view->term = observation->peer_voted.term;
        break;
    case ISR_OBSERVED_CONTROLLER_ACTIVE:
        view->active = true;
        if (observation->controller_active.term > coverage->controller_epoch)
            coverage->controller_epoch = observation->controller_active.term;
        break;
    case ISR_OBSERVED_CONTROLLER_RESIGNED:
        view->active = false;
        break;
    case ISR_OBSERVED_BROKER_STATE:
        if (sim_spec_is_broker(world->spec, (int32_t)observation->broker_state.broker))
            coverage->broker_epochs[observation->broker_state.broker] =
                observation->broker_state.broker_epoch;
        break;
    }
}

void sim_coverage_observation(struct sim_world *world, int32_t node,
                              const struct isr_observation *observation)
{
    struct sim_coverage *coverage = world->coverage;
    unsigned kind = (unsigned)observation->kind;
    uint64_t what = isr_hash_combine(coverage->context, kind);
    for (uint32_t left = coverage->states; left != 0; left &= left - 1)
        map_set(coverage, sim_cell_observation(kind, (unsigned)__builtin_ctz(left)));
    if (coverage->cause_field[kind] >= 0) {
        int64_t cause = observation->fields[coverage->cause_field[kind]];
        if (cause >= 0 && cause < ISR_CAUSE_COUNT)
            map_set(coverage, SIM_CELL_CAUSES + (unsigned)cause);
        what = isr_hash_combine(what, (uint64_t)cause);
    }
    if (coverage->error_field[kind] >= 0) {
        int64_t error = observation->fields[coverage->error_field[kind]];
        if (error >= 0 && error < ISR_ERROR_COUNT)
            map_set(coverage, SIM_CELL_ERRORS + (unsigned)error);
        what = isr_hash_combine(what, (uint64_t)error);
    }
    add_tuples(coverage, what);
    learn(world, node, observation);
}

/* ---- beginning and end ---- */

static int8_t field_of_kind(unsigned observation, enum isr_field_kind kind)
{
    const struct isr_observation_info *info = isr_observation_info((enum isr_observation_kind)observation);
    for (int8_t i = 0; i < ISR_OBSERVATION_FIELDS; i++) {
        if (info->fields[i].kind == kind)
            return i;
    }
    return -1;
}

struct sim_coverage *sim_coverage_begin(struct sim_world *world)
{
    struct isr_heap *heap = &world->heap;
    size_t nodes = (size_t)world->processes_count + 1;
    struct sim_coverage *coverage = isr_heap_allocate(heap, sizeof *coverage);
    coverage->plans = sim_frame_plans_new(heap);
    coverage->nodes = isr_heap_allocate(heap, nodes * sizeof *coverage->nodes);
    coverage->broker_epochs = isr_heap_allocate(heap, nodes * sizeof *coverage->broker_epochs);
    for (size_t i = 0; i < nodes; i++)
        coverage->broker_epochs[i] = -1;
    coverage->controller_epoch = -1;
    coverage->replicas_slots = REPLICAS_SLOTS;
    coverage->replicas = isr_heap_allocate(heap, REPLICAS_SLOTS * sizeof *coverage->replicas);
    coverage->tuples = isr_heap_allocate(heap, TUPLE_SLOTS * sizeof *coverage->tuples);
    coverage->states = UINT32_C(1) << SIM_STATE_WELL;
    coverage->looked_ns = -LOOK_AGAIN_NS;
    for (unsigned kind = 0; kind < ISR_OBSERVED_KINDS; kind++) {
        coverage->cause_field[kind] = field_of_kind(kind, ISR_FIELD_cause);
        coverage->error_field[kind] = field_of_kind(kind, ISR_FIELD_error);
    }
    world->coverage = coverage;
    return coverage;
}

const struct sim_coverage_map *sim_coverage_map(const struct sim_coverage *coverage)
{
    return &coverage->map;
}

uint32_t sim_coverage_tuples(const struct sim_coverage *coverage, uint64_t *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < TUPLE_SLOTS; i++) {
        if (coverage->tuples[i] != 0)
            out[count++] = coverage->tuples[i];
    }
    return count;
}

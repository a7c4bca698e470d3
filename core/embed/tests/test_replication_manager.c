/* Three managers over files in memory and a network that delivers at once, in a program that decides who
 * leads. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/embed/replication_manager.h"
#include "core/embed/tests/memory_storage.h"
#include "core/log/batch.h"

enum { NODES = 3, FRAMES_MAX = 256, REPLIES_MAX = 512 };

struct frame {
    int32_t from, to;
    uint8_t *data;
    uint32_t size;
};

struct program;
struct member {
    struct program *program;
    int32_t id;
    int64_t broker_epoch;
    bool up;
    struct test_heap heap;
    struct memory_storage storage;
    struct isr_replication_manager *manager;
    struct isr_runner runner;
    bool exited_cleanly;
    uint32_t observations;
};

struct program {
    struct member members[NODES + 1]; /* by id */
    int64_t now_ns;
    struct frame frames[FRAMES_MAX];
    uint32_t first, count;
    enum isr_error replies[REPLIES_MAX]; /* by id */
    uint32_t replies_count;
    int64_t last_offset;
    enum isr_decision decision;
    uint32_t proposals, changes;
    struct isr_replicas isr; /* as changed last */
};

static struct isr_reading now(const struct program *program)
{
    return (struct isr_reading){.now_ns = program->now_ns, .real_ns = program->now_ns};
}

static void on_send(void *object, int32_t to, struct isr_bytes bytes)
{
    struct member *member = object;
    struct program *program = member->program;
    assert_true(program->count < FRAMES_MAX);
    assert_int_not_equal(to, member->id); /* a manager keeps what it tells itself */
    struct frame *frame = &program->frames[(program->first + program->count++) % FRAMES_MAX];
    *frame = (struct frame){.from = member->id, .to = to, .data = malloc(bytes.size + 1), .size = bytes.size};
    memcpy(frame->data, bytes.data, bytes.size);
}

static void on_reply(void *object, uint64_t id, enum isr_error error, struct isr_tp tp, int64_t offset)
{
    struct member *member = object;
    (void)tp;
    assert_true(id < REPLIES_MAX);
    member->program->replies[id] = error;
    member->program->replies_count++;
    member->program->last_offset = offset;
}

static void on_exited(void *object, bool clean)
{
    struct member *member = object;
    member->up = false;
    member->exited_cleanly = clean;
}

static void on_observed(void *object, const struct isr_observation *observation)
{
    (void)observation;
    ((struct member *)object)->observations++;
}

static enum isr_decision on_proposed(void *object, const struct isr_isr_change *change)
{
    struct member *member = object;
    assert_int_not_equal(isr_replicas_pack(&change->from), isr_replicas_pack(&change->to));
    member->program->proposals++;
    return member->program->decision;
}

static void on_changed(void *object, const struct isr_isr_change *change)
{
    struct member *member = object;
    member->program->changes++;
    member->program->isr = change->to;
}

static void member_start(struct program *program, int32_t id)
{
    struct member *member = &program->members[id];
    member->program = program;
    member->id = id;
    member->up = true;
    member->broker_epoch++;
    test_heap_init(&member->heap);
    struct isr_replication_options options = {.node = id,
                                              .broker_epoch = member->broker_epoch,
                                              .config = isr_replication_config_default(),
                                              .isr_proposed = on_proposed,
                                              .isr_changed = on_changed,
                                              .object = member};
    options.config.replica_lag_time_max = ISR_SECOND;
    options.config.log_segment_bytes = 2048;
    member->manager = isr_replication_new(&options, &member->heap.heap, 7, NULL);
    assert_non_null(member->manager);
    struct isr_storage storage = memory_storage_interface(&member->storage);
    struct isr_transport transport = {.send = on_send, .object = member};
    struct isr_listener listener = {
        .reply = on_reply, .exited = on_exited, .observed = on_observed, .object = member};
    isr_runner_init(&member->runner, (struct isr_engine){isr_replication_step, member->manager}, &storage,
                    &transport, &listener, &member->heap.heap);
    isr_runner_start(&member->runner, now(program), (uint64_t)program->now_ns + 1);
    for (int32_t other = 1; other <= NODES; other++) {
        struct member *known = &program->members[other];
        if (other == id)
            continue;
        isr_replication_set_member(member->manager, other, known->broker_epoch, true);
        if (known->manager != NULL && known->up)
            assert_int_equal(isr_replication_set_member(known->manager, id, member->broker_epoch, true),
                             ISR_ERROR_NONE);
    }
}

static void member_kill(struct member *member)
{
    test_heap_drop(&member->heap);
    member->manager = NULL;
    member->up = false;
}

static struct isr_partition_plan plan_of(uint16_t partition, int32_t leader)
{
    struct isr_partition_plan plan = {.topic = 1,
                                      .partition = partition,
                                      .leader = leader,
                                      .leader_epoch = 0,
                                      .settings = isr_topic_settings_of_min_isr(2)};
    for (int32_t id = 1; id <= NODES; id++)
        isr_replicas_add(&plan.replicas, id);
    return plan;
}

static void add(struct program *program, int32_t id, const struct isr_partition_plan *plan)
{
    struct member *member = &program->members[id];
    struct isr_effects effects;
    assert_int_equal(isr_replication_add_partition(member->manager, program->now_ns, plan, &effects),
                     ISR_ERROR_NONE);
    isr_runner_carry_out(&member->runner, now(program), &effects);
}

static struct program *program_new(void)
{
    struct program *program = calloc(1, sizeof *program);
    program->decision = ISR_DECISION_YES;
    for (int32_t id = 1; id <= NODES; id++)
        member_start(program, id);
    struct isr_partition_plan plan = plan_of(0, 1);
    for (int32_t id = 1; id <= NODES; id++)
        add(program, id, &plan);
    return program;
}

static void program_free(struct program *program)
{
    for (int32_t id = 1; id <= NODES; id++) {
        struct member *member = &program->members[id];
        if (member->manager != NULL && member->up)
            isr_runner_free(&member->runner);
        if (member->manager != NULL)
            test_heap_drop(&member->heap);
        memory_storage_free(&member->storage);
    }
    for (; program->count > 0; program->count--)
        free(program->frames[program->first++ % FRAMES_MAX].data);
    free(program);
}

static void deliver_all(struct program *program)
{
    while (program->count > 0) {
        struct frame frame = program->frames[program->first % FRAMES_MAX];
        program->first = (program->first + 1) % FRAMES_MAX;
        program->count--;
        struct member *to = &program->members[frame.to];
        if (to->up && program->members[frame.from].up)
            isr_runner_message(&to->runner, now(program), frame.from,
                               (struct isr_bytes){.data = frame.data, .size = frame.size});
        free(frame.data);
    }
}

static void run_for(struct program *program, int64_t duration_ns)
{
    int64_t end_ns = program->now_ns + duration_ns;
    deliver_all(program);
    while (program->now_ns < end_ns) {
        int64_t next_ns = end_ns;
        for (int32_t id = 1; id <= NODES; id++) {
            if (program->members[id].up && program->members[id].runner.wake_ns < next_ns)
                next_ns = program->members[id].runner.wake_ns;
        }
        if (next_ns > program->now_ns)
            program->now_ns = next_ns;
        for (int32_t id = 1; id <= NODES; id++) {
            if (program->members[id].up)
                isr_runner_advance(&program->members[id].runner, now(program));
        }
        deliver_all(program);
    }
}

static void append(struct program *program, int32_t id, uint32_t reply, const char *text)
{
    struct member *member = &program->members[id];
    struct isr_bytes value = {.data = (const uint8_t *)text, .size = (uint32_t)strlen(text)};
    struct isr_effects effects;
    isr_replication_append(member->manager, program->now_ns, 1, 0, -1, &value, 1, reply, &effects);
    isr_runner_carry_out(&member->runner, now(program), &effects);
}

static void lead(struct program *program, int32_t leader, int32_t epoch)
{
    for (int32_t id = 1; id <= NODES; id++) {
        struct member *member = &program->members[id];
        struct isr_effects effects;
        if (!member->up)
            continue;
        assert_int_equal(isr_replication_update_leader(member->manager, program->now_ns, 1, 0, leader, epoch,
                                                       &program->isr, &effects),
                         ISR_ERROR_NONE);
        isr_runner_carry_out(&member->runner, now(program), &effects);
    }
}

static struct isr_replication_state state_of(const struct program *program, int32_t id)
{
    struct isr_replication_state state;
    assert_true(isr_replication_state(program->members[id].manager, 1, 0, &state));
    return state;
}

static void texts_are(struct program *program, int32_t id, const char *const *texts)
{
    int64_t offset = 0;
    for (; *texts != NULL; texts++, offset++) {
        struct isr_bytes batches, value;
        struct isr_batch batch;
        assert_int_equal(isr_replication_read(program->members[id].manager, 1, 0, offset, 1, &batches),
                         ISR_ERROR_NONE);
        assert_int_equal(isr_batch_parse(batches, true, &batch), ISR_BATCH_OK);
        assert_true(isr_batch_record(&batch, 0, &value));
        assert_int_equal(value.size, strlen(*texts));
        assert_memory_equal(value.data, *texts, value.size);
    }
    struct isr_bytes none;
    assert_int_equal(isr_replication_read(program->members[id].manager, 1, 0, offset, 1, &none),
                     ISR_ERROR_NONE);
    assert_int_equal(none.size, 0);
    assert_int_equal(isr_replication_read(program->members[id].manager, 1, 0, offset + 1, 1, &none),
                     ISR_ERROR_OFFSET_OUT_OF_RANGE);
}

/* ---- tests ---- */

static void replicates_and_answers_when_every_replica_has_the_record(void **state)
{
    (void)state;
    struct program *program = program_new();
    run_for(program, ISR_SECOND);
    append(program, 1, 1, "first");
    append(program, 1, 2, "second");
    assert_int_equal(program->replies_count, 0);
    run_for(program, ISR_SECOND);
    assert_int_equal(program->replies_count, 2);
    assert_int_equal(program->replies[1], ISR_ERROR_NONE);
    assert_int_equal(program->last_offset, 1);
    run_for(program, 2 * ISR_SECOND);
    for (int32_t id = 1; id <= NODES; id++) {
        struct isr_replication_state seen = state_of(program, id);
        assert_int_equal(seen.high_watermark, 2);
        assert_int_equal(seen.log_end, 2);
        assert_int_equal(seen.lag, 0);
        assert_int_equal(seen.leads, id == 1);
        texts_are(program, id, (const char *const[]){"first", "second", NULL});
        assert_true(program->members[id].observations > 0);
    }
    assert_true(isr_replication_metrics(program->members[1].manager)->produce_requests == 2);
    program_free(program);
}

static void another_leader_goes_on_when_the_program_says_so(void **state)
{
    (void)state;
    struct program *program = program_new();
    append(program, 1, 1, "kept");
    run_for(program, 2 * ISR_SECOND);
    assert_int_equal(program->replies_count, 1);
    memory_storage_lose(&program->members[1].storage);
    member_kill(&program->members[1]);
    isr_replicas_add(&program->isr, 2);
    isr_replicas_add(&program->isr, 3);
    for (int32_t id = 2; id <= 3; id++)
        isr_replication_set_member(program->members[id].manager, 1, program->members[1].broker_epoch, false);
    lead(program, 2, 1);
    append(program, 2, 2, "after");
    run_for(program, ISR_SECOND);
    assert_int_equal(program->replies_count, 2);
    assert_int_equal(program->replies[2], ISR_ERROR_NONE);

    /* The old leader lost everything; it comes back as a follower, and into the ISR when it has caught up. */
    member_start(program, 1);
    assert_int_equal(isr_replication_previous_epoch(program->members[1].manager), -1);
    struct isr_partition_plan plan = plan_of(0, 2);
    plan.leader_epoch = 1;
    plan.isr = program->isr;
    add(program, 1, &plan);
    run_for(program, 3 * ISR_SECOND);
    texts_are(program, 1, (const char *const[]){"kept", "after", NULL});
    assert_true(program->changes > 0);
    assert_int_equal(program->isr.count, 3);
    assert_int_equal(state_of(program, 2).isr.count, 3);
    program_free(program);
}

static void leader_keeps_counting_a_member_until_the_program_agrees(void **state)
{
    (void)state;
    struct program *program = program_new();
    program->decision = ISR_DECISION_LATER;
    run_for(program, ISR_SECOND);
    member_kill(&program->members[3]);
    append(program, 1, 1, "waits");
    run_for(program, 5 * ISR_SECOND);
    assert_int_equal(program->proposals, 1);
    assert_int_equal(program->changes, 0);
    assert_int_equal(program->replies_count, 0); /* the dead replica is still in the maximal ISR */
    assert_true(state_of(program, 1).isr_pending);
    assert_int_equal(state_of(program, 1).lag, 1);

    struct isr_effects effects;
    struct isr_replicas two = {.count = 2, .ids = {1, 2}}, stranger = {.count = 2, .ids = {1, 9}};
    assert_int_equal(
        isr_replication_update_isr(program->members[1].manager, program->now_ns, 1, 0, &stranger, &effects),
        ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(
        isr_replication_update_isr(program->members[2].manager, program->now_ns, 1, 0, &two, &effects),
        ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(
        isr_replication_update_isr(program->members[1].manager, program->now_ns, 1, 0, &two, &effects),
        ISR_ERROR_NONE);
    isr_runner_carry_out(&program->members[1].runner, now(program), &effects);
    assert_int_equal(program->replies_count, 1);
    assert_int_equal(program->replies[1], ISR_ERROR_NONE);
    assert_false(state_of(program, 1).isr_pending);
    program_free(program);
}

static void refused_change_leaves_the_isr_as_it_was(void **state)
{
    (void)state;
    struct program *program = program_new();
    program->decision = ISR_DECISION_NO;
    run_for(program, ISR_SECOND);
    member_kill(&program->members[3]);
    append(program, 1, 1, "waits");
    run_for(program, 4 * ISR_SECOND);
    assert_true(program->proposals > 1); /* it asks again */
    assert_int_equal(program->changes, 0);
    assert_int_equal(state_of(program, 1).isr.count, 3);
    program_free(program);
}

static void stops_cleanly_and_knows_it_afterwards(void **state)
{
    (void)state;
    struct program *program = program_new();
    append(program, 1, 1, "kept");
    run_for(program, 2 * ISR_SECOND);
    struct member *member = &program->members[3];
    isr_runner_shutdown(&member->runner, now(program));
    isr_runner_shutdown(&member->runner, now(program)); /* again: nothing */
    run_for(program, ISR_SECOND);
    assert_false(member->up);
    assert_true(member->exited_cleanly);
    isr_runner_advance(&member->runner, (struct isr_reading){.now_ns = INT64_MAX - 1}); /* ended: nothing */
    memory_storage_lose(&member->storage);
    member_kill(member);
    member_start(program, 3);
    assert_true(isr_replication_ready(member->manager));
    assert_int_equal(isr_replication_previous_epoch(member->manager), 1);
    struct isr_partition_plan plan = plan_of(0, 1);
    add(program, 3, &plan);
    assert_int_equal(state_of(program, 3).log_end, 1);
    program_free(program);
}

static void halts_when_the_storage_fails(void **state)
{
    (void)state;
    for (uint32_t operations = 0; operations < 6; operations++) {
        struct program *program = program_new();
        run_for(program, ISR_SECOND);
        struct member *member = &program->members[1];
        member->storage.fails_with = ISR_IO_ERROR;
        member->storage.fails_after = operations;
        for (uint32_t i = 0; i < 8 && member->up; i++)
            append(program, 1, i, "lost");
        assert_false(member->up);
        assert_false(member->exited_cleanly);
        member_kill(member);
        program_free(program);
    }
}

static void refuses_what_makes_no_sense(void **state)
{
    (void)state;
    struct program *program = program_new();
    struct isr_replication_manager *manager = program->members[1].manager;
    struct isr_effects effects;
    struct isr_partition_plan plan = plan_of(0, 1);
#define ADD_IS(error) \
    assert_int_equal(isr_replication_add_partition(manager, program->now_ns, &plan, &effects), (error))
    ADD_IS(ISR_ERROR_INVALID_REQUEST); /* there already */
    plan = plan_of(1, 9);
    ADD_IS(ISR_ERROR_INVALID_REQUEST); /* a leader that is no replica */
    plan = plan_of(1, 1);
    plan.isr = (struct isr_replicas){.count = 1, .ids = {2}};
    ADD_IS(ISR_ERROR_INVALID_REQUEST); /* nor in the ISR */
    plan = plan_of(1, 2);
    plan.replicas = (struct isr_replicas){.count = 2, .ids = {2, 3}};
    ADD_IS(ISR_ERROR_INVALID_REQUEST); /* not this node's */
    plan = plan_of(1, ISR_NODE_NONE);
    ADD_IS(ISR_ERROR_NONE);
    struct isr_replicas none = {0};
#define LEADER_IS(partition, leader, epoch, error)                                                        \
    assert_int_equal(isr_replication_update_leader(manager, program->now_ns, 1, partition, leader, epoch, \
                                                   &none, &effects),                                      \
                     (error))
    LEADER_IS(7, 1, 1, ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    LEADER_IS(0, 1, 0, ISR_ERROR_FENCED_LEADER_EPOCH);
    LEADER_IS(0, 9, 1, ISR_ERROR_INELIGIBLE_REPLICA);
    LEADER_IS(1, 1, 1, ISR_ERROR_NONE);
    assert_int_equal(isr_replication_set_member(manager, 1, 9, true), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(isr_replication_set_member(manager, 0, 9, true), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(isr_replication_set_member(manager, 2, 0, true), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(isr_replication_lag(manager, 1, 7), -1);
    struct isr_bytes batches;
    assert_int_equal(isr_replication_read(manager, 1, 7, 0, 1, &batches),
                     ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    struct isr_bytes value = {.data = (const uint8_t *)"x", .size = 1};
    isr_replication_append(manager, program->now_ns, 1, 0, 2, &value, 1, 3, &effects);
    assert_int_equal(effects.count, 1);
    assert_int_equal(effects.items[0].error, ISR_ERROR_INVALID_REQUEST);
    isr_replication_append(program->members[2].manager, program->now_ns, 1, 0, -1, &value, 1, 3, &effects);
    assert_int_equal(effects.items[0].error, ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    program_free(program);
}

static void forgets_a_partition_that_was_removed(void **state)
{
    (void)state;
    struct program *program = program_new();
    struct isr_partition_plan plan = plan_of(1, 2);
    for (int32_t id = 1; id <= NODES; id++)
        add(program, id, &plan);
    struct isr_replication_state seen;
    assert_true(isr_replication_state_at(program->members[1].manager, 1, &seen));
    assert_int_equal(seen.partition, 1);
    assert_int_equal(seen.leader, 2);
    struct isr_effects effects;
    struct isr_replication_manager *manager = program->members[1].manager;
    assert_int_equal(isr_replication_remove_partition(manager, program->now_ns, 1, 0, &effects),
                     ISR_ERROR_NONE);
    isr_runner_carry_out(&program->members[1].runner, now(program), &effects);
    assert_int_equal(isr_replication_remove_partition(manager, program->now_ns, 1, 0, &effects),
                     ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_true(isr_replication_state_at(manager, 0, &seen));
    assert_int_equal(seen.partition, 1);
    assert_false(isr_replication_state_at(manager, 1, &seen));
    run_for(program, ISR_SECOND);
    program_free(program);
}

static void partitions_added_while_recovering_get_their_role_afterwards(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct isr_replication_options options = {.node = 1, .config = isr_replication_config_default()};
    struct isr_replication_manager *manager = isr_replication_new(&options, &heap.heap, 7, NULL);
    struct isr_partition_plan plan = plan_of(0, 1);
    struct isr_effects effects;
    struct isr_replication_state seen;
    struct isr_event event = {.kind = ISR_EVENT_START};
    isr_replication_step(manager, &event, &effects); /* asks for the list of files */
    assert_int_equal(isr_replication_add_partition(manager, 0, &plan, &effects), ISR_ERROR_NONE);
    assert_true(isr_replication_state(manager, 1, 0, &seen));
    assert_false(seen.leads);
    assert_int_equal(seen.log_end, 0);
    event = (struct isr_event){.kind = ISR_EVENT_IO_DONE, .io_done = {.io = 1, .status = ISR_IO_OK}};
    while (!isr_replication_ready(manager)) {
        isr_replication_step(manager, &event, &effects);
        for (uint32_t i = 0; i < effects.count; i++)
            event.io_done.io = effects.items[i].io;
        event.io_done.status = ISR_IO_OK;
    }
    assert_true(isr_replication_state(manager, 1, 0, &seen));
    assert_true(seen.leads);
    test_heap_drop(&heap);
}

static void stops_when_it_was_asked_to_while_recovering(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct isr_replication_options options = {.node = 1, .config = isr_replication_config_default()};
    struct isr_replication_manager *manager = isr_replication_new(&options, &heap.heap, 7, NULL);
    struct isr_effects effects;
    struct isr_event event = {.kind = ISR_EVENT_START};
    isr_replication_step(manager, &event, &effects);
    event = (struct isr_event){.kind = ISR_EVENT_SHUTDOWN};
    isr_replication_step(manager, &event, &effects);
    uint32_t io = 1;
    bool exited = false;
    for (int steps = 0; steps < 20 && !exited; steps++) {
        event = (struct isr_event){.kind = ISR_EVENT_IO_DONE, .io_done = {.io = io, .status = ISR_IO_OK}};
        isr_replication_step(manager, &event, &effects);
        for (uint32_t i = 0; i < effects.count; i++) {
            io = effects.items[i].io;
            exited = exited || effects.items[i].kind == ISR_EFFECT_EXIT;
        }
    }
    assert_true(exited);
    assert_false(isr_replication_ready(manager));
    isr_replication_step(manager, &event, &effects); /* ended: nothing */
    assert_int_equal(effects.count, 0);
    test_heap_drop(&heap);
}

static void answers_at_once_without_acks_and_refuses_commands(void **state)
{
    (void)state;
    struct program *program = program_new();
    struct member *member = &program->members[1];
    struct isr_bytes value = {.data = (const uint8_t *)"x", .size = 1};
    struct isr_effects effects;
    isr_replication_append(member->manager, program->now_ns, 1, 0, 0, &value, 1, 4, &effects);
    isr_runner_carry_out(&member->runner, now(program), &effects);
    assert_int_equal(program->replies_count, 1);
    assert_int_equal(program->replies[4], ISR_ERROR_NONE);
    struct isr_command command = {.kind = ISR_COMMAND_PRODUCE, .id = 5, .topic = "orders"};
    isr_runner_command(&member->runner, now(program), &command);
    assert_int_equal(program->replies[5], ISR_ERROR_INVALID_REQUEST);
    uint8_t noise[40] = {1, 2, 3};
    isr_runner_message(&member->runner, now(program), 2, (struct isr_bytes){.data = noise, .size = 40});
    assert_int_equal(isr_replication_metrics(member->manager)->messages_rejected, 1);
    run_for(program, ISR_SECOND);
    assert_int_equal(state_of(program, 2).high_watermark, 1);
    struct isr_event lost = {
        .kind = ISR_EVENT_DISCONNECTED, .now_ns = program->now_ns, .disconnected.peer = 1};
    isr_replication_step(program->members[2].manager, &lost, &effects); /* who follows n1 asks again */
    isr_runner_carry_out(&program->members[2].runner, now(program), &effects);
    append(program, 1, 6, "y");
    run_for(program, ISR_SECOND);
    assert_int_equal(state_of(program, 2).high_watermark, 2);
    program_free(program);
}

static void configuration_is_bounded_and_has_the_documented_defaults(void **state)
{
    (void)state;
    struct isr_config config = isr_replication_config_default();
    assert_null(isr_config_check(&config));
    assert_int_equal(config.fetch_min_bytes, 1);
    assert_int_equal(config.fetch_max_bytes, 1048576);
    assert_int_equal(config.fetch_max_wait, 500 * ISR_MS);
    assert_int_equal(config.fetch_interval, 50 * ISR_MS);
    assert_int_equal(config.replica_lag_max_messages, 4000);
    assert_int_equal(config.replica_lag_time_max, 10 * ISR_SECOND);
    assert_int_equal(config.hw_checkpoint_interval, 5 * ISR_SECOND);
    struct test_heap heap;
    test_heap_init(&heap);
    struct isr_replication_options options = {.node = 1, .config = config};
    const struct isr_config_info *wrong;
    options.config.fetch_max_bytes = 0;
    assert_null(isr_replication_new(&options, &heap.heap, 1, &wrong));
    assert_string_equal(wrong->name, "fetch_max_bytes");
    options.config = config;
    options.node = 0;
    assert_null(isr_replication_new(&options, &heap.heap, 1, &wrong));
    assert_null(wrong);
    assert_int_equal(heap.live_blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replicates_and_answers_when_every_replica_has_the_record),
        cmocka_unit_test(another_leader_goes_on_when_the_program_says_so),
        cmocka_unit_test(leader_keeps_counting_a_member_until_the_program_agrees),
        cmocka_unit_test(refused_change_leaves_the_isr_as_it_was),
        cmocka_unit_test(stops_cleanly_and_knows_it_afterwards),
        cmocka_unit_test(halts_when_the_storage_fails),
        cmocka_unit_test(refuses_what_makes_no_sense),
        cmocka_unit_test(forgets_a_partition_that_was_removed),
        cmocka_unit_test(partitions_added_while_recovering_get_their_role_afterwards),
        cmocka_unit_test(stops_when_it_was_asked_to_while_recovering),
        cmocka_unit_test(answers_at_once_without_acks_and_refuses_commands),
        cmocka_unit_test(configuration_is_bounded_and_has_the_documented_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* One node with the library in it, over a disk that carries out one operation at a time. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/node.h"
#include "core/tests/disk.h"
#include "core/tests/support.h"
#include "sim/libraft/internal.h"

enum { CLIENT = 9, SENT_MAX = 4000 };

struct fixture {
    struct test_heap heap;
    struct test_disk disk;
    struct test_random random;
    struct isr_node *node;
    struct isr_node_options options;
    int64_t now_ns, wake_ns;
    bool exited, clean;
    struct isr_message sent[SENT_MAX];
    int32_t sent_to[SENT_MAX];
    uint32_t sent_count;
    uint32_t observed[ISR_OBSERVED_KINDS];
};

static void observe(struct fixture *f, const struct isr_effects *effects)
{
    static uint8_t kept[1 << 20];
    static uint32_t kept_bytes;
    for (uint32_t i = 0; i < effects->observations_count; i++)
        f->observed[effects->observations[i].kind]++;
    for (uint32_t i = 0; i < effects->count; i++) {
        const struct isr_effect *effect = &effects->items[i];
        if (effect->kind == ISR_EFFECT_EXIT) {
            f->exited = true;
            f->clean = effect->clean;
        }
        if (effect->kind != ISR_EFFECT_SEND)
            continue;
        if (kept_bytes + effect->bytes.size > sizeof kept)
            kept_bytes = 0;
        memcpy(kept + kept_bytes, effect->bytes.data, effect->bytes.size);
        struct isr_env env;
        struct test_heap heap;
        test_heap_init(&heap);
        test_env_init(&env, &heap);
        assert_true(f->sent_count < SENT_MAX);
        assert_true(isr_message_decode((struct isr_bytes){kept + kept_bytes, effect->bytes.size},
                                       &env.scratch, &f->sent[f->sent_count]));
        f->sent_to[f->sent_count++] = effect->to;
        kept_bytes += effect->bytes.size;
        test_heap_drop(&heap);
    }
}

static void step(struct fixture *f, struct isr_event *event)
{
    struct isr_effects effects;
    event->now_ns = f->now_ns;
    isr_node_step(f->node, event, &effects);
    f->wake_ns = effects.wake_ns;
    observe(f, &effects);
    test_disk_take(&f->disk, &effects);
}

static void start(struct fixture *f)
{
    f->node = isr_node_new(&f->options, &f->heap.heap, 7);
    f->exited = false;
    step(f, &(struct isr_event){.kind = ISR_EVENT_START});
}

static void disk_runs(struct fixture *f)
{
    struct isr_event event;
    while (!f->exited && test_disk_step(&f->disk, &f->random, &event))
        step(f, &event);
}

static void time_passes(struct fixture *f, int64_t span_ns)
{
    int64_t end_ns = f->now_ns + span_ns;
    disk_runs(f);
    while (!f->exited && f->wake_ns <= end_ns) {
        f->now_ns = f->wake_ns;
        step(f, &(struct isr_event){.kind = ISR_EVENT_WAKE});
        disk_runs(f);
    }
    f->now_ns = end_ns;
}

static void dies(struct fixture *f, bool power_loss)
{
    test_disk_crash(&f->disk, &f->random, power_loss);
    test_heap_drop(&f->heap);
}

static void receives(struct fixture *f, int32_t from, const struct isr_message *message)
{
    struct test_heap heap;
    struct isr_env env;
    test_heap_init(&heap);
    test_env_init(&env, &heap);
    struct isr_event event = {.kind = ISR_EVENT_MESSAGE,
                              .message = {.from = from, .frame = isr_message_encode(message, &env.scratch)}};
    step(f, &event);
    test_heap_drop(&heap);
}

static void receives_of_library(struct fixture *f, int32_t from, const struct raft_message *message)
{
    struct test_heap heap;
    struct isr_env env;
    test_heap_init(&heap);
    test_env_init(&env, &heap);
    struct isr_message wrapped = {.kind = ISR_MESSAGE_FOREIGN_CONSENSUS};
    assert_true(libraft_message_encode(message, &env.scratch, &wrapped.foreign_consensus.frame));
    receives(f, from, &wrapped);
    test_heap_drop(&heap);
}

static void proposes(struct fixture *f, uint32_t correlation)
{
    uint64_t number = correlation;
    const struct isr_message request = {
        .kind = ISR_MESSAGE_PROPOSE_REQUEST,
        .propose_request = {.correlation = correlation, .data = {(const uint8_t *)&number, sizeof number}}};
    receives(f, CLIENT, &request);
}

static const struct isr_message *last_sent(const struct fixture *f, enum isr_message_kind kind)
{
    for (uint32_t i = f->sent_count; i > 0; i--) {
        if (f->sent[i - 1].kind == kind)
            return &f->sent[i - 1];
    }
    return NULL;
}

static int setup(void **state, uint8_t voters)
{
    struct fixture *f = calloc(1, sizeof *f);
    test_heap_init(&f->heap);
    f->random.state = 3;
    f->options = (struct isr_node_options){
        .id = 1, .roles = ISR_NODE_ENTRIES, .consensus = sim_libraft_new, .config = isr_config_default()};
    for (int32_t node = 1; node <= 3; node++) {
        isr_replicas_add(&f->options.controllers, node);
        if (node <= voters)
            isr_replicas_add(&f->options.voters, node);
    }
    f->options.config.quorum_snapshot_entries = 20;
    start(f);
    *state = f;
    return 0;
}

static int setup_one(void **state)
{
    return setup(state, 1);
}

static int setup_three(void **state)
{
    return setup(state, 3);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    test_heap_drop(&f->heap);
    test_disk_free(&f->disk);
    free(f);
    return 0;
}

/* ---- alone ---- */

static uint64_t digest_of(const struct fixture *f)
{
    const struct isr_consensus *consensus = isr_node_consensus(f->node);
    return (uint64_t)consensus->ops->commit_index(consensus);
}

static void leads_and_answers_when_it_is_the_only_voter(void **state)
{
    struct fixture *f = *state;
    time_passes(f, ISR_SECOND);
    assert_true(isr_node_controller_active(f->node));
    proposes(f, 5);
    assert_null(last_sent(f, ISR_MESSAGE_PROPOSE_RESPONSE));
    disk_runs(f);
    const struct isr_message *answer = last_sent(f, ISR_MESSAGE_PROPOSE_RESPONSE);
    assert_non_null(answer);
    assert_int_equal(answer->propose_response.error, ISR_ERROR_NONE);
    assert_int_equal(answer->propose_response.correlation, 5);
    assert_int_equal(answer->propose_response.index, 3); /* behind configuration and barrier */
}

static void keeps_what_was_answered_when_it_loses_power(void **state)
{
    struct fixture *f = *state;
    uint32_t correlation = 1;
    for (int life = 0; life < 60; life++) {
        time_passes(f, ISR_SECOND);
        assert_false(f->exited);
        assert_true(isr_node_controller_active(f->node));
        for (int i = 0; i < 7; i++) {
            proposes(f, correlation++);
            for (uint32_t n = test_random_below(&f->random, 4); n > 0; n--) {
                struct isr_event event;
                if (test_disk_step(&f->disk, &f->random, &event))
                    step(f, &event);
            }
        }
        uint64_t applied = digest_of(f);
        dies(f, life % 2 == 0);
        start(f);
        time_passes(f, ISR_SECOND);
        assert_true(digest_of(f) >= applied);
    }
    assert_true(f->observed[ISR_OBSERVED_QUORUM_COMPACTED] > 0);
    assert_true(f->observed[ISR_OBSERVED_METADATA_SNAPSHOT_LOADED] > 0);
}

static void halts_when_the_disk_fails(void **state)
{
    struct fixture *f = *state;
    time_passes(f, ISR_SECOND);
    proposes(f, 1);
    struct isr_event event;
    assert_true(test_disk_step(&f->disk, &f->random, &event));
    event.io_done.status = ISR_IO_ERROR;
    step(f, &event);
    assert_true(f->exited);
    assert_false(f->clean);
    assert_int_equal(f->observed[ISR_OBSERVED_NODE_HALTED], 1);
}

static void halts_when_its_vote_is_damaged(void **state)
{
    struct fixture *f = *state;
    time_passes(f, ISR_SECOND);
    dies(f, false);
    test_disk_put(&f->disk, (struct isr_file){.kind = ISR_FILE_QUORUM_VOTE}, "nonsense", 8);
    start(f);
    disk_runs(f);
    assert_true(f->exited);
}

static void stops_at_once_when_nobody_else_can_lead(void **state)
{
    struct fixture *f = *state;
    time_passes(f, ISR_SECOND);
    step(f, &(struct isr_event){.kind = ISR_EVENT_SHUTDOWN});
    time_passes(f, 5 * ISR_SECOND);
    assert_true(f->exited);
    assert_true(f->clean);
}

static void refuses_when_members_make_no_sense(void **state)
{
    struct fixture *f = *state;
    const struct isr_consensus_ops *ops = isr_node_consensus(f->node)->ops;
    struct isr_consensus *consensus = (struct isr_consensus *)isr_node_consensus(f->node);
    assert_int_equal(ops->change(consensus, ISR_QUORUM_ADD_VOTER, 2), ISR_ERROR_NOT_CONTROLLER);
    assert_int_equal(ops->transfer(consensus, 2), ISR_ERROR_NOT_CONTROLLER);
    time_passes(f, ISR_SECOND);
    assert_int_equal(ops->change(consensus, ISR_QUORUM_REMOVE, 2), ISR_ERROR_VOTER_NOT_FOUND);
    assert_int_equal(ops->change(consensus, ISR_QUORUM_REMOVE, 1), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(ops->change(consensus, ISR_QUORUM_ADD_LEARNER, 7), ISR_ERROR_INVALID_REQUEST);
    assert_int_equal(ops->change(consensus, ISR_QUORUM_ADD_LEARNER, 1), ISR_ERROR_DUPLICATE_VOTER);
    assert_int_equal(ops->change(consensus, ISR_QUORUM_ADD_VOTER, 1), ISR_ERROR_DUPLICATE_VOTER);
    assert_int_equal(ops->transfer(consensus, 1), ISR_ERROR_ELECTION_NOT_NEEDED);
    assert_int_equal(ops->transfer(consensus, 2), ISR_ERROR_VOTER_NOT_FOUND);
}

static void member_is_added_in_two_steps_when_a_learner_is_wanted(void **state)
{
    struct fixture *f = *state;
    time_passes(f, ISR_SECOND);
    const struct isr_message request = {
        .kind = ISR_MESSAGE_ALTER_QUORUM_REQUEST,
        .alter_quorum_request = {.correlation = 4, .kind = ISR_QUORUM_ADD_LEARNER, .node = 2}};
    receives(f, CLIENT, &request);
    receives(f, CLIENT, &request); /* one thing at a time */
    const struct isr_message *refused = last_sent(f, ISR_MESSAGE_ALTER_QUORUM_RESPONSE);
    assert_int_equal(refused->alter_quorum_response.error, ISR_ERROR_OPERATION_NOT_ATTEMPTED);
    disk_runs(f);
    const struct isr_message *answer = last_sent(f, ISR_MESSAGE_ALTER_QUORUM_RESPONSE);
    assert_int_equal(answer->alter_quorum_response.error, ISR_ERROR_NONE);
    const struct isr_consensus *consensus = isr_node_consensus(f->node);
    const struct isr_consensus_members members = consensus->ops->members(consensus);
    assert_int_equal(members.learners.count, 1);
    assert_int_equal(members.learners.ids[0], 2);
}

/* ---- one of three ---- */

static const struct raft_message vote_request = {
    .type = RAFT_IO_REQUEST_VOTE,
    .request_vote = {.term = 4, .candidate_id = 2, .last_log_index = 1, .last_log_term = 1}};

static void answers_no_vote_when_it_is_not_durable(void **state)
{
    struct fixture *f = *state;
    disk_runs(f);
    receives_of_library(f, 2, &vote_request);
    struct raft_message other = vote_request;
    other.request_vote.candidate_id = 3;
    receives_of_library(f, 3, &other); /* it waits until the first is answered */
    assert_null(last_sent(f, ISR_MESSAGE_FOREIGN_CONSENSUS));
    assert_int_equal(f->observed[ISR_OBSERVED_QUORUM_VOTED], 0);
    assert_int_equal(f->disk.queue_count, 1);
    disk_runs(f);
    assert_int_equal(f->observed[ISR_OBSERVED_QUORUM_VOTED], 1);
    assert_non_null(last_sent(f, ISR_MESSAGE_FOREIGN_CONSENSUS));
    dies(f, true);
    start(f);
    disk_runs(f);
    const struct isr_consensus *consensus = isr_node_consensus(f->node);
    assert_int_equal(consensus->ops->term(consensus), 4);
}

static void halts_when_its_vote_cannot_be_written(void **state)
{
    struct fixture *f = *state;
    struct isr_event event;
    disk_runs(f);
    receives_of_library(f, 2, &vote_request);
    assert_true(test_disk_step(&f->disk, &f->random, &event));
    event.io_done.status = ISR_IO_NO_SPACE;
    step(f, &event);
    assert_true(f->exited);
    assert_null(last_sent(f, ISR_MESSAGE_FOREIGN_CONSENSUS));
}

static void hears_nothing_when_it_is_nonsense_or_from_a_stranger(void **state)
{
    struct fixture *f = *state;
    disk_runs(f);
    receives_of_library(f, 8, &vote_request);
    const struct isr_message nonsense = {.kind = ISR_MESSAGE_FOREIGN_CONSENSUS,
                                         .foreign_consensus = {.frame = {(const uint8_t *)"nonsense", 8}}};
    receives(f, 2, &nonsense);
    disk_runs(f);
    assert_int_equal(f->observed[ISR_OBSERVED_QUORUM_VOTED], 0);
    assert_null(last_sent(f, ISR_MESSAGE_FOREIGN_CONSENSUS));
}

static void stands_for_election_when_nobody_leads(void **state)
{
    struct fixture *f = *state;
    time_passes(f, 5 * ISR_SECOND);
    const struct isr_consensus *consensus = isr_node_consensus(f->node);
    assert_int_equal(consensus->ops->role(consensus), ISR_CONSENSUS_CANDIDATE);
    assert_false(consensus->ops->elected(consensus));
    assert_non_null(last_sent(f, ISR_MESSAGE_FOREIGN_CONSENSUS));
    proposes(f, 1);
    const struct isr_message *answer = last_sent(f, ISR_MESSAGE_PROPOSE_RESPONSE);
    assert_int_equal(answer->propose_response.error, ISR_ERROR_NOT_CONTROLLER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(leads_and_answers_when_it_is_the_only_voter, setup_one, teardown),
        cmocka_unit_test_setup_teardown(keeps_what_was_answered_when_it_loses_power, setup_one, teardown),
        cmocka_unit_test_setup_teardown(halts_when_the_disk_fails, setup_one, teardown),
        cmocka_unit_test_setup_teardown(halts_when_its_vote_is_damaged, setup_one, teardown),
        cmocka_unit_test_setup_teardown(stops_at_once_when_nobody_else_can_lead, setup_one, teardown),
        cmocka_unit_test_setup_teardown(refuses_when_members_make_no_sense, setup_one, teardown),
        cmocka_unit_test_setup_teardown(member_is_added_in_two_steps_when_a_learner_is_wanted, setup_one,
                                        teardown),
        cmocka_unit_test_setup_teardown(answers_no_vote_when_it_is_not_durable, setup_three, teardown),
        cmocka_unit_test_setup_teardown(halts_when_its_vote_cannot_be_written, setup_three, teardown),
        cmocka_unit_test_setup_teardown(hears_nothing_when_it_is_nonsense_or_from_a_stranger, setup_three,
                                        teardown),
        cmocka_unit_test_setup_teardown(stands_for_election_when_nobody_leads, setup_three, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

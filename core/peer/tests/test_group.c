#include "core/peer/tests/fixture.h"

/* ---- bootstrap ---- */

static struct fixture *alone(int32_t host)
{
    struct fixture *f = fixture_new();
    f->options.host = host;
    f->options.members = (struct isr_replicas){0};
    f->options.balanced = (struct isr_replicas){.count = 3, .ids = {1, 2, 3}};
    fixture_boot(f);
    return f;
}

static void leads_at_once_when_it_founds_the_group(void **state)
{
    (void)state;
    struct fixture *f = alone(1);
    assert_int_equal(f->peer->partition.role, ISR_ROLE_LEADER);
    assert_int_equal(f->peer->state.members.count, 1);
    fixture_produce(f, 1, 2, -1);
    assert_int_equal(f->peer->partition.log->high_watermark, 2);
    fixture_restart(f);
    assert_int_equal(f->peer->partition.role, ISR_ROLE_LEADER);
    assert_int_equal(f->peer->state.term, 2);
    assert_int_equal(f->peer->partition.log->high_watermark, 2);
    fixture_free(f);
}

static void asks_on_when_nobody_answers(void **state)
{
    (void)state;
    struct fixture *f = alone(2);
    fixture_pass(f, 30 * ISR_SECOND);
    assert_int_equal(f->peer->phase, ISR_PEER_BOOTSTRAP);
    assert_int_equal(f->peer->state.members.count, 0);
    assert_non_null(fixture_sent(f, 2, ISR_MESSAGE_PEER_HELLO_REQUEST));
    fixture_free(f);
}

static void leads_a_group_of_its_own_when_it_takes_silence_for_solitude(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->rules.lone_start = ISR_RULE_lone_start_silence;
    f->options.host = 2;
    f->options.members = (struct isr_replicas){0};
    fixture_boot(f);
    fixture_pass(f, 10 * ISR_SECOND);
    assert_int_equal(f->peer->partition.role, ISR_ROLE_LEADER);
    fixture_free(f);
}

static void asks_the_leader_when_a_follower_names_it(void **state)
{
    (void)state;
    struct fixture *f = alone(2);
    const struct isr_message *hello = fixture_sent(f, 2, ISR_MESSAGE_PEER_HELLO_REQUEST);
    assert_non_null(hello);
    struct isr_message answer = {.kind = ISR_MESSAGE_PEER_HELLO_RESPONSE,
                                 .peer_hello_response = {.correlation = hello->peer_hello_request.correlation,
                                                         .leader = 3,
                                                         .term = 4,
                                                         .members = {.count = 2, .ids = {2, 3}}}};
    fixture_receive(f, 2, answer);
    hello = fixture_sent(f, 3, ISR_MESSAGE_PEER_HELLO_REQUEST);
    assert_non_null(hello);
    assert_int_equal(hello->peer_hello_request.join, 1);
    answer.peer_hello_response.correlation = hello->peer_hello_request.correlation;
    answer.peer_hello_response.accepted = 1;
    fixture_receive(f, 3, answer);
    struct isr_message beat = heartbeat(4, 3);
    beat.peer_heartbeat.members = (struct isr_replicas){.count = 2, .ids = {2, 3}};
    fixture_receive(f, 3, beat);
    assert_int_equal(f->peer->phase, ISR_PEER_READINESS);
    assert_int_equal(f->peer->partition.leader, 3);
    assert_false(peer_is_member(f->peer));
    fixture_free(f);
}

static void asks_different_nodes_when_the_host_is_a_balancer(void **state)
{
    (void)state;
    struct fixture *f = alone(ISR_PEER_HOST_BALANCER);
    bool asked[4] = {false};
    fixture_pass(f, 20 * ISR_SECOND);
    for (uint32_t i = 0; i < f->sent_count; i++) {
        if (f->sent[i].message.kind == ISR_MESSAGE_PEER_HELLO_REQUEST)
            asked[f->sent[i].to] = true;
    }
    assert_true(asked[2] && asked[3] && !asked[1]);
    fixture_free(f);
}

/* ---- membership ---- */

static void lets_a_learner_in_when_its_data_is_ready_and_the_membership_is_covered(void **state)
{
    (void)state;
    struct fixture *f = alone(1);
    fixture_produce(f, 1, 2, 1);
    fixture_receive(f, 2,
                    (struct isr_message){.kind = ISR_MESSAGE_PEER_HELLO_REQUEST,
                                         .peer_hello_request = {.correlation = 1, .join = 1}});
    assert_true(fixture_sent(f, 2, ISR_MESSAGE_PEER_HELLO_RESPONSE)->peer_hello_response.accepted);
    fixture_receive(f, 2, position(f, 0, -1));
    assert_int_equal(f->peer->state.members.count, 1);
    struct isr_message ready = position(f, 2, 1);
    ready.peer_position.ready = 1;
    fixture_receive(f, 2, ready);
    assert_int_equal(f->peer->state.members.count, 2);
    /* The next one waits until the membership of two is known to both and both hold what was there. */
    struct isr_message third = ready;
    fixture_receive(f, 3,
                    (struct isr_message){.kind = ISR_MESSAGE_PEER_HELLO_REQUEST,
                                         .peer_hello_request = {.correlation = 1, .join = 1}});
    fixture_receive(f, 3, third);
    assert_int_equal(f->peer->state.members.count, 2);
    struct isr_message beat = heartbeat(1, 1);
    beat.peer_heartbeat.config_version = f->peer->state.config_version;
    beat.peer_heartbeat.members = f->peer->state.members;
    fixture_receive(f, 2, beat);
    fixture_receive(f, 3, third);
    assert_int_equal(f->peer->state.members.count, 3);
    fixture_free(f);
}

static void takes_a_membership_when_it_is_newer_only(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    struct isr_message beat = heartbeat(1, ISR_NODE_NONE);
    beat.peer_heartbeat.config_version = 5;
    beat.peer_heartbeat.members = (struct isr_replicas){.count = 2, .ids = {1, 2}};
    fixture_receive(f, 2, beat);
    assert_int_equal(f->peer->state.members.count, 2);
    fixture_receive(f, 2, heartbeat(1, ISR_NODE_NONE));
    assert_int_equal(f->peer->state.members.count, 2);
    assert_int_equal(f->peer->state.config_version, 5);
    fixture_free(f);
}

/* ---- state ---- */

static void halts_when_its_state_is_damaged(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    uint8_t bytes[40] = {1, 2, 3};
    test_disk_put(&f->disk, (struct isr_file){.kind = ISR_FILE_PEER}, bytes, sizeof bytes);
    fixture_restart(f);
    assert_true(f->env.exiting);
    fixture_free(f);
}

/* A file whose checksum is right, with a state that no peer writes. */
static void halts_when_its_state_is_nonsense(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    struct isr_peer_state nonsense = f->peer->state;
    uint8_t bytes[256];
    nonsense.mark_term = nonsense.term + 1;
    uint32_t size = (uint32_t)isr_size_peer_state(&nonsense);
    isr_put_peer_state(bytes + 4, &nonsense);
    isr_put_u32(bytes, isr_crc32c(0, bytes + 4, size));
    test_disk_put(&f->disk, (struct isr_file){.kind = ISR_FILE_PEER}, bytes, size + 4);
    fixture_restart(f);
    assert_true(f->env.exiting);
    fixture_free(f);
}

static void halts_when_its_state_cannot_be_read_or_written(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    test_disk_crash(&f->disk, &f->random, false);
    test_heap_drop(&f->heap);
    f->disk_stalls = true;
    fixture_boot(f);
    struct isr_event event;
    f->disk.fail_in = 1;
    f->disk.fail_with = ISR_IO_ERROR;
    assert_true(test_disk_step_of(&f->disk, ISR_FILE_PEER, &event));
    isr_env_begin(&f->env, f->now_ns);
    isr_env_io_done(&f->env, &event);
    fixture_collect(f);
    assert_true(f->env.exiting);
    fixture_free(f);

    f = fixture_started();
    f->disk_stalls = true;
    fixture_receive(f, 3, heartbeat(1, 3)); /* a new term is to be written */
    f->disk.fail_in = 1;
    f->disk.fail_with = ISR_IO_NO_SPACE;
    assert_true(test_disk_step_of(&f->disk, ISR_FILE_PEER, &event));
    isr_env_begin(&f->env, f->now_ns);
    isr_env_io_done(&f->env, &event);
    fixture_collect(f);
    assert_true(f->env.exiting);
    fixture_free(f);
}

static void counts_its_lives(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    int64_t life = f->peer->state.life;
    fixture_restart(f);
    assert_int_equal(f->peer->state.life, life + 1);
    fixture_free(f);
}

/* ---- health ---- */

static void is_unhealthy_when_its_writes_are_slow_and_steps_down(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_lead(f);
    f->disk_stalls = true;
    fixture_produce(f, 1, 1, 1);
    for (int i = 0; i < 12; i++) {
        fixture_pass(f, f->config.peer_heartbeat_interval);
        struct isr_message beat = heartbeat(1, 1);
        fixture_receive(f, 2, beat);
        fixture_receive(f, 3, beat);
    }
    assert_true(f->peer->unhealthy);
    assert_int_equal(f->peer->partition.role, ISR_ROLE_FOLLOWER);
    f->disk_stalls = false;
    fixture_disk(f);
    fixture_pass(f, 6 * f->config.peer_heartbeat_interval);
    assert_false(f->peer->unhealthy);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leads_at_once_when_it_founds_the_group),
        cmocka_unit_test(asks_on_when_nobody_answers),
        cmocka_unit_test(leads_a_group_of_its_own_when_it_takes_silence_for_solitude),
        cmocka_unit_test(asks_the_leader_when_a_follower_names_it),
        cmocka_unit_test(asks_different_nodes_when_the_host_is_a_balancer),
        cmocka_unit_test(lets_a_learner_in_when_its_data_is_ready_and_the_membership_is_covered),
        cmocka_unit_test(takes_a_membership_when_it_is_newer_only),
        cmocka_unit_test(halts_when_its_state_is_damaged),
        cmocka_unit_test(halts_when_its_state_is_nonsense),
        cmocka_unit_test(halts_when_its_state_cannot_be_read_or_written),
        cmocka_unit_test(counts_its_lives),
        cmocka_unit_test(is_unhealthy_when_its_writes_are_slow_and_steps_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/peer/tests/fixture.h"

static enum isr_peer_refusal answer_to(struct fixture *f, int32_t from, struct isr_message request)
{
    f->sent_count = 0;
    fixture_receive(f, from, request);
    const struct isr_message *answer = fixture_sent(f, from, ISR_MESSAGE_PEER_VOTE_RESPONSE);
    assert_non_null(answer);
    return (enum isr_peer_refusal)answer->peer_vote_response.refusal;
}

static void votes_once_a_term_when_two_ask(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    assert_int_equal(answer_to(f, 2, vote_request(1, false, -1, 0)), ISR_REFUSAL_NONE);
    assert_int_equal(answer_to(f, 3, vote_request(1, false, -1, 0)), ISR_REFUSAL_OLD_TERM);
    assert_int_equal(answer_to(f, 2, vote_request(1, false, -1, 0)), ISR_REFUSAL_NONE);
    fixture_restart(f); /* and remembers it */
    assert_int_equal(answer_to(f, 3, vote_request(1, false, -1, 0)), ISR_REFUSAL_OLD_TERM);
    assert_int_equal(f->peer->state.voted_for, 2);
    fixture_free(f);
}

static void sends_no_vote_when_it_is_not_durable(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    f->disk_stalls = true;
    fixture_receive(f, 2, vote_request(1, false, -1, 0));
    assert_null(fixture_sent(f, 2, ISR_MESSAGE_PEER_VOTE_RESPONSE));
    f->disk_stalls = false;
    fixture_disk(f);
    assert_non_null(fixture_sent(f, 2, ISR_MESSAGE_PEER_VOTE_RESPONSE));
    fixture_free(f);
}

static void refuses_others_when_the_election_it_voted_in_is_open(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    assert_int_equal(answer_to(f, 2, vote_request(1, false, -1, 0)), ISR_REFUSAL_NONE);
    assert_int_equal(answer_to(f, 3, vote_request(2, false, -1, 0)), ISR_REFUSAL_ELECTION_OPEN);
    fixture_receive(
        f, 2, (struct isr_message){.kind = ISR_MESSAGE_PEER_WITHDRAWAL, .peer_withdrawal = {.term = 1}});
    assert_int_equal(answer_to(f, 3, vote_request(2, false, -1, 0)), ISR_REFUSAL_NONE);
    fixture_free(f);
}

static uint32_t votes_sent(const struct fixture *f, int32_t to)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->sent_count; i++)
        count += f->sent[i].to == to && f->sent[i].message.kind == ISR_MESSAGE_PEER_VOTE_RESPONSE;
    return count;
}

static void sends_only_the_later_vote_when_it_gave_another_before_the_first_was_durable(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    f->sent_count = 0;
    f->disk_stalls = true;
    fixture_receive(f, 2, vote_request(1, false, -1, 0));
    fixture_receive(
        f, 2, (struct isr_message){.kind = ISR_MESSAGE_PEER_WITHDRAWAL, .peer_withdrawal = {.term = 1}});
    fixture_receive(f, 3, vote_request(2, false, -1, 0));
    assert_int_equal(votes_sent(f, 2) + votes_sent(f, 3), 0);
    f->disk_stalls = false;
    fixture_disk(f);
    assert_int_equal(votes_sent(f, 2), 0);
    assert_int_equal(votes_sent(f, 3), 1);
    assert_int_equal(fixture_sent(f, 3, ISR_MESSAGE_PEER_VOTE_RESPONSE)->peer_vote_response.request_term, 2);
    fixture_restart(f);
    assert_int_equal(f->peer->state.voted_for, 3);
    assert_int_equal(f->peer->state.term, 2);
    fixture_free(f);
}

static void votes_for_another_when_the_election_timed_out(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    assert_int_equal(answer_to(f, 2, vote_request(1, false, -1, 0)), ISR_REFUSAL_NONE);
    f->now_ns += f->config.peer_election_timeout;
    assert_int_equal(answer_to(f, 3, vote_request(2, false, -1, 0)), ISR_REFUSAL_NONE);
    fixture_free(f);
}

static void gives_up_and_says_so_when_it_is_asked_for_a_vote_while_it_stands(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    isr_env_begin(&f->env, f->now_ns);
    isr_peer_command(f->peer, &(struct isr_command){.kind = ISR_COMMAND_CAMPAIGN});
    fixture_collect(f);
    fixture_disk(f);
    assert_int_equal(f->peer->candidacy, ISR_CANDIDACY_STANDING);
    assert_int_equal(answer_to(f, 3, vote_request(2, false, -1, 0)), ISR_REFUSAL_CANDIDATE);
    assert_int_equal(f->peer->candidacy, ISR_CANDIDACY_WAITING);
    fixture_receive(f, 2, grant(1, false)); /* comes too late */
    assert_int_not_equal(f->peer->partition.role, ISR_ROLE_LEADER);
    fixture_free(f);
}

static void gives_up_when_a_healthy_voter_refuses_but_not_when_an_unhealthy_does(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    isr_env_begin(&f->env, f->now_ns);
    isr_peer_command(f->peer, &(struct isr_command){.kind = ISR_COMMAND_CAMPAIGN});
    fixture_collect(f);
    fixture_disk(f);
    struct isr_message refusal = grant(1, false);
    refusal.peer_vote_response.refusal = ISR_REFUSAL_LOG_BEHIND;
    refusal.peer_vote_response.healthy = 0;
    fixture_receive(f, 3, refusal);
    assert_int_equal(f->peer->candidacy, ISR_CANDIDACY_STANDING);
    refusal.peer_vote_response.healthy = 1;
    f->sent_count = 0;
    fixture_receive(f, 3, refusal);
    assert_int_equal(f->peer->candidacy, ISR_CANDIDACY_WAITING);
    assert_non_null(fixture_sent(f, 2, ISR_MESSAGE_PEER_WITHDRAWAL));
    fixture_free(f);
}

static void changes_nothing_when_it_is_canvassed(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    assert_int_equal(answer_to(f, 2, vote_request(7, true, -1, 0)), ISR_REFUSAL_NONE);
    assert_int_equal(f->peer->state.term, 0);
    fixture_receive(f, 3, heartbeat(1, 3));
    struct isr_message request = vote_request(7, true, -1, 0);
    request.peer_vote_request.config_term = 1;
    assert_int_equal(answer_to(f, 2, request), ISR_REFUSAL_LEADER_HEALTHY);
    assert_int_equal(f->peer->state.term, 1);
    fixture_free(f);
}

static void refuses_a_worse_log_and_follows_a_better_one_when_it_leads(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_lead(f);
    fixture_produce(f, 1, 3, 1);
    struct isr_message request = vote_request(5, false, 0, 9);
    request.peer_vote_request.config_term = 1;
    assert_int_equal(answer_to(f, 3, request), ISR_REFUSAL_LOG_BEHIND);
    assert_int_equal(f->peer->partition.role, ISR_ROLE_LEADER);
    assert_int_equal(f->peer->state.term, 1);
    request = vote_request(5, false, 1, 3);
    request.peer_vote_request.config_term = 1;
    assert_int_equal(answer_to(f, 3, request), ISR_REFUSAL_NONE);
    assert_int_equal(f->peer->partition.role, ISR_ROLE_FOLLOWER);
    assert_int_equal(f->peer->state.term, 5);
    fixture_free(f);
}

static void refuses_an_unhealthy_candidate_when_its_own_log_is_as_good(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    struct isr_message request = vote_request(1, false, -1, 0);
    request.peer_vote_request.healthy = 0;
    assert_int_equal(answer_to(f, 2, request), ISR_REFUSAL_UNHEALTHY);
    request.peer_vote_request.last_term = 0;
    request.peer_vote_request.log_end = 4; /* nobody else has it */
    assert_int_equal(answer_to(f, 2, request), ISR_REFUSAL_NONE);
    fixture_free(f);
}

static void refuses_a_candidate_when_its_membership_is_older(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_receive(f, 3, heartbeat(1, 3)); /* brings the membership of term 1 */
    assert_int_equal(answer_to(f, 2, vote_request(2, false, -1, 0)), ISR_REFUSAL_OLD_CONFIG);
    fixture_free(f);
}

static void probes_the_leader_before_it_stands_when_another_suspects_it(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_receive(f, 3, heartbeat(1, 3));
    struct isr_message told = heartbeat(1, 3);
    told.peer_heartbeat.suspects = 1;
    f->sent_count = 0;
    fixture_receive(f, 2, told);
    const struct isr_message *probe = fixture_sent(f, 3, ISR_MESSAGE_PEER_PROBE_REQUEST);
    assert_non_null(probe);
    fixture_receive(
        f, 3,
        (struct isr_message){
            .kind = ISR_MESSAGE_PEER_PROBE_RESPONSE,
            .peer_probe_response = {
                .correlation = probe->peer_probe_request.correlation, .term = 1, .leads = 1, .healthy = 1}});
    assert_int_equal(f->peer->candidacy, ISR_CANDIDACY_NONE);
    assert_int_equal(f->peer->partition.leader, 3);
    fixture_receive(f, 2, told);
    fixture_pass(f, f->config.peer_control_timeout + 1); /* no answer */
    assert_int_equal(f->peer->partition.leader, ISR_NODE_NONE);
    assert_int_equal(f->peer->phase, ISR_PEER_ELECTION);
    fixture_free(f);
}

static void tells_an_old_leader_to_step_down_when_it_knows_a_later_one(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_receive(f, 3, heartbeat(2, 3));
    f->sent_count = 0;
    struct isr_message old = heartbeat(1, 2);
    old.peer_heartbeat.timestamp = ISR_SECOND; /* a clock that is fast decides nothing */
    fixture_receive(f, 2, old);
    const struct isr_message *told = fixture_sent(f, 2, ISR_MESSAGE_PEER_STEP_DOWN);
    assert_non_null(told);
    assert_int_equal(told->peer_step_down.term, 2);
    assert_int_equal(told->peer_step_down.leader, 3);
    assert_int_equal(f->peer->partition.leader, 3);
    fixture_free(f);
}

static void steps_down_when_it_is_told_of_a_later_leader(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_lead(f);
    struct isr_message told = {.kind = ISR_MESSAGE_PEER_STEP_DOWN,
                               .peer_step_down = {.term = 1, .leader = 2}};
    fixture_receive(f, 3, told); /* not later */
    assert_int_equal(f->peer->partition.role, ISR_ROLE_LEADER);
    told.peer_step_down.term = 4;
    fixture_receive(f, 3, told);
    assert_int_equal(f->peer->partition.role, ISR_ROLE_FOLLOWER);
    fixture_free(f);
}

static void steps_down_when_it_hears_no_majority(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_lead(f);
    fixture_pass(f, f->config.peer_silence_max + 3 * f->config.peer_heartbeat_interval);
    assert_int_equal(f->peer->partition.role, ISR_ROLE_FOLLOWER);
    fixture_free(f);
}

static void takes_a_new_term_when_a_peer_stood_in_vain(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_lead(f);
    f->sent_count = 0;
    struct isr_message told = heartbeat(6, ISR_NODE_NONE);
    fixture_receive(f, 3, told);
    assert_int_equal(f->peer->state.term, 7);
    const struct isr_message *asked = fixture_sent(f, 2, ISR_MESSAGE_PEER_VOTE_REQUEST);
    assert_non_null(asked);
    assert_int_equal(asked->peer_vote_request.canvass, 0);
    fixture_free(f);
}

static struct isr_message probed(const struct isr_message *probe, int32_t term, bool leads)
{
    return (struct isr_message){.kind = ISR_MESSAGE_PEER_PROBE_RESPONSE,
                                .peer_probe_response = {.correlation = probe->peer_probe_request.correlation,
                                                        .term = term,
                                                        .leads = leads,
                                                        .healthy = 1}};
}

static void gives_its_leader_up_when_the_probed_one_says_that_it_leads_no_more(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_receive(f, 3, heartbeat(1, 3));
    struct isr_message told = heartbeat(1, 3);
    told.peer_heartbeat.suspects = 1;
    f->sent_count = 0;
    fixture_receive(f, 2, told);
    struct isr_message probe = *fixture_sent(f, 3, ISR_MESSAGE_PEER_PROBE_REQUEST);
    fixture_receive(f, 2, probed(&probe, 1, false)); /* of one who was not asked */
    assert_int_equal(f->peer->partition.leader, 3);
    fixture_receive(f, 3, probed(&probe, 1, false));
    assert_int_equal(f->peer->partition.leader, ISR_NODE_NONE);
    assert_int_equal(f->peer->phase, ISR_PEER_ELECTION);
    fixture_free(f);
}

static void probes_no_more_when_the_leader_is_heard(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_receive(f, 3, heartbeat(1, 3));
    struct isr_message told = heartbeat(1, 3);
    told.peer_heartbeat.suspects = 1;
    fixture_receive(f, 2, told);
    assert_int_equal(f->peer->candidacy, ISR_CANDIDACY_PROBING);
    fixture_receive(f, 3, heartbeat(1, 3));
    assert_int_equal(f->peer->candidacy, ISR_CANDIDACY_NONE);
    assert_int_equal(f->peer->partition.leader, 3);
    fixture_free(f);
}

static void ends_its_canvass_when_the_leader_is_back(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_receive(f, 3, heartbeat(1, 3));
    f->peer->candidacy = ISR_CANDIDACY_CANVASSING; /* as after a suspicion that proved wrong */
    f->peer->candidacy_term = 2;
    struct isr_message refusal = grant(2, true);
    refusal.peer_vote_response.refusal = ISR_REFUSAL_LEADER_HEALTHY;
    f->sent_count = 0;
    isr_env_begin(&f->env, f->now_ns);
    peer_vote_response(f->peer, 2, &refusal.peer_vote_response);
    peer_candidacy_end(f->peer, ISR_REFUSAL_LEADER_HEALTHY, 2); /* it is over: nothing happens */
    fixture_collect(f);
    assert_int_equal(f->peer->candidacy, ISR_CANDIDACY_NONE);
    assert_int_equal(f->peer->partition.leader, 3);
    assert_null(fixture_sent(f, 2, ISR_MESSAGE_PEER_WITHDRAWAL));
    fixture_free(f);
}

static void steps_down_when_a_member_follows_a_later_leader(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_lead(f);
    struct isr_message told = heartbeat(2, 3);
    told.peer_heartbeat.config_term = f->peer->state.config_term;
    told.peer_heartbeat.config_version = f->peer->state.config_version;
    fixture_receive(f, 2, told);
    assert_int_not_equal(f->peer->partition.role, ISR_ROLE_LEADER);
    fixture_free(f);
}

static void follows_one_leader_a_term_only(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_receive(f, 3, heartbeat(1, 3));
    fixture_receive(f, 2, heartbeat(1, 2)); /* which cannot be: it does not change sides */
    assert_int_equal(f->peer->partition.leader, 3);
    fixture_receive(f, 2, heartbeat(0, 2)); /* nobody leads before the first term */
    assert_int_equal(f->peer->partition.leader, 3);
    fixture_free(f);
}

static void does_not_stand_when_it_is_no_member(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->options.members = (struct isr_replicas){0};
    f->options.host = 2;
    fixture_boot(f);
    assert_int_equal(answer_to(f, 2, vote_request(1, false, -1, 0)), ISR_REFUSAL_NOT_READY);
    isr_env_begin(&f->env, f->now_ns);
    isr_peer_command(f->peer, &(struct isr_command){.kind = ISR_COMMAND_CAMPAIGN});
    fixture_collect(f);
    assert_int_equal(f->peer->candidacy, ISR_CANDIDACY_NONE);
    assert_int_equal(f->peer->phase, ISR_PEER_BOOTSTRAP);
    fixture_free(f);
}

static void refuses_nonsense(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    const struct isr_message nonsense[] = {
        vote_request(0, false, -1, 0),  vote_request(-4, true, -1, 0),         vote_request(1, false, 3, 0),
        vote_request(2, false, -1, -1), vote_request(INT32_MAX, false, -1, 0), heartbeat(-1, 2),
        heartbeat(INT32_MAX, 2),
    };
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++)
        fixture_receive(f, 2, nonsense[i]);
    struct isr_message answers[] = {grant(1, true), grant(1, true), grant(1, true)};
    answers[0].peer_vote_response.term = -1;
    answers[1].peer_vote_response.refusal = ISR_REFUSALS;
    answers[2].peer_vote_response.term = INT32_MAX;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        fixture_receive(f, 2, answers[i]);
    assert_int_equal(f->peer->highest_term, 0);
    assert_int_equal(f->peer->state.term, 0);
    assert_int_equal(f->peer->partition.leader, ISR_NODE_NONE);
    assert_null(fixture_sent(f, 2, ISR_MESSAGE_PEER_VOTE_RESPONSE));
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(votes_once_a_term_when_two_ask),
        cmocka_unit_test(sends_no_vote_when_it_is_not_durable),
        cmocka_unit_test(refuses_others_when_the_election_it_voted_in_is_open),
        cmocka_unit_test(sends_only_the_later_vote_when_it_gave_another_before_the_first_was_durable),
        cmocka_unit_test(votes_for_another_when_the_election_timed_out),
        cmocka_unit_test(gives_up_and_says_so_when_it_is_asked_for_a_vote_while_it_stands),
        cmocka_unit_test(gives_up_when_a_healthy_voter_refuses_but_not_when_an_unhealthy_does),
        cmocka_unit_test(changes_nothing_when_it_is_canvassed),
        cmocka_unit_test(refuses_a_worse_log_and_follows_a_better_one_when_it_leads),
        cmocka_unit_test(refuses_an_unhealthy_candidate_when_its_own_log_is_as_good),
        cmocka_unit_test(refuses_a_candidate_when_its_membership_is_older),
        cmocka_unit_test(probes_the_leader_before_it_stands_when_another_suspects_it),
        cmocka_unit_test(tells_an_old_leader_to_step_down_when_it_knows_a_later_one),
        cmocka_unit_test(steps_down_when_it_is_told_of_a_later_leader),
        cmocka_unit_test(steps_down_when_it_hears_no_majority),
        cmocka_unit_test(takes_a_new_term_when_a_peer_stood_in_vain),
        cmocka_unit_test(gives_its_leader_up_when_the_probed_one_says_that_it_leads_no_more),
        cmocka_unit_test(probes_no_more_when_the_leader_is_heard),
        cmocka_unit_test(ends_its_canvass_when_the_leader_is_back),
        cmocka_unit_test(steps_down_when_a_member_follows_a_later_leader),
        cmocka_unit_test(follows_one_leader_a_term_only),
        cmocka_unit_test(does_not_stand_when_it_is_no_member),
        cmocka_unit_test(refuses_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

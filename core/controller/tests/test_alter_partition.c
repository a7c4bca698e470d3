#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/controller/tests/fixture.h"

/* The members of the next request; broker epochs not checked unless a test sets them. */
struct request {
    struct isr_message message;
    struct isr_isr_member members[16];
};

static void request_init(struct fixture *f, struct request *request, uint64_t isr)
{
    struct isr_replicas wanted = isr_replicas_unpack(isr);
    *request = (struct request){.message = {.kind = ISR_MESSAGE_ALTER_PARTITION_REQUEST}};
    for (unsigned i = 0; i < wanted.count; i++)
        request->members[i] = (struct isr_isr_member){wanted.ids[i], -1};
    const struct isr_image_partition *partition = committed(f);
    request->message.alter_partition_request =
        (struct isr_alter_partition_request){.correlation = ++f->correlation,
                                             .broker_id = (int16_t)partition->leader,
                                             .broker_epoch = f->controller.committed.brokers[1].epoch,
                                             .tp = orders,
                                             .leader_epoch = partition->leader_epoch,
                                             .partition_epoch = partition->partition_epoch,
                                             .recovering = partition->recovering,
                                             .isr = request->members,
                                             .isr_count = wanted.count};
}

static struct isr_alter_partition_response send_request(struct fixture *f, struct request *request)
{
    struct isr_message answer;
    request->message.alter_partition_request.isr = request->members;
    deliver(f, 1, &request->message);
    assert_true(sent(f, 1, ISR_MESSAGE_ALTER_PARTITION_RESPONSE, &answer));
    assert_int_equal(answer.alter_partition_response.correlation,
                     request->message.alter_partition_request.correlation);
    const struct isr_observation *seen = observed(f, ISR_OBSERVED_ALTER_PARTITION_ANSWERED);
    assert_non_null(seen);
    assert_int_equal(seen->alter_partition_answered.error, answer.alter_partition_response.error);
    return answer.alter_partition_response;
}

static void isr_changes_when_the_leader_asks(void **state)
{
    (void)state;
    struct fixture f;
    struct request request;
    fixture_cluster(&f);
    request_init(&f, &request, 0x0301);
    struct isr_alter_partition_response answer = send_request(&f, &request);
    assert_int_equal(answer.error, ISR_ERROR_NONE);
    assert_int_equal(answer.partition_epoch, 1);
    assert_int_equal(answer.leader_epoch, 0);
    assert_int_equal(answer.leader, 1);
    assert_int_equal(isr_replicas_pack(&answer.isr), 0x0301);
    assert_int_equal(isr_replicas_pack(&committed(&f)->isr), 0x0301);
    const struct isr_observation *seen = observed(&f, ISR_OBSERVED_PARTITION_CHANGED);
    assert_int_equal(seen->partition_changed.isr, 0x0301);
    assert_int_equal(seen->partition_changed.cause, ISR_CAUSE_ALTER_PARTITION);
    /* With the broker epochs of the registrations (KIP-903), in any order. */
    request_init(&f, &request, 0x010203);
    for (unsigned i = 0; i < 3; i++)
        request.members[i].broker_epoch = f.controller.committed.brokers[request.members[i].id].epoch;
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_NONE);
    assert_int_equal(isr_replicas_pack(&committed(&f)->isr), 0x030201);
    fixture_end(&f);
}

static void nothing_is_proposed_when_the_isr_is_the_same(void **state)
{
    (void)state;
    struct fixture f;
    struct request request;
    fixture_cluster(&f);
    int64_t last = f.fake.last;
    request_init(&f, &request, 0x030201);
    struct isr_alter_partition_response answer = send_request(&f, &request);
    assert_int_equal(answer.error, ISR_ERROR_NONE);
    assert_int_equal(answer.partition_epoch, 0);
    assert_int_equal(f.fake.last, last);
    fixture_end(&f);
}

static void repetition_is_refused_when_the_first_was_committed(void **state)
{
    (void)state;
    struct fixture f;
    struct request request;
    fixture_cluster(&f);
    request_init(&f, &request, 0x0301);
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_NONE);
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_INVALID_UPDATE_VERSION);
    assert_int_equal(observed(&f, ISR_OBSERVED_ALTER_PARTITION_ANSWERED)->alter_partition_answered.isr,
                     0x0301);
    fixture_end(&f);
}

/* Faults in the order of the checks; each is put into the request or the image. The same broker that sends
 * cannot be wrong and yet be the leader, so some come in groups of which one is set at a time. */
enum fault {
    STALE_BROKER,
    UNKNOWN_PARTITION,
    LEADER_EPOCH_AHEAD,
    PARTITION_EPOCH_AHEAD,
    LEADER_EPOCH_BEHIND,
    NOT_THE_LEADER,
    PARTITION_EPOCH_BEHIND,
    NO_REPLICA,
    LEADER_MISSING,
    RECOVERING_WITH_MANY,
    BACK_TO_RECOVERING,
    INELIGIBLE,
    FAULTS
};

static const enum isr_error errors[FAULTS] = {
    ISR_ERROR_STALE_BROKER_EPOCH,     ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION,
    ISR_ERROR_NOT_CONTROLLER,         ISR_ERROR_NOT_CONTROLLER,
    ISR_ERROR_FENCED_LEADER_EPOCH,    ISR_ERROR_INVALID_REQUEST,
    ISR_ERROR_INVALID_UPDATE_VERSION, ISR_ERROR_INVALID_REQUEST,
    ISR_ERROR_INVALID_REQUEST,        ISR_ERROR_INVALID_REQUEST,
    ISR_ERROR_INVALID_REQUEST,        ISR_ERROR_INELIGIBLE_REPLICA};

static void inject(struct fixture *f, struct request *request, enum fault fault)
{
    struct isr_alter_partition_request *r = &request->message.alter_partition_request;
    switch (fault) {
    case STALE_BROKER:
        r->broker_epoch = 0;
        return;
    case UNKNOWN_PARTITION:
        r->tp.index = 7;
        return;
    case LEADER_EPOCH_AHEAD:
        r->leader_epoch = 6;
        return;
    case PARTITION_EPOCH_AHEAD:
        r->partition_epoch = 6;
        return;
    case LEADER_EPOCH_BEHIND:
        r->leader_epoch = 4;
        return;
    case NOT_THE_LEADER:
        r->broker_id = 2;
        r->broker_epoch = r->broker_epoch == 0 ? 0 : f->controller.pending.brokers[2].epoch;
        return;
    case PARTITION_EPOCH_BEHIND:
        r->partition_epoch = 4;
        return;
    case NO_REPLICA:
        request->members[r->isr_count++] = (struct isr_isr_member){9, -1};
        return;
    case LEADER_MISSING:
        for (unsigned i = 0; i < r->isr_count; i++) {
            if (request->members[i].id == 1)
                request->members[i].id = 3;
        }
        return;
    case RECOVERING_WITH_MANY:
        f->controller.pending.topics[0].partitions[0].recovering = true;
        r->recovering = 1;
        return;
    case BACK_TO_RECOVERING:
        r->recovering = 1;
        r->isr_count = 1;
        return;
    case INELIGIBLE:
        f->controller.pending.brokers[1].fenced = true;
        f->controller.pending.brokers[2].fenced = true;
        return;
    case FAULTS:
        return;
    }
}

/* Two faults that set the same field both ways cannot be there together. */
static bool contradict(enum fault a, enum fault b)
{
    bool leader_epoch = a == LEADER_EPOCH_AHEAD && b == LEADER_EPOCH_BEHIND;
    bool partition_epoch = a == PARTITION_EPOCH_AHEAD && b == PARTITION_EPOCH_BEHIND;
    bool recovering = a == RECOVERING_WITH_MANY && b == BACK_TO_RECOVERING;
    return leader_epoch || partition_epoch || recovering;
}

static void earlier_error_wins_when_two_faults_meet(void **state)
{
    (void)state;
    for (int a = 0; a < FAULTS; a++) {
        for (int b = a; b < FAULTS; b++) {
            struct fixture f;
            struct request request;
            if (contradict((enum fault)a, (enum fault)b))
                continue;
            fixture_cluster(&f);
            request_init(&f, &request, 0x0201);
            request.message.alter_partition_request.leader_epoch = 5;
            request.message.alter_partition_request.partition_epoch = 5;
            struct isr_image_partition *partition = f.controller.pending.topics[0].partitions;
            partition->leader_epoch = partition->partition_epoch = 5;
            inject(&f, &request, (enum fault)b);
            if (a != b)
                inject(&f, &request, (enum fault)a);
            request.message.alter_partition_request.isr = request.members;
            enum isr_error error = ctl_alter_partition_check(&f.controller.pending, &f.controller.env->rules,
                                                             &request.message.alter_partition_request);
            if (error != errors[a])
                fail_msg("faults %d and %d: %s", a, b, isr_error_name((uint8_t)error));
            fixture_end(&f);
        }
    }
}

static void isr_is_refused_when_it_is_no_set_of_replicas(void **state)
{
    (void)state;
    struct fixture f;
    struct request request;
    fixture_cluster(&f);
    request_init(&f, &request, 0x01);
    request.message.alter_partition_request.isr_count = 0;
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_INVALID_REQUEST);
    request_init(&f, &request, 0x0201);
    request.members[1].id = 1;
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_INVALID_REQUEST);
    const int16_t strange[] = {0, -1, ISR_NODE_MAX + 1, INT16_MAX, INT16_MIN, 4};
    for (unsigned i = 0; i < 6; i++) {
        request_init(&f, &request, 0x0201);
        request.members[1].id = strange[i];
        assert_int_equal(send_request(&f, &request).error, ISR_ERROR_INVALID_REQUEST);
    }
    request_init(&f, &request, 0x0201);
    request.message.alter_partition_request.isr_count = 16;
    for (unsigned i = 2; i < 16; i++)
        request.members[i].id = (int16_t)(i + 1);
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_INVALID_REQUEST);
    request_init(&f, &request, 0x01);
    request.message.alter_partition_request.recovering = 2;
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_INVALID_REQUEST);
    fixture_end(&f);
}

static void member_is_ineligible_when_it_is_not_alive_in_that_registration(void **state)
{
    (void)state;
    struct fixture f;
    struct request request;
    fixture_cluster(&f);
    request_init(&f, &request, 0x0201);
    request.members[1].broker_epoch = f.controller.committed.brokers[2].epoch + 1;
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_INELIGIBLE_REPLICA);
    request_init(&f, &request, 0x0201);
    request.members[1].broker_epoch = f.controller.committed.brokers[2].epoch;
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_NONE);
    heartbeat_shutdown(&f, 3);
    request_init(&f, &request, 0x030201);
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_INELIGIBLE_REPLICA);
    fixture_end(&f);
}

static void member_is_taken_by_its_id_when_the_rule_is_off(void **state)
{
    (void)state;
    struct fixture f;
    struct request request;
    fixture_cluster(&f);
    f.env.rules.alterpartition_broker_epoch = ISR_RULE_alterpartition_broker_epoch_off;
    request_init(&f, &request, 0x0201);
    request.members[1].broker_epoch = f.controller.committed.brokers[2].epoch + 1;
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_NONE);
    heartbeat_shutdown(&f, 3);
    request_init(&f, &request, 0x030201);
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_INELIGIBLE_REPLICA);
    f.env.rules.reject_ineligible = ISR_RULE_reject_ineligible_off;
    request_init(&f, &request, 0x030201);
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_NONE);
    assert_int_equal(committed(&f)->isr.count, 3);
    fixture_end(&f);
}

/* Who asks has heard of what this controller has not: it was deposed. */
static void request_from_the_future_finds_no_controller(void **state)
{
    (void)state;
    struct fixture f;
    struct request request;
    fixture_cluster(&f);
    for (int wrong = 0; wrong <= 1; wrong++) {
        f.env.rules.stale_ctrl_reply = (uint8_t)wrong;
        request_init(&f, &request, 0x0201);
        request.message.alter_partition_request.leader_epoch++;
        request.message.alter_partition_request.partition_epoch++;
        assert_int_equal(send_request(&f, &request).error,
                         wrong ? ISR_ERROR_FENCED_LEADER_EPOCH : ISR_ERROR_NOT_CONTROLLER);
        request_init(&f, &request, 0x0201);
        request.message.alter_partition_request.partition_epoch++;
        assert_int_equal(send_request(&f, &request).error,
                         wrong ? ISR_ERROR_INVALID_UPDATE_VERSION : ISR_ERROR_NOT_CONTROLLER);
        request_init(&f, &request, 0x0201);
        request.message.alter_partition_request.tp.topic = 9; /* not given yet */
        assert_int_equal(send_request(&f, &request).error,
                         wrong ? ISR_ERROR_UNKNOWN_TOPIC_OR_PARTITION : ISR_ERROR_NOT_CONTROLLER);
    }
    fixture_end(&f);
}

static void copy_of_a_request_is_too_old_when_it_was_refused(void **state)
{
    (void)state;
    struct fixture f;
    struct request request;
    fixture_cluster(&f);
    request_init(&f, &request, 0x0201);
    request.members[1].broker_epoch = f.controller.committed.brokers[2].epoch + 1;
    struct isr_image_partition before = *committed(&f);
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_INELIGIBLE_REPLICA);
    assert_int_equal(committed(&f)->partition_epoch, before.partition_epoch + 1);
    assert_int_equal(committed(&f)->leader_epoch, before.leader_epoch);
    assert_true(isr_replicas_equal_as_sets(&committed(&f)->isr, &before.isr));
    request.members[1].broker_epoch--; /* as if it had come back meanwhile */
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_INVALID_UPDATE_VERSION);
    fixture_end(&f);
}

/* Who was deposed and does not know it may go by a state that the next controller has left behind. */
static void refusal_of_a_member_is_told_when_it_is_committed(void **state)
{
    (void)state;
    struct fixture f;
    struct request request;
    struct isr_message answer;
    fixture_cluster(&f);
    request_init(&f, &request, 0x0201);
    request.members[1].broker_epoch = f.controller.committed.brokers[2].epoch + 1;
    request.message.alter_partition_request.isr = request.members;
    f.delayed = true;
    deliver(&f, 1, &request.message);
    assert_false(sent(&f, 1, ISR_MESSAGE_ALTER_PARTITION_RESPONSE, &answer));
    begin(&f);
    fake_commit(&f.fake);
    assert_true(sent(&f, 1, ISR_MESSAGE_ALTER_PARTITION_RESPONSE, &answer));
    assert_int_equal(answer.alter_partition_response.error, ISR_ERROR_INELIGIBLE_REPLICA);
    request_init(&f, &request, 0x0201);
    request.members[1].broker_epoch = f.controller.committed.brokers[2].epoch + 1;
    f.fake.refuses = true;
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_NOT_CONTROLLER);
    fixture_end(&f);
}

static void recovery_ends_when_the_leader_says_so(void **state)
{
    (void)state;
    struct fixture f;
    struct request request;
    fixture_cluster(&f);
    begin(&f);
    struct isr_image_partition recovering = *committed(&f);
    recovering.isr = isr_replicas_unpack(0x01);
    recovering.recovering = true;
    recovering.partition_epoch++;
    *ctl_record(&f.controller) = isr_image_partition_record(&recovering, ISR_CAUSE_ELECTION_UNCLEAN);
    assert_true(ctl_propose(&f.controller));
    fake_commit(&f.fake);
    request_init(&f, &request, 0x0201);
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_INVALID_REQUEST);
    request_init(&f, &request, 0x01);
    request.message.alter_partition_request.recovering = 0;
    struct isr_alter_partition_response answer = send_request(&f, &request);
    assert_int_equal(answer.error, ISR_ERROR_NONE);
    assert_int_equal(answer.recovering, 0);
    assert_int_equal(answer.partition_epoch, 2);
    assert_false(committed(&f)->recovering);
    fixture_end(&f);
}

static void answer_waits_when_the_entry_is_not_committed(void **state)
{
    (void)state;
    struct fixture f;
    struct request first, second;
    fixture_cluster(&f);
    f.delayed = true;
    request_init(&f, &first, 0x0201);
    request_init(&f, &second, 0x01);
    deliver(&f, 1, &first.message);
    first.message.alter_partition_request.isr = first.members;
    assert_int_equal(sent_count(&f), 0);
    /* Refused because of the first one: that may yet be lost, so the refusal waits as well. */
    second.message.alter_partition_request.isr = second.members;
    deliver(&f, 1, &second.message);
    assert_int_equal(sent_count(&f), 0);
    begin(&f);
    fake_commit(&f.fake);
    assert_int_equal(sent_count(&f), 2);
    struct isr_message answer;
    assert_true(sent(&f, 1, ISR_MESSAGE_ALTER_PARTITION_RESPONSE, &answer));
    assert_int_equal(answer.alter_partition_response.error, ISR_ERROR_INVALID_UPDATE_VERSION);
    assert_int_equal(answer.alter_partition_response.correlation,
                     second.message.alter_partition_request.correlation);
    fixture_end(&f);
}

static void change_is_refused_and_forgotten_when_leadership_is_lost_under_way(void **state)
{
    (void)state;
    struct fixture f;
    struct request request;
    fixture_cluster(&f);
    f.delayed = true;
    request_init(&f, &request, 0x0201);
    request.message.alter_partition_request.isr = request.members;
    deliver(&f, 1, &request.message);
    assert_int_equal(isr_replicas_pack(&f.controller.pending.topics[0].partitions[0].isr), 0x0201);
    begin(&f);
    fake_lose(&f.fake, 3);
    struct isr_message answer;
    assert_true(sent(&f, 1, ISR_MESSAGE_ALTER_PARTITION_RESPONSE, &answer));
    assert_int_equal(answer.alter_partition_response.error, ISR_ERROR_NOT_CONTROLLER);
    assert_int_equal(answer.alter_partition_response.isr.count, 0);
    assert_non_null(observed(&f, ISR_OBSERVED_CONTROLLER_RESIGNED));
    assert_false(isr_controller_is_active(&f.controller));
    deliver(&f, 1, &request.message);
    assert_true(sent(&f, 1, ISR_MESSAGE_ALTER_PARTITION_RESPONSE, &answer));
    assert_int_equal(answer.alter_partition_response.error, ISR_ERROR_NOT_CONTROLLER);
    begin(&f);
    fake_lead(&f.fake);
    assert_int_equal(isr_replicas_pack(&f.controller.pending.topics[0].partitions[0].isr), 0x030201);
    f.delayed = false;
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_NONE);
    fixture_end(&f);
}

static void change_is_refused_when_consensus_takes_no_proposal(void **state)
{
    (void)state;
    struct fixture f;
    struct request request;
    fixture_cluster(&f);
    f.fake.refuses = true;
    request_init(&f, &request, 0x0201);
    assert_int_equal(send_request(&f, &request).error, ISR_ERROR_NOT_CONTROLLER);
    assert_int_equal(isr_replicas_pack(&f.controller.pending.topics[0].partitions[0].isr), 0x030201);
    struct isr_message message = create_request(&f, "other", 1, 1, 1);
    assert_int_equal(send_create(&f, &message).error, ISR_ERROR_NOT_CONTROLLER);
    assert_int_equal(heartbeat_shutdown(&f, 2).error, ISR_ERROR_NOT_CONTROLLER);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(isr_changes_when_the_leader_asks),
        cmocka_unit_test(nothing_is_proposed_when_the_isr_is_the_same),
        cmocka_unit_test(repetition_is_refused_when_the_first_was_committed),
        cmocka_unit_test(earlier_error_wins_when_two_faults_meet),
        cmocka_unit_test(request_from_the_future_finds_no_controller),
        cmocka_unit_test(isr_is_refused_when_it_is_no_set_of_replicas),
        cmocka_unit_test(member_is_ineligible_when_it_is_not_alive_in_that_registration),
        cmocka_unit_test(member_is_taken_by_its_id_when_the_rule_is_off),
        cmocka_unit_test(copy_of_a_request_is_too_old_when_it_was_refused),
        cmocka_unit_test(refusal_of_a_member_is_told_when_it_is_committed),
        cmocka_unit_test(recovery_ends_when_the_leader_says_so),
        cmocka_unit_test(answer_waits_when_the_entry_is_not_committed),
        cmocka_unit_test(change_is_refused_and_forgotten_when_leadership_is_lost_under_way),
        cmocka_unit_test(change_is_refused_when_consensus_takes_no_proposal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

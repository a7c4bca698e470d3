#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "harness/signature.h"

static struct sim_topic_spec topics[2];
static struct sim_client_spec clients[2];
static struct sim_spec spec;

static int set_up(void **state)
{
    (void)state;
    spec = sim_spec_default();
    strcpy(topics[0].name.text, "topic");
    strcpy(topics[1].name.text, "topic1");
    strcpy(clients[0].name, "reader");
    strcpy(clients[1].name, "p1");
    spec.topics = topics;
    spec.topics_count = 2;
    spec.clients = clients;
    spec.clients_count = 2;
    return 0;
}

static void assert_normal(const char *message, const char *wanted)
{
    char text[SIGNATURE_TEXT_BYTES];
    signature_normalise(message, &spec, text);
    assert_string_equal(text, wanted);
}

static void replaces_what_differs_between_seeds(void **state)
{
    (void)state;
    assert_normal("topic1-1: n4 runs and is in the ISR (leader n4, leader epoch 7, ISR [4], ELR [3]) but has "
                  "only LEO 123: records up to 128 were committed",
                  "<partition>: <node> runs and is in the ISR but has only LEO #: records up to # were "
                  "committed");
    assert_normal(
        "topic1-0: the faults healed, but at the end of the run the ISR is [3, 1], the replicas are "
        "[2, 3, 1]",
        "<partition>: the faults healed, but at the end of the run the ISR is <nodes>, the replicas "
        "are <nodes>");
    assert_normal("metadata: c1 and n2 have different states (1f3a and 77) after applying the log up to "
                  "index 40",
                  "metadata: <node> and <node> have different states after applying the log up to index #");
    assert_normal("topic-0: what reader read at offset -1 is not what its checksum says",
                  "<partition>: what <client> read at offset # is not what its checksum says");
    assert_normal("topic1-0: p1 forgot producer 12, which wrote at offset 3 less than 2.5s before",
                  "<partition>: <client> forgot producer #, which wrote at offset # less than # before");
    assert_normal("checksum dead01 there, deadbeef here, 00ff and 12ab, a faded facade",
                  "checksum # there, # here, # and #, a faded facade");
    assert_normal("leader none of 5 nodes has 3x and 4KiB and 7%",
                  "leader <node> of # nodes has #x and # and #");
}

static void leaves_words_alone(void **state)
{
    (void)state;
    assert_normal("topics topic topic-x topic10 readers raft-log-matching n cn pool_min_gap delete_retention",
                  "topics <topic> <topic>-x topic10 readers raft-log-matching n cn pool_min_gap "
                  "delete_retention");
}

static void survives_any_text(void **state)
{
    char text[SIGNATURE_TEXT_BYTES], message[3000];
    (void)state;
    assert_normal("", "");
    assert_normal("(never closed", "");
    assert_normal("a [1, 2", "a <nodes>");
    assert_normal(") ] -", ") ] -");
    memset(message, 'x', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    signature_normalise(message, NULL, text);
    assert_int_equal(strlen(text), SIGNATURE_TEXT_BYTES - 1);
    for (size_t i = 0; i + 1 < sizeof message; i++)
        message[i] = "1[(n-. "[i * 7919 % 7];
    signature_normalise(message, &spec, text);
    assert_true(strlen(text) < SIGNATURE_TEXT_BYTES);
}

static struct signature of_violation(enum sim_invariant invariant, const char *message)
{
    struct attempt attempt = {.verdict = SIM_VERDICT_VIOLATED, .invariant = invariant};
    struct signature signature;
    snprintf(attempt.message, sizeof attempt.message, "%s", message);
    signature_of(&attempt, &spec, &signature);
    return signature;
}

static void is_the_same_for_one_bug_and_another_for_another(void **state)
{
    static const char one[] =
        "topic1-1: the log of n3 parts from the committed one at offset 1190, below its high "
        "watermark 1320: it holds a record of epoch 1 there, committed is one of epoch 2 "
        "(by n2, up to 1320)";
    static const char same[] =
        "topic-0: the log of n1 parts from the committed one at offset 82, below its high "
        "watermark 128: it holds a record of epoch 0 there, committed is one of epoch 3 (by "
        "n4, up to 134)";
    static const char other[] = "topic-0: leader epoch 4 has two leaders, n1 and n2";
    struct signature first = of_violation(SIM_INVARIANT_I2, one);
    char id[9];
    (void)state;
    assert_int_equal(first.id, of_violation(SIM_INVARIANT_I2, same).id);
    assert_int_not_equal(first.id, of_violation(SIM_INVARIANT_I2, other).id);
    assert_int_not_equal(first.id, of_violation(SIM_INVARIANT_I3, one).id);
    assert_string_equal(first.text,
                        "I2: <partition>: the log of <node> parts from the committed one at offset "
                        "#, below its high watermark #: it holds a record of epoch # there, "
                        "committed is one of epoch #");
    /* it stands in files and reports: it stays what it is */
    assert_string_equal(signature_print_id(first.id, id), "3443d913");
}

static struct signature of_crash(enum attempt_end end, const char *message)
{
    struct attempt attempt = {.verdict = SIM_VERDICT_CRASHED, .end = end};
    struct signature signature;
    snprintf(attempt.message, sizeof attempt.message, "%s", message);
    signature_of(&attempt, &spec, &signature);
    return signature;
}

static void names_the_place_of_an_assertion(void **state)
{
    (void)state;
    assert_string_equal(
        of_crash(ATTEMPT_DIED, "assertion of the engine failed: a(b) == 3 (/home/x/sim/core/log/log.c:12)")
            .text,
        "assertion sim/core/log/log.c:12: a(b) == 3");
    assert_string_equal(of_crash(ATTEMPT_DIED, "assertion of the engine failed: x (core/x.c:1)").text,
                        "assertion core/x.c:1: x");
    assert_string_equal(of_crash(ATTEMPT_DIED, "assertion of the engine failed: x (y.c:1)").text,
                        "assertion y.c:1: x");
    assert_string_equal(of_crash(ATTEMPT_DIED, "the process died of signal 11 (Segmentation fault)").text,
                        "the process died of signal 11 (Segmentation fault)");
    assert_string_equal(of_crash(ATTEMPT_DIED, "assertion of the engine failed: ").text,
                        "assertion assertion of the engine failed: : ");
}

static void does_not_depend_on_how_far_a_run_came_that_was_ended(void **state)
{
    (void)state;
    struct signature events = of_crash(ATTEMPT_OVER_EVENTS, "ended at virtual time 3.000s");
    struct signature time = of_crash(ATTEMPT_OVER_TIME, "ended at virtual time 4.000s");
    assert_int_equal(events.id, of_crash(ATTEMPT_OVER_EVENTS, "ended at virtual time 9.000s").id);
    assert_int_not_equal(events.id, time.id);
}

static void has_none_when_it_held_and_one_when_it_proved_nothing(void **state)
{
    struct attempt attempt = {.verdict = SIM_VERDICT_HELD};
    struct signature signature;
    (void)state;
    signature_of(&attempt, &spec, &signature);
    assert_int_equal(signature.id, 0);
    assert_string_equal(signature.text, "");
    attempt.verdict = SIM_VERDICT_VACUOUS;
    strcpy(attempt.message, "step 4 never ran: what it waits for did not happen");
    signature_of(&attempt, &spec, &signature);
    assert_string_equal(signature.text, "vacuous: step # never ran: what it waits for did not happen");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaces_what_differs_between_seeds),
        cmocka_unit_test(leaves_words_alone),
        cmocka_unit_test(survives_any_text),
        cmocka_unit_test(is_the_same_for_one_bug_and_another_for_another),
        cmocka_unit_test(names_the_place_of_an_assertion),
        cmocka_unit_test(does_not_depend_on_how_far_a_run_came_that_was_ended),
        cmocka_unit_test(has_none_when_it_held_and_one_when_it_proved_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

/* I11: where the start of a log may move. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sim/checks/state.h"
#include "sim/checks/tests/fake.h"

/* Ten batches of ten records, committed; the topic keeps what the settings say. */
static void ten_batches(struct fake *fake, int64_t retention_bytes, int64_t retention_time)
{
    fake_init(fake);
    fake->partition.settings.retention_bytes = retention_bytes;
    fake->partition.settings.retention_time = retention_time;
    struct check_partition *partition = check_partition_of(fake->checks, FAKE_KEY);
    partition->settings = fake->partition.settings;
    for (int i = 0; i < 10; i++) {
        fake->now_ns += ISR_SECOND;
        (void)fake_commit(fake, 10);
    }
}

static void move(struct fake *fake, int32_t node, int64_t to, enum isr_cause cause)
{
    struct fake_replica *replica = &fake->replicas[node];
    int64_t from = replica->log_start;
    replica->log_start = to;
    FAKE_TELL(fake, node, LOG_START_MOVED, log_start_moved, .tp = FAKE_KEY, .from = from, .to = to,
              .high_watermark = replica->high_watermark, .cause = cause);
}

static void holds_when_enough_is_left(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 4000, 0);
    move(&fake, 1, 60, ISR_CAUSE_RETENTION_SIZE);
    move(&fake, 2, 60, ISR_CAUSE_LEADER_TOLD);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fails_when_less_is_left_than_the_topic_keeps(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 4000, 0);
    move(&fake, 1, 70, ISR_CAUSE_RETENTION_SIZE);
    FAKE_FAILS(&fake, I11, "less is left");
    fake_free(&fake);
}

static void fails_when_the_topic_keeps_all(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 0, 0);
    move(&fake, 1, 10, ISR_CAUSE_RETENTION_SIZE);
    FAKE_FAILS(&fake, I11, "less is left");
    fake_free(&fake);
}

static void fails_when_records_are_too_young(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 0, 5 * ISR_SECOND);
    move(&fake, 1, 40, ISR_CAUSE_RETENTION_TIME);
    FAKE_HOLDS(&fake);
    move(&fake, 1, 60, ISR_CAUSE_RETENTION_TIME);
    FAKE_FAILS(&fake, I11, "for longer");
    fake_free(&fake);
}

static void fails_when_nobody_asked_for_the_deletion(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 0, 0);
    check_delete_asked(check_partition_of(fake.checks, FAKE_KEY), 30);
    move(&fake, 1, 30, ISR_CAUSE_DELETE_RECORDS);
    FAKE_HOLDS(&fake);
    move(&fake, 1, 31, ISR_CAUSE_DELETE_RECORDS);
    FAKE_FAILS(&fake, I11, "no administrator");
    fake_free(&fake);
}

static void fails_when_a_follower_goes_beyond_every_other_log(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 4000, 0);
    move(&fake, 1, 50, ISR_CAUSE_RETENTION_SIZE);
    move(&fake, 2, 51, ISR_CAUSE_LEADER_TOLD);
    FAKE_FAILS(&fake, I11, "no other log starts there");
    fake_free(&fake);
}

static void fails_when_uncommitted_records_are_deleted(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 100, 0);
    (void)fake_append(&fake, 1, 10);
    move(&fake, 1, 105, ISR_CAUSE_RETENTION_SIZE);
    FAKE_FAILS(&fake, I11, "never committed");
    fake_free(&fake);
}

static void fails_when_a_follower_goes_beyond_its_own_high_watermark(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 100, 0);
    (void)fake_append(&fake, 1, 10);
    fake_fetch(&fake, 2, 1);
    move(&fake, 2, 105, ISR_CAUSE_RETENTION_SIZE);
    FAKE_FAILS(&fake, I11, "its own high watermark");
    fake_free(&fake);
}

static void fails_when_a_restart_finds_another_start(void **state)
{
    (void)state;
    struct fake fake;
    ten_batches(&fake, 4000, 0);
    move(&fake, 1, 50, ISR_CAUSE_RETENTION_SIZE);
    fake_end_process(&fake, 2, false, false);
    fake.replicas[2].log_start = 50;
    fake_start(&fake, 2);
    FAKE_HOLDS(&fake);
    fake_end_process(&fake, 3, false, false);
    fake.replicas[3].log_start = 60;
    fake_start(&fake, 3);
    FAKE_FAILS(&fake, I11, "nothing was ever deleted");
    fake_free(&fake);
}

static void forget(struct fake *fake, int64_t last_offset)
{
    FAKE_TELL(fake, 1, PRODUCER_EXPIRED, producer_expired, .tp = FAKE_KEY, .producer = 7,
              .last_offset = last_offset, .idle = 0);
}

static void fails_when_a_producer_is_forgotten_too_early(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    (void)fake_commit(&fake, 10);
    fake.now_ns += 10 * ISR_SECOND;
    forget(&fake, 9);
    FAKE_FAILS(&fake, I7, "forgot producer 7");
    fake_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_when_enough_is_left),
        cmocka_unit_test(fails_when_less_is_left_than_the_topic_keeps),
        cmocka_unit_test(fails_when_the_topic_keeps_all),
        cmocka_unit_test(fails_when_records_are_too_young),
        cmocka_unit_test(fails_when_nobody_asked_for_the_deletion),
        cmocka_unit_test(fails_when_a_follower_goes_beyond_every_other_log),
        cmocka_unit_test(fails_when_uncommitted_records_are_deleted),
        cmocka_unit_test(fails_when_a_follower_goes_beyond_its_own_high_watermark),
        cmocka_unit_test(fails_when_a_restart_finds_another_start),
        cmocka_unit_test(fails_when_a_producer_is_forgotten_too_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

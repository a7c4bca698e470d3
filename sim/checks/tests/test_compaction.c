/* I12: what compaction may remove, and what replicas and readers end with. Batches have one record each. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/log/batch.h"
#include "sim/checks/state.h"
#include "sim/checks/tests/fake.h"

enum { VALUES = 64, KEYS = 1 << 30, GONE = 1, CHANGED = 2 };
static const int64_t DELETE_RETENTION_NS = 10 * ISR_SECOND;

struct fixture {
    struct fake fake;
    struct isr_batch_keys keys[VALUES]; /* by value: as which it was written */
    uint8_t state[FAKE_NODES + 1][FAKE_BATCHES];
    struct test_heap heap;
    struct isr_scratch scratch;
};
static struct fixture fixture;

/* A record of the one key that there is with `keys` 1; of another one each with many. */
static struct isr_bytes build(uint64_t value, int64_t offset, int32_t epoch)
{
    struct isr_bytes bytes =
        isr_batch_build_keyed(&fixture.scratch, -1, -1, -1, value, 1, 8, fixture.keys[value]);
    isr_batch_set_position((uint8_t *)(uintptr_t)bytes.data, offset, epoch);
    return bytes;
}

static uint32_t see_records(void *object, int32_t node, struct isr_tp tp, int64_t base_offset,
                            struct sim_record_view *records, uint32_t most)
{
    const struct fake_replica *replica = &((struct fake *)object)->replicas[node];
    struct isr_batch batch;
    (void)tp;
    for (int i = 0; i < replica->count; i++) {
        if (replica->batches[i].base_offset != base_offset || fixture.state[node][i] == GONE)
            continue;
        uint64_t value = replica->batches[i].first_value;
        struct isr_bytes bytes = build(value, base_offset, 0);
        assert_int_equal(isr_batch_parse(bytes, true, &batch), ISR_BATCH_OK);
        uint32_t count = sim_records_of(&batch, records, most);
        records[0].value += fixture.state[node][i] == CHANGED;
        return count;
    }
    return 0;
}

static void begin(void)
{
    struct isr_topic_settings settings = isr_topic_settings_of_min_isr(2);
    memset(&fixture, 0, sizeof fixture);
    settings.cleanup = ISR_CLEANUP_COMPACT;
    settings.delete_retention = DELETE_RETENTION_NS;
    fake_init_with(&fixture.fake, SIM_CHECKS_ALL, &settings);
    fixture.fake.checks->view.records = see_records;
    fixture.fake.producer = -1;
    test_heap_init(&fixture.heap);
    isr_scratch_init(&fixture.scratch, &fixture.heap.heap);
}

static void end(void)
{
    test_heap_drop(&fixture.heap);
    fake_free(&fixture.fake);
}

static void next_is(uint32_t keys, bool tombstone)
{
    fixture.keys[fixture.fake.values] =
        (struct isr_batch_keys){.keys = keys, .tombstone_percent = tombstone ? 100 : 0};
}

/* Written, and committed; its offset. */
static int64_t write_one(uint32_t keys, bool tombstone)
{
    next_is(keys, tombstone);
    return fake_commit(&fixture.fake, 1);
}

static struct sim_batch_view *batch_at(int32_t node, int64_t offset)
{
    return &fixture.fake.replicas[node].batches[offset];
}

/* What is left of the batch is nothing, or something else than was written. */
static void rewrite(int32_t node, int64_t offset, uint8_t state)
{
    fixture.state[node][offset] = state;
    batch_at(node, offset)->compacted = true;
    batch_at(node, offset)->crc = 7;
}

static void compact(int32_t node, int64_t offset)
{
    rewrite(node, offset, GONE);
    FAKE_TELL(&fixture.fake, node, LOG_CLEANED, log_cleaned, .tp = FAKE_KEY, .from = offset, .to = offset + 1,
              .removed = 1);
}

static void lead(int32_t node)
{
    fake_change(&fixture.fake, node, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_PREFERRED);
    for (int32_t id = 1; id <= 3; id++) {
        if (id == node)
            fake_lead(&fixture.fake, id);
        else
            fake_follow(&fixture.fake, id);
    }
}

/* ---- logs ---- */

static void holds_when_what_was_superseded_goes(void **state)
{
    (void)state;
    begin();
    int64_t old = write_one(1, false);
    (void)write_one(1, false);
    compact(1, old);
    compact(3, old);
    lead(3);
    FAKE_HOLDS(&fixture.fake);
    assert_int_equal(fixture.fake.checks->records_compacted, 2);
    end();
}

static void fires_when_the_last_record_of_a_key_goes(void **state)
{
    (void)state;
    begin();
    (void)write_one(1, false);
    int64_t other = write_one(KEYS, false);
    (void)write_one(1, false);
    compact(2, other);
    FAKE_FAILS(&fixture.fake, I12, "removed the record at offset 1 from the log of n2");
    end();
}

/* KAFKA-13194 */
static void fires_when_what_superseded_it_is_not_committed(void **state)
{
    (void)state;
    begin();
    int64_t old = write_one(1, false);
    next_is(1, false);
    (void)fake_append(&fixture.fake, 1, 1);
    compact(1, old);
    FAKE_FAILS(&fixture.fake, I12, "removed the record at offset 0 from the log of n1");
    end();
}

/* The leader before told it that the later record is committed; the new one does not know yet, and lowered
 * its high watermark. */
static void told_by_the_leader_before(void)
{
    begin();
    int64_t old = write_one(1, false);
    next_is(1, false);
    (void)fake_append(&fixture.fake, 1, 1);
    fake_fetch(&fixture.fake, 2, 1);
    fake_advance(&fixture.fake, 2, 2);
    fixture.fake.replicas[2].high_watermark = 1;
    FAKE_TELL(&fixture.fake, 2, HIGH_WATERMARK_LOWERED, high_watermark_lowered, .tp = FAKE_KEY, .from = 2,
              .to = 1);
    compact(2, old);
    FAKE_HOLDS(&fixture.fake);
}

static void holds_when_what_superseded_it_is_committed_in_the_end(void **state)
{
    (void)state;
    told_by_the_leader_before();
    fake_fetch(&fixture.fake, 3, 1);
    for (int32_t node = 1; node <= 3; node++)
        fake_advance(&fixture.fake, node, 2);
    lead(2);
    FAKE_HOLDS(&fixture.fake);
    end();
}

static void fires_when_what_superseded_it_is_cut_off_instead(void **state)
{
    (void)state;
    told_by_the_leader_before();
    fake_truncate(&fixture.fake, 2, 1);
    sim_checks_end(fixture.fake.checks);
    FAKE_FAILS(&fixture.fake, I12, "removed the record at offset 0 from the log of n2");
    end();
}

static void fires_when_what_is_left_is_not_what_was_written(void **state)
{
    (void)state;
    begin();
    int64_t old = write_one(1, false);
    (void)write_one(1, false);
    rewrite(2, old, CHANGED);
    FAKE_TELL(&fixture.fake, 2, LOG_CLEANED, log_cleaned, .tp = FAKE_KEY, .from = 0, .to = 1, .removed = 0);
    FAKE_FAILS(&fixture.fake, I2, "parts from the committed one at offset 0");
    end();
}

static void fires_when_a_follower_gets_what_no_leader_wrote(void **state)
{
    (void)state;
    begin();
    next_is(1, false);
    (void)fake_append(&fixture.fake, 1, 1);
    struct fake_replica *follower = &fixture.fake.replicas[2];
    follower->batches[follower->count++] = *batch_at(1, 0);
    rewrite(2, 0, CHANGED);
    FAKE_TELL(&fixture.fake, 2, COMPACTED_APPENDED, compacted_appended, .tp = FAKE_KEY, .base = 0, .last = 0,
              .leader_epoch = 0, .crc = 7);
    FAKE_FAILS(&fixture.fake, I2, "no leader of that epoch wrote there");
    end();
}

static void holds_when_a_follower_gets_what_is_left(void **state)
{
    (void)state;
    begin();
    next_is(1, false);
    (void)fake_append(&fixture.fake, 1, 1);
    struct fake_replica *follower = &fixture.fake.replicas[2];
    follower->batches[follower->count++] = *batch_at(1, 0);
    rewrite(2, 0, 0);
    FAKE_TELL(&fixture.fake, 2, COMPACTED_APPENDED, compacted_appended, .tp = FAKE_KEY, .base = 0, .last = 0,
              .leader_epoch = 0, .crc = 7);
    FAKE_HOLDS(&fixture.fake);
    end();
}

/* n2 compacted by what it was told by the leader before, and leads: n3 gets what is left there. */
static void holds_when_a_follower_gets_what_its_leader_compacted_by_what_it_was_told(void **state)
{
    (void)state;
    for (int gives = 0; gives <= 1; gives++) {
        told_by_the_leader_before();
        fake_change(&fixture.fake, 2, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_PREFERRED);
        fake_lead(&fixture.fake, 2);
        fake_follow(&fixture.fake, 3);
        fake_truncate(&fixture.fake, 3, 0);
        struct fake_replica *follower = &fixture.fake.replicas[3];
        follower->batches[follower->count++] = *batch_at(2, 0);
        rewrite(3, 0, GONE);
        if (gives)
            FAKE_TELL(&fixture.fake, 3, COMPACTED_APPENDED, compacted_appended, .tp = FAKE_KEY, .base = 0,
                      .last = 0, .leader_epoch = 0, .crc = 7);
        follower->batches[follower->count++] = *batch_at(2, 1);
        fake_advance(&fixture.fake, 3, 1);
        if (gives)
            FAKE_HOLDS(&fixture.fake);
        else
            FAKE_FAILS(&fixture.fake, I12, "removed the record at offset 0 from the log of n3");
        end();
    }
}

/* ---- tombstones ---- */

static void fires_when_a_tombstone_goes_too_early(void **state)
{
    (void)state;
    begin();
    (void)write_one(1, false);
    int64_t tombstone = write_one(1, true);
    fixture.fake.now_ns += DELETE_RETENTION_NS - 1;
    compact(1, tombstone);
    FAKE_FAILS(&fixture.fake, I12, "it is a tombstone, and delete_retention is not over");
    end();
}

static void holds_when_a_tombstone_goes_in_time(void **state)
{
    (void)state;
    begin();
    int64_t value = write_one(1, false);
    int64_t tombstone = write_one(1, true);
    fixture.fake.now_ns += DELETE_RETENTION_NS;
    for (int32_t node = 1; node <= 3; node++) {
        compact(node, value);
        compact(node, tombstone);
    }
    lead(3);
    FAKE_HOLDS(&fixture.fake);
    end();
}

/* n3 still has the value; of its deletion it got nothing. */
static void fires_when_a_leader_lacks_a_deletion(void **state)
{
    (void)state;
    begin();
    (void)write_one(1, false);
    int64_t tombstone = write_one(1, true);
    fixture.fake.now_ns += DELETE_RETENTION_NS;
    compact(3, tombstone);
    FAKE_HOLDS(&fixture.fake);
    lead(3);
    FAKE_FAILS(&fixture.fake, I12, "although its deletion at offset 1 is committed, which it lacks");
    end();
}

static void fires_at_the_end_when_a_follower_lacks_a_deletion(void **state)
{
    (void)state;
    begin();
    (void)write_one(1, false);
    int64_t tombstone = write_one(1, true);
    fixture.fake.now_ns += DELETE_RETENTION_NS;
    compact(2, tombstone);
    FAKE_HOLDS(&fixture.fake);
    sim_checks_end(fixture.fake.checks);
    FAKE_FAILS(&fixture.fake, I12, "in the log of n2 key 0 ends with the record at offset 0");
    end();
}

/* Its disk had not made the replacement durable that it said it had: the value is there again. */
static void holds_when_a_disk_that_broke_its_word_brings_a_record_back(void **state)
{
    (void)state;
    begin();
    (void)write_one(1, false);
    int64_t tombstone = write_one(1, true);
    fixture.fake.now_ns += DELETE_RETENTION_NS;
    fixture.fake.replicas[3].betrayals = 1;
    fake_end_process(&fixture.fake, 3, false, false);
    fake_start(&fixture.fake, 3);
    fake_follow(&fixture.fake, 3);
    compact(3, tombstone);
    lead(3);
    FAKE_HOLDS(&fixture.fake);
    end();
}

/* ---- producers ---- */

/* n3 compacted offset 1 and is cut to `to`; then it leads, and a sequence is passed over. */
static void cut_and_lead(struct fake *fake, int64_t to)
{
    fake_init(fake);
    for (int i = 0; i < 3; i++)
        (void)fake_commit(fake, 1);
    FAKE_TELL(fake, 3, LOG_CLEANED, log_cleaned, .tp = FAKE_KEY, .from = 0, .to = 2, .removed = 1);
    fake_change(fake, 1, fake_set(1, 2, 0), fake_set(0, 0, 0), ISR_CAUSE_TIME_LAG);
    fake_truncate(fake, 3, to);
    fake_fetch(fake, 3, 1);
    fake_change(fake, 1, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_CAUGHT_UP);
    fake_change(fake, 3, fake_set(1, 2, 3), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_PREFERRED);
    fake_lead(fake, 3);
    fake_follow(fake, 1);
    fake_follow(fake, 2);
    fake->sequence++;
    (void)fake_append(fake, 3, 1);
    fake_fetch(fake, 1, 3);
    fake_fetch(fake, 2, 3);
    fake_advance(fake, 3, 4);
}

static void holds_i7_when_the_leader_was_cut_below_what_it_compacted(void **state)
{
    (void)state;
    struct fake fake;
    cut_and_lead(&fake, 1);
    FAKE_HOLDS(&fake);
    fake_free(&fake);
}

static void fires_i7_when_the_leader_was_cut_above_what_it_compacted(void **state)
{
    (void)state;
    struct fake fake;
    cut_and_lead(&fake, 2);
    FAKE_FAILS(&fake, I7, "something in between is missing");
    fake_free(&fake);
}

/* ---- readers ---- */

static void read_at(int64_t offset)
{
    sim_checks_client_read(fixture.fake.checks, FAKE_CLIENT, FAKE_TP, offset,
                           build((uint64_t)offset, offset, 0));
}

static void read_gap(int64_t offset)
{
    uint8_t gap[ISR_BATCH_GAP_BYTES];
    isr_batch_gap(gap, offset, 1, 0, 0);
    sim_checks_client_read(fixture.fake.checks, FAKE_CLIENT, FAKE_TP, offset,
                           (struct isr_bytes){.data = gap, .size = sizeof gap});
}

/* KAFKA-4545: it was written long ago, but the reader has just seen what it deletes. */
static void fires_when_a_reader_misses_a_deletion(void **state)
{
    (void)state;
    begin();
    (void)write_one(1, false);
    (void)write_one(1, true);
    fixture.fake.now_ns += 2 * DELETE_RETENTION_NS;
    read_at(0);
    fixture.fake.now_ns += DELETE_RETENTION_NS - 1;
    read_gap(1);
    FAKE_FAILS(&fixture.fake, I12, "its deletion at offset 1 is gone");
    end();
}

static void holds_when_a_reader_is_too_late_for_a_deletion(void **state)
{
    (void)state;
    begin();
    (void)write_one(1, false);
    (void)write_one(1, true);
    read_at(0);
    fixture.fake.now_ns += DELETE_RETENTION_NS;
    read_gap(1);
    FAKE_HOLDS(&fixture.fake);
    end();
}

static void fires_when_a_reader_misses_the_last_record_of_a_key(void **state)
{
    (void)state;
    begin();
    (void)write_one(1, false);
    (void)write_one(KEYS, false);
    (void)write_one(1, false);
    read_at(0);
    read_gap(1);
    FAKE_FAILS(&fixture.fake, I12, "removed the record at offset 1 from what a client read");
    end();
}

/* What it read was not known to be committed then. */
static void fires_at_the_end_when_a_reader_has_an_older_record(void **state)
{
    (void)state;
    begin();
    (void)write_one(1, false);
    read_at(0);
    next_is(1, false);
    (void)fake_append(&fixture.fake, 1, 1);
    read_gap(1);
    FAKE_HOLDS(&fixture.fake);
    fake_fetch(&fixture.fake, 2, 1);
    fake_fetch(&fixture.fake, 3, 1);
    for (int32_t node = 1; node <= 3; node++)
        fake_advance(&fixture.fake, node, 2);
    sim_checks_end(fixture.fake.checks);
    FAKE_FAILS(&fixture.fake, I12,
               "has an older record of key 0, whose last committed record is at offset 1");
    end();
}

/* A deposed leader that does not know it yet commits on, and compacts by that: it is what all have. */
static void holds_when_a_reader_lacks_what_was_superseded_by_a_deposed_leader(void **state)
{
    (void)state;
    told_by_the_leader_before();
    read_gap(0);
    FAKE_HOLDS(&fixture.fake);
    fake_fetch(&fixture.fake, 3, 1);
    for (int32_t node = 1; node <= 3; node++)
        fake_advance(&fixture.fake, node, 2);
    sim_checks_end(fixture.fake.checks);
    FAKE_HOLDS(&fixture.fake);
    end();
}

static void holds_at_the_end_when_what_superseded_it_for_a_reader_is_undecided(void **state)
{
    (void)state;
    told_by_the_leader_before();
    read_gap(0);
    sim_checks_end(fixture.fake.checks);
    FAKE_HOLDS(&fixture.fake);
    end();
}

static void fires_at_the_end_when_what_superseded_it_for_a_reader_was_cut_off(void **state)
{
    (void)state;
    told_by_the_leader_before();
    read_gap(0);
    fake_truncate(&fixture.fake, 2, 1);
    sim_checks_end(fixture.fake.checks);
    assert_true(fixture.fake.checks->violations[SIM_INVARIANT_I12] != NULL);
    end();
}

static void fires_when_a_reader_gets_another_record(void **state)
{
    (void)state;
    begin();
    (void)write_one(1, false);
    (void)write_one(1, false);
    bool keep = true;
    struct isr_batch batch;
    assert_int_equal(isr_batch_parse(build(1, 0, 0), true, &batch), ISR_BATCH_OK);
    uint8_t *bytes = isr_scratch_allocate(&fixture.scratch, isr_batch_compact_bytes(&batch));
    uint32_t size = isr_batch_compact(bytes, &batch, &keep, ISR_TIME_NEVER);
    sim_checks_client_read(fixture.fake.checks, FAKE_CLIENT, FAKE_TP, 0,
                           (struct isr_bytes){.data = bytes, .size = size});
    FAKE_FAILS(&fixture.fake, I4, "that no leader of epoch 0 wrote there");
    end();
}

/* Behind an election that was allowed to lose records, what superseded a record may be lost. */
static void misses_nothing_behind_an_allowed_loss(void **state)
{
    (void)state;
    begin();
    struct check_partition *partition = check_partition_of(fixture.fake.checks, FAKE_KEY);
    (void)write_one(1, false);
    int64_t other = write_one(KEYS, false);
    (void)write_one(1, false);
    partition->unclean = true;
    fake_change(&fixture.fake, 3, fake_set(3, 0, 0), fake_set(0, 0, 0), ISR_CAUSE_ELECTION_UNCLEAN);
    fake_cut(&fixture.fake.replicas[3], 2);
    FAKE_TELL(&fixture.fake, 3, LOG_TRUNCATED, log_truncated, .tp = FAKE_KEY, .from = 3, .to = 2,
              .high_watermark = 2);
    fake_lead(&fixture.fake, 3);
    compact(3, other);
    FAKE_HOLDS(&fixture.fake);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_when_what_was_superseded_goes),
        cmocka_unit_test(fires_when_the_last_record_of_a_key_goes),
        cmocka_unit_test(fires_when_what_superseded_it_is_not_committed),
        cmocka_unit_test(holds_when_what_superseded_it_is_committed_in_the_end),
        cmocka_unit_test(fires_when_what_superseded_it_is_cut_off_instead),
        cmocka_unit_test(fires_when_what_is_left_is_not_what_was_written),
        cmocka_unit_test(fires_when_a_follower_gets_what_no_leader_wrote),
        cmocka_unit_test(holds_when_a_follower_gets_what_is_left),
        cmocka_unit_test(holds_when_a_follower_gets_what_its_leader_compacted_by_what_it_was_told),
        cmocka_unit_test(fires_when_a_tombstone_goes_too_early),
        cmocka_unit_test(holds_when_a_tombstone_goes_in_time),
        cmocka_unit_test(fires_when_a_leader_lacks_a_deletion),
        cmocka_unit_test(fires_at_the_end_when_a_follower_lacks_a_deletion),
        cmocka_unit_test(holds_when_a_disk_that_broke_its_word_brings_a_record_back),
        cmocka_unit_test(holds_i7_when_the_leader_was_cut_below_what_it_compacted),
        cmocka_unit_test(fires_i7_when_the_leader_was_cut_above_what_it_compacted),
        cmocka_unit_test(fires_when_a_reader_misses_a_deletion),
        cmocka_unit_test(holds_when_a_reader_is_too_late_for_a_deletion),
        cmocka_unit_test(fires_when_a_reader_misses_the_last_record_of_a_key),
        cmocka_unit_test(fires_at_the_end_when_a_reader_has_an_older_record),
        cmocka_unit_test(holds_when_a_reader_lacks_what_was_superseded_by_a_deposed_leader),
        cmocka_unit_test(holds_at_the_end_when_what_superseded_it_for_a_reader_is_undecided),
        cmocka_unit_test(fires_at_the_end_when_what_superseded_it_for_a_reader_was_cut_off),
        cmocka_unit_test(fires_when_a_reader_gets_another_record),
        cmocka_unit_test(misses_nothing_behind_an_allowed_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

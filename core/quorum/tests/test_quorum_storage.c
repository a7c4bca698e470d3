/* File formats: what was put is got; what is damaged is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/quorum/internal.h"
#include "core/tests/support.h"

static void vote_is_refused_when_any_bit_flips(void **state)
{
    (void)state;
    uint8_t file[QUORUM_VOTE_BYTES];
    struct isr_bytes bytes = {file, sizeof file};
    int32_t term = 0;
    int32_t vote = 0;
    quorum_vote_put(file, 7, 3);
    assert_true(quorum_vote_get(bytes, &term, &vote));
    assert_int_equal(term, 7);
    assert_int_equal(vote, 3);
    for (unsigned bit = 0; bit < 8 * sizeof file; bit++) {
        file[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(quorum_vote_get(bytes, &term, &vote));
        file[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_false(quorum_vote_get((struct isr_bytes){file, sizeof file - 1}, &term, &vote));
}

static void vote_is_refused_when_it_is_nonsense(void **state)
{
    (void)state;
    static const int32_t wrong[][2] = {{-1, 1}, {INT32_MAX, 1}, {1, 0}, {1, -2}, {1, ISR_NODE_MAX + 1}};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t file[QUORUM_VOTE_BYTES];
        int32_t term;
        int32_t vote;
        quorum_vote_put(file, wrong[i][0], wrong[i][1]);
        assert_false(quorum_vote_get((struct isr_bytes){file, sizeof file}, &term, &vote));
    }
}

static void log_header_is_refused_when_it_is_nonsense(void **state)
{
    (void)state;
    static const struct {
        int64_t index;
        int32_t term;
        bool sane;
    } cases[] = {{0, 0, true},   {5, 1, true},         {0, 1, false},
                 {5, 0, false},  {-1, 1, false},       {QUORUM_INDEX_MAX, 1, false},
                 {5, -1, false}, {5, INT32_MAX, false}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t file[QUORUM_LOG_HEADER_BYTES];
        int64_t index;
        int32_t term;
        uint32_t crc;
        quorum_log_header_put(file, cases[i].index, cases[i].term);
        bool got = quorum_log_header_get((struct isr_bytes){file, sizeof file}, &index, &term, &crc);
        assert_int_equal(got, cases[i].sane);
    }
}

static void records_end_when_the_chain_breaks(void **state)
{
    (void)state;
    uint8_t file[3 * QUORUM_RECORD_BYTES];
    struct quorum_entry entry = {.term = 2, .kind = ISR_ENTRY_NOOP};
    uint8_t *out = file;
    uint32_t chain = 77;
    for (int64_t index = 1; index <= 3; index++) {
        /* The third does not follow the second, but stands by itself: a leftover. */
        chain =
            quorum_record_crc(index == 3 ? 12345 : chain, index, 2, ISR_ENTRY_NOOP, (struct isr_bytes){0});
        entry.crc = chain;
        out = quorum_record_put(out, index, &entry);
    }
    struct quorum_record record;
    struct isr_bytes bytes = {file, sizeof file};
    size_t position = 0;
    assert_true(quorum_record_get(bytes, &position, 77, &record));
    assert_int_equal(record.index, 1);
    assert_true(quorum_record_get(bytes, &position, record.crc, &record));
    assert_false(quorum_record_get(bytes, &position, record.crc, &record));
    assert_int_equal(position, 2 * QUORUM_RECORD_BYTES);
}

static void snapshot_is_refused_when_cut_or_changed(void **state)
{
    (void)state;
    uint8_t file[QUORUM_SNAPSHOT_HEADER_BYTES + 9] = {0};
    struct isr_bytes bytes = {file, sizeof file};
    struct quorum_snapshot snapshot;
    const struct quorum_configuration configuration = {
        .index = 7,
        .members = {.voters = isr_replicas_unpack(0x030201), .learners = isr_replicas_unpack(0x04)}};
    quorum_snapshot_seal(file, 12, 4, &configuration, 9);
    assert_true(quorum_snapshot_get(bytes, &snapshot));
    assert_int_equal(snapshot.index, 12);
    assert_int_equal(snapshot.term, 4);
    assert_int_equal(snapshot.configuration.index, 7);
    assert_int_equal(isr_replicas_pack(&snapshot.configuration.members.voters), 0x030201);
    assert_int_equal(isr_replicas_pack(&snapshot.configuration.members.learners), 0x04);
    for (uint32_t size = 0; size < sizeof file; size++)
        assert_false(quorum_snapshot_get((struct isr_bytes){file, size}, &snapshot));
    for (uint32_t i = 0; i < sizeof file; i++) {
        file[i] ^= 1;
        assert_false(quorum_snapshot_get(bytes, &snapshot));
        file[i] ^= 1;
    }
}

static void snapshot_is_refused_when_its_configuration_is_nonsense(void **state)
{
    (void)state;
    uint8_t file[QUORUM_SNAPSHOT_HEADER_BYTES] = {0};
    struct isr_bytes bytes = {file, sizeof file};
    struct quorum_snapshot snapshot;
    struct quorum_configuration configuration = {.index = 13,
                                                 .members.voters = isr_replicas_unpack(0x030201)};
    quorum_snapshot_seal(file, 12, 4, &configuration, 0);
    assert_false(quorum_snapshot_get(bytes, &snapshot)); /* from behind the snapshot */
    configuration.index = 3;
    configuration.members.learners = isr_replicas_unpack(0x02);
    quorum_snapshot_seal(file, 12, 4, &configuration, 0);
    assert_false(quorum_snapshot_get(bytes, &snapshot)); /* votes and does not */
    configuration.members = (struct isr_consensus_members){.learners = isr_replicas_unpack(0x02)};
    quorum_snapshot_seal(file, 12, 4, &configuration, 0);
    assert_false(quorum_snapshot_get(bytes, &snapshot)); /* nobody votes */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vote_is_refused_when_any_bit_flips),
        cmocka_unit_test(vote_is_refused_when_it_is_nonsense),
        cmocka_unit_test(log_header_is_refused_when_it_is_nonsense),
        cmocka_unit_test(records_end_when_the_chain_breaks),
        cmocka_unit_test(snapshot_is_refused_when_cut_or_changed),
        cmocka_unit_test(snapshot_is_refused_when_its_configuration_is_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

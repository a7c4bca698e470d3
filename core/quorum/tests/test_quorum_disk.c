/* The disk fails, once, at every operation in turn: the node halts or goes on, Raft's properties hold, and it
 * comes back. And a start from every prefix of every file. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/quorum/internal.h"
#include "core/quorum/tests/cluster.h"

enum { VICTIM = 0, OPERATIONS_MAX = 4000, RUNS_MIN = 100 };

static void busy(struct cluster *cluster, uint32_t entries)
{
    for (uint32_t i = 0; i < entries; i++) {
        for (uint32_t place = 0; place < cluster->count; place++)
            cluster_propose(cluster, place, i, 30);
        cluster_run(cluster, 15 * ISR_MS);
    }
}

/* Entries, compaction, a voter more and one less, a transfer, and a time apart, so that entries are cut and a
 * snapshot is installed: every kind of operation, on a node that leads and follows in turn. */
static void history(struct cluster *cluster)
{
    cluster_start_all(cluster);
    cluster_run(cluster, 3 * ISR_SECOND);
    busy(cluster, 25);
    for (uint32_t place = 0; place < 3; place++)
        cluster_change(cluster, place, ISR_QUORUM_TRANSFER, VICTIM + 1);
    cluster_run(cluster, 500 * ISR_MS);
    for (uint32_t place = 0; place < 3; place++)
        cluster_change(cluster, place, ISR_QUORUM_ADD_VOTER, 4);
    busy(cluster, 15);
    cluster_isolate(cluster, VICTIM, true);
    busy(cluster, 3); /* the victim appends what will be cut */
    cluster_run(cluster, 4 * ISR_SECOND);
    busy(cluster, 45);
    cluster_isolate(cluster, VICTIM, false);
    cluster_run(cluster, 3 * ISR_SECOND);
    cluster_kill(cluster, VICTIM);
    cluster_start(cluster, VICTIM);
    busy(cluster, 20);
    cluster_run(cluster, ISR_SECOND);
}

static struct cluster *cluster_prepared(void)
{
    struct cluster *cluster = cluster_new(4, 21);
    cluster->voters_count = 3;
    cluster->config.quorum_snapshot_entries = 12;
    return cluster;
}

static void expect_recovery(struct cluster *cluster, uint32_t operation)
{
    cluster_start_all(cluster);
    cluster_run(cluster, 8 * ISR_SECOND);
    int leader = cluster_leader(cluster);
    if (cluster->failure != NULL || leader < 0)
        fail_msg("operation %u: %s", operation, cluster->failure != NULL ? cluster->failure : "no leader");
    int64_t index = cluster_propose(cluster, (uint32_t)leader, 4711, 30);
    cluster_run(cluster, 2 * ISR_SECOND);
    assert_true(index > 0);
    assert_true(cluster->nodes[VICTIM].alive);
    assert_true(cluster->nodes[VICTIM].quorum->applied_index >= index);
    assert_int_equal(cluster->nodes[VICTIM].state, cluster->nodes[leader].state);
    assert_null(cluster->failure);
}

static void fail_each_operation(enum isr_io_status error)
{
    uint32_t halted = 0, survived = 0, operation = 1;
    for (;; operation++) {
        struct cluster *cluster = cluster_prepared();
        struct cluster_node *victim = &cluster->nodes[VICTIM];
        victim->disk_fails_at = operation;
        victim->disk_error = error;
        history(cluster);
        bool reached = victim->disk_operations >= operation;
        halted += victim->exits > 0;
        survived += reached && victim->exits == 0;
        if (reached)
            expect_recovery(cluster, operation);
        cluster_free(cluster);
        if (!reached)
            break;
        assert_true(operation < OPERATIONS_MAX);
    }
    print_message("%u operations failed: %u times the node halted, %u times it went on\n", operation - 1,
                  halted, survived);
    assert_true(operation > RUNS_MIN);
    assert_true(halted > survived && survived > 0);
}

static void recovers_when_any_operation_fails(void **state)
{
    (void)state;
    fail_each_operation(ISR_IO_ERROR);
}

static void recovers_when_the_disk_is_full_at_any_operation(void **state)
{
    (void)state;
    fail_each_operation(ISR_IO_NO_SPACE);
}

/* ---- prefixes ---- */

static void disk_copy(struct disk *to, const struct disk *from)
{
    for (uint32_t i = 0; i < from->count; i++) {
        if (from->files[i].cached.exists)
            disk_replace(to, from->files[i].name,
                         (struct isr_bytes){from->files[i].durable.data, from->files[i].durable.size}, true);
    }
}

/* A node alone with the files of another, one of them cut. */
static struct cluster *start_with_prefix(const struct cluster *source, const struct disk_file *file,
                                         uint32_t size)
{
    struct cluster *cluster = cluster_prepared();
    cluster->unchecked = true;
    disk_copy(&cluster->nodes[VICTIM].disk, &source->nodes[VICTIM].disk);
    disk_replace(&cluster->nodes[VICTIM].disk, file->name, (struct isr_bytes){file->durable.data, size},
                 true);
    cluster_start(cluster, VICTIM);
    cluster_run(cluster, 500 * ISR_MS);
    return cluster;
}

static void expect_prefix(const struct isr_quorum *part, const struct isr_quorum *whole)
{
    assert_true(isr_quorum_last_index(part) <= isr_quorum_last_index(whole));
    for (int64_t i = part->log.base_index + 1; i <= isr_quorum_last_index(part); i++)
        assert_int_equal(isr_quorum_entry(part, i)->digest, isr_quorum_entry(whole, i)->digest);
    assert_true(part->term <= whole->term);
    assert_int_equal(
        isr_replicas_pack(&isr_quorum_configuration(part)->members.voters),
        isr_replicas_pack(&quorum_configuration_at(whole, isr_quorum_last_index(part))->members.voters));
}

/* The log may end anywhere, since its tail need not be synced; what is replaced whole is whole, or nothing is
 * known of promises made: then the node must not take part. */
static void starts_or_halts_when_a_file_is_cut_anywhere(void **state)
{
    (void)state;
    struct cluster *source = cluster_prepared();
    history(source);
    assert_null(source->failure);
    struct cluster_node *node = &source->nodes[VICTIM];
    uint32_t started = 0, halted = 0;
    for (uint32_t f = 0; f < node->disk.count; f++) {
        const struct disk_file *file = &node->disk.files[f];
        for (uint32_t size = 0; file->cached.exists && size < file->durable.size; size++) {
            struct cluster *cluster = start_with_prefix(source, file, size);
            const struct cluster_node *alone = &cluster->nodes[VICTIM];
            bool log_cut = file->name.kind == ISR_FILE_QUORUM_LOG && size >= QUORUM_LOG_HEADER_BYTES;
            assert_int_equal(alone->alive, log_cut);
            if (log_cut)
                expect_prefix(alone->quorum, node->quorum);
            started += alone->alive;
            halted += !alone->alive;
            cluster_free(cluster);
        }
    }
    assert_true(started > 100 && halted > 100);
    cluster_free(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recovers_when_any_operation_fails),
        cmocka_unit_test(recovers_when_the_disk_is_full_at_any_operation),
        cmocka_unit_test(starts_or_halts_when_a_file_is_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* I10: an answer of the in-sync read pool sees everything that was committed when the pool was refreshed, but
 * for pool_min_gap records, and its list is no older than pool_lease_time (core/client/read_pool.c says why
 * no more is promised).
 *
 * What was told at the refresh is taken from what the client observed then, not from what it remembers. How
 * far an answer is really behind what is committed by now is counted, and that more is behind than the gap:
 * these are the reads that refresh and lease allow. */
#include "sim/checks/state.h"

static struct check_pool *pool_of(struct sim_checks *checks, struct check_partition *partition,
                                  int32_t client)
{
    for (uint32_t i = 0; i < partition->pools_count; i++) {
        if (partition->pools[i].client == client)
            return &partition->pools[i];
    }
    partition->pools =
        ISR_GROW(checks->heap, partition->pools, partition->pools_count, partition->pools_capacity);
    struct check_pool *pool = &partition->pools[partition->pools_count++];
    *pool = (struct check_pool){.client = client};
    return pool;
}

/* A client that starts anew counts its refreshes from 1 on, and reads by none of before. */
void check_pool_refreshed(struct sim_checks *checks, struct check_partition *partition, int32_t client,
                          const struct isr_observation *observation)
{
    struct check_pool *pool = pool_of(checks, partition, client);
    if (observation->pool_refreshed.list == 1)
        pool->told_count = 0;
    pool->told = ISR_GROW(checks->heap, pool->told, pool->told_count, pool->told_capacity);
    pool->told[pool->told_count++] =
        (struct check_told){.high_watermark = observation->pool_refreshed.high_watermark,
                            .leader_epoch = (int32_t)observation->pool_refreshed.leader_epoch,
                            .has_members = observation->pool_refreshed.members != 0};
}

static void count_staleness(struct sim_checks *checks, const struct check_partition *partition,
                            const struct isr_observation *observation)
{
    int64_t behind = partition->history.true_high_watermark - observation->pool_read.high_watermark;
    checks->pool.reads++;
    if (behind > (int64_t)checks->pool.most_behind)
        checks->pool.most_behind = (uint64_t)behind;
    if (behind > checks->view.pool_min_gap)
        checks->pool.stale++;
    if (observation->pool_read.by_list && observation->pool_read.age > checks->view.pool_refresh_ns)
        checks->pool.leased++;
}

void check_pool_read(struct sim_checks *checks, struct check_partition *partition, int32_t client,
                     const struct isr_observation *observation)
{
    const struct check_pool *pool = pool_of(checks, partition, client);
    int64_t list = observation->pool_read.list, seen = observation->pool_read.high_watermark;
    count_staleness(checks, partition, observation);
    bool told_of = list >= 1 && list <= pool->told_count;
    if (!observation->pool_read.by_list) {
        checks->pool.passed_over += told_of && pool->told[list - 1].has_members;
        return;
    }
    check_count(checks, SIM_INVARIANT_I10);
    if (!told_of) {
        check_fail(checks, SIM_INVARIANT_I10, "%s: %s read by a list that no leader gave it",
                   check_partition_label(partition).text, check_node_label(checks, client).text);
        return;
    }
    int64_t told = pool->told[list - 1].high_watermark;
    /* Records that an allowed loss took since are missing in every answer from then on; not those below. */
    int64_t floor = check_ledger_floor(partition, pool->told[list - 1].leader_epoch);
    if (told > floor)
        told = floor;
    if (seen < told - checks->view.pool_min_gap)
        check_fail(checks, SIM_INVARIANT_I10,
                   "%s: %s was answered by %s up to offset %ld, although %ld was committed when its pool was "
                   "refreshed and pool_min_gap is %ld",
                   check_partition_label(partition).text, check_node_label(checks, client).text,
                   check_node_label(checks, (int32_t)observation->pool_read.replica).text, seen, told,
                   checks->view.pool_min_gap);
    if (observation->pool_read.age > checks->view.pool_lease_ns)
        check_fail(checks, SIM_INVARIANT_I10,
                   "%s: %s read from %s by a list that is %s old, beyond its lease",
                   check_partition_label(partition).text, check_node_label(checks, client).text,
                   check_node_label(checks, (int32_t)observation->pool_read.replica).text,
                   check_time_label(observation->pool_read.age).text);
}

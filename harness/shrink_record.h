/* What happened in the best's run, in more detail than an attempt keeps: it is run once more and listened to.
 */
#ifndef HARNESS_SHRINK_RECORD_H
#define HARNESS_SHRINK_RECORD_H

#include "harness/shrinker.h"

/* A batch that a client was told to send. */
struct shrink_batch {
    int64_t time_ns;
    uint32_t topic, client; /* places in the spec; client == clients_count: the world's own */
    int32_t partition, records, value_bytes;
    int16_t acks;
};

/* A message that a link lost. Had it arrived, it would have been the next of its kind from this time on. */
struct shrink_lost {
    int64_t time_ns;
    int32_t from, to;
    uint32_t kind; /* enum isr_message_kind */
};

enum { SHRINK_CONDITIONS_MAX = 400, SHRINK_BATCHES_MAX = 600, SHRINK_LOST_MAX = 600 };

struct shrink_record {
    /* conditions that held when the step in question ran, and those of them that did not when the step before
     * it ran come first */
    struct sim_condition conditions[SHRINK_CONDITIONS_MAX];
    uint32_t conditions_count, news_count;
    struct shrink_batch batches[SHRINK_BATCHES_MAX];
    uint32_t batches_count;
    struct shrink_lost lost[SHRINK_LOST_MAX];
    uint32_t lost_count;
    /* by topic and partition, as the controller had placed them when the run ended; count 0: unknown */
    struct isr_replicas *placed;
    struct pool pool;
};

/* Runs the best again. step: whose conditions are wanted; UINT32_MAX: nobody's. Counts as an attempt. NULL
 * where the best was not run by the simulator. */
struct shrink_record *shrink_record_take(struct shrinker *shrinker, uint32_t step);
void shrink_record_free(struct shrink_record *record);

#endif

/* Peer 1 alone, with a disk; the test is the network and the other peers. Whatever it sent since the last
 * look is in sent, decoded. */
#ifndef ISR_PEER_TESTS_FIXTURE_H
#define ISR_PEER_TESTS_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/peer/internal.h"
#include "core/tests/disk.h"
#include "core/tests/support.h"

enum { FIXTURE_SENT_MAX = 256 };

struct fixture_sent {
    int32_t to;
    struct isr_message message;
};

struct fixture {
    struct test_heap heap;
    struct test_heap messages; /* of what was sent */
    struct isr_scratch scratch;
    struct isr_config config;
    struct isr_rules rules;
    struct isr_peer_options options;
    struct isr_env env;
    struct isr_peer *peer;
    struct test_disk disk;
    struct test_random random;
    int64_t now_ns;
    bool disk_stalls;
    struct fixture_sent sent[FIXTURE_SENT_MAX];
    uint32_t sent_count;
};

static inline void fixture_collect(struct fixture *f)
{
    struct isr_effects effects;
    isr_env_end(&f->env, &effects);
    for (uint32_t i = 0; i < effects.count; i++) {
        const struct isr_effect *effect = &effects.items[i];
        if (effect->kind != ISR_EFFECT_SEND || f->sent_count == FIXTURE_SENT_MAX)
            continue;
        struct fixture_sent *sent = &f->sent[f->sent_count++];
        uint8_t *copy = isr_scratch_allocate(&f->scratch, effect->bytes.size);
        memcpy(copy, effect->bytes.data, effect->bytes.size);
        sent->to = effect->to;
        assert_true(
            isr_message_decode((struct isr_bytes){copy, effect->bytes.size}, &f->scratch, &sent->message));
    }
    test_disk_take(&f->disk, &effects);
}

static inline void fixture_disk(struct fixture *f)
{
    struct isr_event event;
    while (!f->disk_stalls && !f->env.exiting && test_disk_step(&f->disk, &f->random, &event)) {
        isr_env_begin(&f->env, f->now_ns);
        isr_env_io_done(&f->env, &event);
        fixture_collect(f);
    }
}

static inline void fixture_boot(struct fixture *f)
{
    test_heap_init(&f->heap);
    isr_env_init(&f->env, 1, &f->heap.heap, &f->config, &f->rules, 3);
    isr_env_begin(&f->env, f->now_ns);
    f->peer = isr_peer_new(&f->env, &f->options);
    isr_peer_start(f->peer);
    fixture_collect(f);
    fixture_disk(f);
}

/* A member of a group of three that all knew from the start; commit by majority, pull. */
static inline struct fixture *fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    test_heap_init(&f->messages);
    isr_scratch_init(&f->scratch, &f->messages.heap);
    f->config = isr_config_default();
    f->now_ns = ISR_SECOND;
    f->options = (struct isr_peer_options){.commit = ISR_COMMIT_QUORUM,
                                           .host = 1,
                                           .members = {.count = 3, .ids = {1, 2, 3}},
                                           .topic = {"orders"}};
    return f;
}

static inline struct fixture *fixture_started(void)
{
    struct fixture *f = fixture_new();
    fixture_boot(f);
    return f;
}

static inline void fixture_free(struct fixture *f)
{
    test_heap_drop(&f->heap);
    test_heap_drop(&f->messages);
    test_disk_free(&f->disk);
    free(f);
}

static inline void fixture_restart(struct fixture *f)
{
    test_disk_crash(&f->disk, &f->random, false);
    test_heap_drop(&f->heap);
    fixture_boot(f);
}

static inline void fixture_receive(struct fixture *f, int32_t from, struct isr_message message)
{
    isr_env_begin(&f->env, f->now_ns);
    (void)isr_peer_message(f->peer, from, &message);
    fixture_collect(f);
    fixture_disk(f);
}

static inline void fixture_pass(struct fixture *f, int64_t ns)
{
    int64_t until_ns = f->now_ns + ns;
    while (isr_timers_next(&f->env.timers) <= until_ns) {
        if (isr_timers_next(&f->env.timers) > f->now_ns)
            f->now_ns = isr_timers_next(&f->env.timers);
        isr_env_begin(&f->env, f->now_ns);
        struct isr_timer *timer = isr_timers_pop(&f->env.timers, f->now_ns);
        timer->fire(timer->object);
        fixture_collect(f);
        fixture_disk(f);
    }
    f->now_ns = until_ns;
}

/* The last message of the kind sent to the node, NULL when there is none; what was sent is forgotten. */
static inline const struct isr_message *fixture_sent(struct fixture *f, int32_t to,
                                                     enum isr_message_kind kind)
{
    const struct isr_message *found = NULL;
    for (uint32_t i = 0; i < f->sent_count; i++) {
        if (f->sent[i].to == to && f->sent[i].message.kind == kind)
            found = &f->sent[i].message;
    }
    f->sent_count = 0;
    return found;
}

/* ---- what others say ---- */

static inline struct isr_message vote_request(int32_t term, bool canvass, int32_t last_term, int64_t log_end)
{
    return (struct isr_message){.kind = ISR_MESSAGE_PEER_VOTE_REQUEST,
                                .peer_vote_request = {.term = term,
                                                      .canvass = canvass,
                                                      .last_term = last_term,
                                                      .log_end = log_end,
                                                      .healthy = 1,
                                                      .config_term = 0,
                                                      .config_version = 1}};
}

static inline struct isr_message heartbeat(int32_t term, int32_t leader)
{
    return (struct isr_message){.kind = ISR_MESSAGE_PEER_HEARTBEAT,
                                .peer_heartbeat = {.term = term,
                                                   .leader = (int16_t)leader,
                                                   .healthy = 1,
                                                   .config_term = term > 0 ? 1 : 0,
                                                   .config_version = 1,
                                                   .members = {.count = 3, .ids = {1, 2, 3}}}};
}

static inline struct isr_message grant(int32_t term, bool canvass)
{
    return (struct isr_message){
        .kind = ISR_MESSAGE_PEER_VOTE_RESPONSE,
        .peer_vote_response = {
            .request_term = term, .term = term - canvass, .canvass = canvass, .healthy = 1}};
}

/* Elects peer 1 in term 1 of a fresh group of three. */
static inline void fixture_lead(struct fixture *f)
{
    isr_env_begin(&f->env, f->now_ns);
    isr_peer_command(f->peer, &(struct isr_command){.kind = ISR_COMMAND_CAMPAIGN});
    fixture_collect(f);
    fixture_disk(f);
    fixture_receive(f, 2, grant(f->peer->state.term, false));
    assert_int_equal(f->peer->partition.role, ISR_ROLE_LEADER);
}

static inline struct isr_message position(const struct fixture *f, int64_t log_end, int32_t last_epoch)
{
    int32_t term = f->peer->state.term;
    return (struct isr_message){.kind = ISR_MESSAGE_PEER_POSITION,
                                .peer_position = {.correlation = 1,
                                                  .term = term,
                                                  .log_end = log_end,
                                                  .last_epoch = last_epoch,
                                                  .held_end = log_end,
                                                  .mark_term = term,
                                                  .life = 1}};
}

static inline void fixture_produce(struct fixture *f, uint64_t first_value, uint32_t records, int16_t acks)
{
    struct isr_message message = {
        .kind = ISR_MESSAGE_PRODUCE_REQUEST,
        .produce_request = {.correlation = 5, .tp = {1, 0}, .acks = acks, .timeout_ns = ISR_SECOND}};
    message.produce_request.records = isr_batch_build(&f->scratch, -1, -1, -1, first_value, records, 8);
    fixture_receive(f, 9, message);
}

static inline const struct isr_log *log_of(const struct fixture *f)
{
    return f->peer->partition.log;
}

/* What a leader 3 of that term sends behind `base`. */
static inline struct isr_message run_of(struct fixture *f, int32_t term, int64_t base, int32_t previous_epoch,
                                        uint32_t records)
{
    const struct isr_message *asked = fixture_sent(f, 3, ISR_MESSAGE_PEER_POSITION);
    assert_non_null(asked);
    struct isr_message run = {.kind = ISR_MESSAGE_PEER_RECORDS,
                              .peer_records = {.correlation = asked->peer_position.correlation,
                                               .term = term,
                                               .base = base,
                                               .previous_epoch = previous_epoch,
                                               .leader_end = base + records,
                                               .diverging_epoch = ISR_EPOCH_NONE,
                                               .diverging_end = ISR_OFFSET_NONE}};
    if (records == 0)
        return run;
    struct isr_bytes batch = isr_batch_build(&f->scratch, -1, -1, -1, 1, records, 8);
    uint8_t *data = isr_scratch_allocate(&f->scratch, batch.size);
    memcpy(data, batch.data, batch.size);
    isr_batch_set_position(data, base, term);
    run.peer_records.records = (struct isr_bytes){data, batch.size};
    return run;
}

static inline void produce_committed(struct fixture *f, uint32_t batches)
{
    for (uint32_t i = 0; i < batches; i++) {
        fixture_produce(f, 1 + i, 1, 1);
        fixture_receive(f, 2, position(f, log_of(f)->log_end, f->peer->state.term));
    }
}

#endif

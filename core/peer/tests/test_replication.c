#include "core/peer/tests/fixture.h"

static void commits_when_a_majority_holds_it(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_lead(f);
    fixture_produce(f, 1, 3, -1);
    assert_int_equal(log_of(f)->high_watermark, 0);
    assert_null(fixture_sent(f, 9, ISR_MESSAGE_PRODUCE_RESPONSE));
    fixture_receive(f, 2, position(f, 3, 1));
    assert_int_equal(log_of(f)->high_watermark, 3);
    assert_int_equal(fixture_sent(f, 9, ISR_MESSAGE_PRODUCE_RESPONSE)->produce_response.error,
                     ISR_ERROR_NONE);
    fixture_free(f);
}

static void does_not_count_a_follower_when_it_is_not_marked_in_the_term(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_lead(f);
    fixture_produce(f, 1, 3, -1);
    struct isr_message unmarked = position(f, 3, 1);
    unmarked.peer_position.mark_term = ISR_EPOCH_NONE;
    fixture_receive(f, 2, unmarked);
    assert_int_equal(log_of(f)->high_watermark, 0);
    fixture_free(f);
}

static void forgets_what_a_follower_held_when_it_is_in_another_life(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->options.members = (struct isr_replicas){.count = 5, .ids = {1, 2, 3, 4, 5}};
    fixture_boot(f);
    isr_env_begin(&f->env, f->now_ns);
    isr_peer_command(f->peer, &(struct isr_command){.kind = ISR_COMMAND_CAMPAIGN});
    fixture_collect(f);
    fixture_disk(f);
    fixture_receive(f, 2, grant(1, false));
    fixture_receive(f, 3, grant(1, false));
    fixture_produce(f, 1, 3, -1);
    fixture_receive(f, 2, position(f, 3, 1));
    struct isr_message reborn = position(f, 1, 1); /* it lost two of them */
    reborn.peer_position.life = 2;
    fixture_receive(f, 2, reborn);
    fixture_receive(f, 2, position(f, 3, 1)); /* of the life before, late */
    fixture_receive(f, 3, position(f, 3, 1));
    assert_int_equal(log_of(f)->high_watermark, 1);
    fixture_free(f);
}

static void fails_waiting_clients_when_it_is_deposed(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_lead(f);
    fixture_produce(f, 1, 3, -1);
    struct isr_message beat = heartbeat(4, 3);
    f->sent_count = 0;
    fixture_receive(f, 3, beat);
    assert_int_equal(fixture_sent(f, 9, ISR_MESSAGE_PRODUCE_RESPONSE)->produce_response.error,
                     ISR_ERROR_NOT_LEADER_OR_FOLLOWER);
    fixture_free(f);
}

static void marks_itself_durably_when_it_holds_the_leaders_log(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_receive(f, 3, heartbeat(1, 3));
    fixture_receive(f, 3, run_of(f, 1, 0, -1, 2));
    assert_int_equal(log_of(f)->log_end, 2);
    assert_int_equal(f->peer->state.mark_term, 1);
    const struct isr_message *told = fixture_sent(f, 3, ISR_MESSAGE_PEER_POSITION);
    assert_int_equal(told->peer_position.mark_term, 1);
    assert_int_equal(told->peer_position.held_end, 2);
    assert_int_equal(f->peer->phase, ISR_PEER_RUN);
    fixture_free(f);
}

static void takes_nothing_when_it_does_not_fit(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_receive(f, 3, heartbeat(1, 3));
    struct isr_message gap = run_of(f, 1, 5, 1, 2);
    fixture_receive(f, 3, gap);
    assert_int_equal(log_of(f)->log_end, 0);
    struct isr_message other = run_of(f, 1, 0, 1, 2); /* behind a record that is not here */
    fixture_receive(f, 3, other);
    assert_int_equal(log_of(f)->log_end, 0);
    fixture_free(f);
}

static void rolls_back_and_drops_its_mark_when_the_logs_part(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_lead(f);
    fixture_produce(f, 1, 3, 1);
    fixture_produce(f, 4, 2, 1);
    assert_int_equal(f->peer->state.mark_term, 1);
    f->sent_count = 0;
    fixture_receive(f, 3, heartbeat(4, 3));
    struct isr_message parts = run_of(f, 4, 5, 1, 0);
    parts.peer_records.diverging_epoch = 0;
    parts.peer_records.diverging_end = 0;
    fixture_receive(f, 3, parts);
    assert_int_equal(log_of(f)->log_end, 0);
    assert_int_equal(f->peer->state.mark_term, ISR_EPOCH_NONE);
    assert_int_equal(peer_wal_position(f->peer).last_term, ISR_EPOCH_NONE);
    fixture_free(f);
}

static void answers_where_the_logs_part_when_a_follower_has_another_history(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_lead(f);
    fixture_produce(f, 1, 3, 1);
    f->sent_count = 0;
    struct isr_message foreign = position(f, 9, 1);
    foreign.peer_position.mark_term = ISR_EPOCH_NONE;
    fixture_receive(f, 2, foreign);
    const struct isr_message *answer = fixture_sent(f, 2, ISR_MESSAGE_PEER_RECORDS);
    assert_int_equal(answer->peer_records.diverging_epoch, 1);
    assert_int_equal(answer->peer_records.diverging_end, 3);
    fixture_free(f);
}

static void broadcasts_what_it_appends_when_the_group_pushes(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->options.transfer = ISR_PEER_PUSH;
    fixture_boot(f);
    fixture_lead(f);
    fixture_receive(f, 2, position(f, 0, -1));
    fixture_receive(f, 3, position(f, 0, -1));
    f->sent_count = 0;
    fixture_produce(f, 1, 2, -1);
    uint32_t runs = 0;
    for (uint32_t i = 0; i < f->sent_count; i++)
        runs += f->sent[i].message.kind == ISR_MESSAGE_PEER_RECORDS &&
                f->sent[i].message.peer_records.records.size > 0;
    assert_int_equal(runs, 2);
    fixture_free(f);
}

static void gives_every_producer_an_id_of_its_own(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    int64_t ids[2];
    for (uint32_t i = 0; i < 2; i++) {
        struct isr_message asked = {.kind = ISR_MESSAGE_INIT_PRODUCER_ID_REQUEST,
                                    .init_producer_id_request = {.correlation = 5 + i}};
        f->sent_count = 0;
        fixture_receive(f, 9, asked);
        const struct isr_message *answer = fixture_sent(f, 9, ISR_MESSAGE_INIT_PRODUCER_ID_RESPONSE);
        assert_int_equal(answer->init_producer_id_response.correlation, 5 + i);
        assert_int_equal(answer->init_producer_id_response.error, ISR_ERROR_NONE);
        ids[i] = answer->init_producer_id_response.producer_id;
        assert_true(ids[i] >= 0);
    }
    assert_int_not_equal(ids[0], ids[1]);
    fixture_free(f);
}

static void serves_no_reads_when_its_data_is_not_ready(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_receive(f, 3, heartbeat(1, 3));
    assert_int_equal(f->peer->phase, ISR_PEER_READINESS);
    struct isr_fetch_partition asked = {
        .tp = {1, 0}, .current_leader_epoch = 1, .last_fetched_epoch = -1, .max_bytes = 1000};
    struct isr_message fetch = {.kind = ISR_MESSAGE_FETCH_REQUEST,
                                .fetch_request = {.correlation = 3,
                                                  .replica_id = -1,
                                                  .replica_epoch = -1,
                                                  .max_bytes = 1000,
                                                  .partitions = &asked,
                                                  .partitions_count = 1}};
    fixture_receive(f, 9, fetch);
    assert_int_equal(fixture_sent(f, 9, ISR_MESSAGE_FETCH_RESPONSE)->fetch_response.partitions[0].error,
                     ISR_ERROR_OFFSET_NOT_AVAILABLE);
    fixture_free(f);
}

/* A leader whose WAL begins above 0. */
static struct fixture *checkpointed(void)
{
    struct fixture *f = fixture_new();
    f->config.log_segment_bytes = 1024;
    f->config.log_retention_check_interval = 10 * ISR_MS;
    f->options.retention_bytes = 1024;
    fixture_boot(f);
    fixture_lead(f);
    produce_committed(f, 100);
    fixture_pass(f, 20 * ISR_MS);
    f->sent_count = 0;
    return f;
}

static void checkpoints_its_log_but_never_what_is_not_committed(void **state)
{
    (void)state;
    struct fixture *f = checkpointed();
    assert_true(log_of(f)->log_start > 0);
    assert_true(log_of(f)->log_start <= log_of(f)->high_watermark);
    int64_t high_watermark = log_of(f)->high_watermark;
    for (uint32_t i = 0; i < 100; i++)
        fixture_produce(f, 500 + i, 1, 1); /* nobody has these */
    fixture_pass(f, 20 * ISR_MS);
    assert_int_equal(log_of(f)->high_watermark, high_watermark);
    assert_true(log_of(f)->log_start <= high_watermark);
    fixture_free(f);
}

static void sends_a_snapshot_when_asked_by_who_is_out_of_range(void **state)
{
    (void)state;
    struct fixture *f = checkpointed();
    struct isr_message behind = position(f, 1, 1);
    fixture_receive(f, 3, behind);
    const struct isr_message *told = fixture_sent(f, 3, ISR_MESSAGE_PEER_RECORDS);
    assert_int_equal(told->peer_records.out_of_range, 1);
    assert_int_equal(told->peer_records.records.size, 0);
    behind.peer_position.correlation = 7;
    behind.peer_position.snapshot = 1;
    fixture_receive(f, 3, behind);
    const struct isr_message *snapshot = fixture_sent(f, 3, ISR_MESSAGE_PEER_SNAPSHOT);
    assert_int_equal(snapshot->peer_snapshot.correlation, 7);
    assert_int_equal(snapshot->peer_snapshot.log_start, log_of(f)->log_start);
    assert_int_equal(snapshot->peer_snapshot.epoch_before, 1);
    fixture_free(f);
}

static void question_for_snapshot(struct fixture *f)
{
    struct isr_message asked = position(f, 1, 1);
    asked.peer_position.mark_term = ISR_EPOCH_NONE;
    asked.peer_position.correlation = 7;
    asked.peer_position.snapshot = 1;
    f->sent_count = 0;
    fixture_receive(f, 3, asked);
}

/* The epoch before its start is forgotten: its first batch tells one, but only what is committed counts. */
static void sends_a_snapshot_behind_its_first_batch_when_the_disk_forgot_the_epoch_before_it(void **state)
{
    (void)state;
    struct fixture *f = checkpointed();
    test_disk_remove(&f->disk, (struct isr_file){.kind = ISR_FILE_EPOCHS, .tp = {1, 0}});
    test_disk_remove(&f->disk, (struct isr_file){.kind = ISR_FILE_HIGH_WATERMARKS});
    fixture_restart(f);
    int64_t log_start = log_of(f)->log_start;
    assert_true(log_start > 0 && log_of(f)->places_count > 0);
    assert_int_equal(log_of(f)->epoch_before, ISR_EPOCH_NONE);
    fixture_lead(f);
    assert_int_equal(log_of(f)->high_watermark, log_start);
    question_for_snapshot(f);
    assert_null(fixture_sent(f, 3, ISR_MESSAGE_PEER_SNAPSHOT));
    fixture_receive(f, 2, position(f, log_of(f)->log_end, 1));
    assert_int_equal(log_of(f)->high_watermark, log_of(f)->log_end);
    question_for_snapshot(f);
    const struct isr_message *snapshot = fixture_sent(f, 3, ISR_MESSAGE_PEER_SNAPSHOT);
    assert_non_null(snapshot);
    assert_int_equal(snapshot->peer_snapshot.log_start, log_start + log_of(f)->places[0].record_count);
    assert_int_equal(snapshot->peer_snapshot.epoch_before, 1);
    fixture_free(f);
}

static void does_not_take_another_history_for_its_own_when_it_ends_at_the_start(void **state)
{
    (void)state;
    struct fixture *f = checkpointed();
    struct isr_message other = position(f, log_of(f)->log_start, 0);
    other.peer_position.mark_term = ISR_EPOCH_NONE;
    fixture_receive(f, 3, other);
    assert_int_equal(fixture_sent(f, 3, ISR_MESSAGE_PEER_RECORDS)->peer_records.out_of_range, 1);
    fixture_receive(f, 2, position(f, log_of(f)->log_start, 1));
    const struct isr_message *run = fixture_sent(f, 2, ISR_MESSAGE_PEER_RECORDS);
    assert_int_equal(run->peer_records.out_of_range, 0);
    assert_int_equal(run->peer_records.base, log_of(f)->log_start);
    assert_int_equal(run->peer_records.previous_epoch, 1);
    assert_true(run->peer_records.records.size > 0);
    fixture_free(f);
}

/* Follows 3 in that term and is told that it is out of range: its question has this correlation. */
static uint32_t ask_for_snapshot(struct fixture *f, int32_t term)
{
    fixture_receive(f, 3, heartbeat(term, 3));
    struct isr_message beyond = run_of(f, term, log_of(f)->log_end, -1, 0);
    beyond.peer_records.out_of_range = 1;
    fixture_receive(f, 3, beyond);
    const struct isr_message *asked = fixture_sent(f, 3, ISR_MESSAGE_PEER_POSITION);
    assert_int_equal(asked->peer_position.snapshot, 1);
    return asked->peer_position.correlation;
}

/* At offset 20, before which lies a record of epoch_before. */
static struct isr_message snapshot_of(struct fixture *f, uint32_t correlation, int32_t term,
                                      int32_t epoch_before)
{
    struct isr_log source = {.env = &f->env, .log_start = 20, .log_end = 20};
    isr_env_begin(&f->env, f->now_ns);
    struct isr_bytes producers = isr_log_state(&source, 20).producers;
    uint8_t *copy = isr_scratch_allocate(&f->scratch, producers.size);
    memcpy(copy, producers.data, producers.size);
    fixture_collect(f);
    return (struct isr_message){.kind = ISR_MESSAGE_PEER_SNAPSHOT,
                                .peer_snapshot = {.correlation = correlation,
                                                  .term = term,
                                                  .log_start = 20,
                                                  .epoch_before = epoch_before,
                                                  .producers = {copy, producers.size}}};
}

static void receive_snapshot(struct fixture *f, int32_t term, int32_t epoch_before)
{
    uint32_t correlation = ask_for_snapshot(f, term);
    fixture_receive(f, 3, snapshot_of(f, correlation, term, epoch_before));
}

static void goes_on_behind_a_snapshot(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    receive_snapshot(f, 2, 1);
    assert_int_equal(log_of(f)->log_start, 20);
    assert_int_equal(log_of(f)->log_end, 20);
    assert_int_equal(f->peer->state.mark_term, ISR_EPOCH_NONE);
    assert_false(f->peer->data_ready);
    assert_int_equal(f->peer->phase, ISR_PEER_READINESS);
    assert_int_equal(peer_wal_position(f->peer).last_term, 1);
    fixture_receive(f, 3, run_of(f, 2, 20, 1, 3));
    assert_int_equal(log_of(f)->log_end, 23);
    const struct isr_message *told = fixture_sent(f, 3, ISR_MESSAGE_PEER_POSITION);
    assert_int_equal(told->peer_position.held_end, 23);
    assert_int_equal(told->peer_position.mark_term, 2);
    assert_int_equal(f->peer->phase, ISR_PEER_RUN);
    fixture_free(f);
}

static void counts_only_when_its_snapshot_is_durable(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    f->disk_stalls = true;
    receive_snapshot(f, 2, 1);
    fixture_receive(f, 3, run_of(f, 2, 20, 1, 0));
    const struct isr_message *told = fixture_sent(f, 3, ISR_MESSAGE_PEER_POSITION);
    assert_int_equal(told->peer_position.log_end, 20);
    assert_int_equal(told->peer_position.last_epoch, 1);
    assert_int_equal(told->peer_position.held_end, 0);
    assert_int_equal(told->peer_position.mark_term, ISR_EPOCH_NONE);
    f->disk_stalls = false;
    fixture_disk(f);
    told = fixture_sent(f, 3, ISR_MESSAGE_PEER_POSITION);
    assert_int_equal(told->peer_position.held_end, 20);
    assert_int_equal(told->peer_position.mark_term, 2);
    fixture_free(f);
}

static void tells_again_what_it_holds_when_a_snapshot_in_its_own_term_is_durable(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_receive(f, 3, heartbeat(2, 3));
    fixture_receive(f, 3, run_of(f, 2, 0, -1, 2));
    assert_int_equal(f->peer->state.mark_term, 2);
    f->sent_count = 0;
    fixture_pass(f, 2 * ISR_SECOND); /* asks again */
    f->disk_stalls = true;
    receive_snapshot(f, 2, 2);
    assert_int_equal(log_of(f)->log_end, 20);
    fixture_receive(f, 3, run_of(f, 2, 20, 2, 0));
    assert_int_equal(fixture_sent(f, 3, ISR_MESSAGE_PEER_POSITION)->peer_position.held_end, 0);
    f->disk_stalls = false;
    fixture_disk(f);
    const struct isr_message *told = fixture_sent(f, 3, ISR_MESSAGE_PEER_POSITION);
    assert_int_equal(told->peer_position.held_end, 20);
    assert_int_equal(told->peer_position.mark_term, 2);
    fixture_free(f);
}

static void is_not_ready_any_more_when_it_takes_a_snapshot(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_receive(f, 3, heartbeat(2, 3));
    fixture_receive(f, 3, run_of(f, 2, 0, -1, 2));
    assert_int_equal(f->peer->phase, ISR_PEER_RUN);
    assert_true(f->peer->data_ready);
    uint32_t correlation = ask_for_snapshot(f, 2);
    assert_int_equal(f->peer->phase, ISR_PEER_RUN);
    fixture_receive(f, 3, snapshot_of(f, correlation, 2, 2));
    assert_int_equal(log_of(f)->log_start, 20);
    assert_int_equal(f->peer->phase, ISR_PEER_READINESS);
    assert_int_equal(fixture_sent(f, 3, ISR_MESSAGE_PEER_POSITION)->peer_position.ready, 0);
    fixture_free(f);
}

/* A snapshot was refused: it asks for another one when the backoff is over. */
static void assert_asks_again(struct fixture *f)
{
    assert_null(fixture_sent(f, 3, ISR_MESSAGE_PEER_POSITION));
    fixture_pass(f, f->config.retry_backoff);
    const struct isr_message *asked = fixture_sent(f, 3, ISR_MESSAGE_PEER_POSITION);
    assert_non_null(asked);
    assert_int_equal(asked->peer_position.snapshot, 1);
}

static void keeps_its_records_when_a_snapshot_ends_below_them(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_receive(f, 3, heartbeat(2, 3));
    fixture_receive(f, 3, run_of(f, 2, 0, -1, 25));
    receive_snapshot(f, 2, 2);
    assert_int_equal(log_of(f)->log_start, 0);
    assert_int_equal(log_of(f)->log_end, 25);
    assert_asks_again(f);
    fixture_free(f);
}

static void keeps_its_records_when_a_snapshot_is_damaged(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_receive(f, 3, heartbeat(2, 3));
    fixture_receive(f, 3, run_of(f, 2, 0, -1, 2));
    uint32_t correlation = ask_for_snapshot(f, 2);
    struct isr_message snapshot = snapshot_of(f, correlation, 2, 2);
    snapshot.peer_snapshot.producers.size--;
    fixture_receive(f, 3, snapshot);
    assert_int_equal(log_of(f)->log_start, 0);
    assert_int_equal(log_of(f)->log_end, 2);
    assert_int_equal(f->peer->state.mark_term, 2);
    assert_asks_again(f);
    fixture_free(f);
}

static void keeps_a_snapshot_over_a_restart(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    receive_snapshot(f, 2, 1);
    fixture_restart(f);
    assert_int_equal(log_of(f)->log_start, 20);
    assert_int_equal(log_of(f)->log_end, 20);
    assert_int_equal(peer_wal_position(f->peer).last_term, 1);
    fixture_free(f);
}

static void starts_from_nothing_when_its_disk_forgot_what_an_empty_log_stands_on(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    receive_snapshot(f, 2, 1);
    test_image_clear(
        &test_disk_file(&f->disk, (struct isr_file){.kind = ISR_FILE_EPOCHS, .tp = {1, 0}})->durable);
    test_image_clear(
        &test_disk_file(&f->disk, (struct isr_file){.kind = ISR_FILE_EPOCHS, .tp = {1, 0}})->cached);
    fixture_restart(f);
    assert_int_equal(log_of(f)->log_start, 0);
    assert_int_equal(log_of(f)->log_end, 0);
    assert_int_equal(peer_wal_position(f->peer).last_term, ISR_EPOCH_NONE);
    fixture_free(f);
}

static void starts_again_when_the_logs_part_at_its_snapshot(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    receive_snapshot(f, 2, 1);
    struct isr_message parts = run_of(f, 2, 20, 1, 0);
    parts.peer_records.diverging_epoch = 0;
    parts.peer_records.diverging_end = 30;
    fixture_receive(f, 3, parts);
    assert_int_equal(log_of(f)->log_start, 0);
    assert_int_equal(log_of(f)->log_end, 0);
    assert_int_equal(fixture_sent(f, 3, ISR_MESSAGE_PEER_POSITION)->peer_position.log_end, 0);
    fixture_free(f);
}

static void refuses_a_snapshot_when_it_is_nonsense(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    receive_snapshot(f, 2, 3); /* of an epoch to come */
    assert_int_equal(log_of(f)->log_start, 0);
    receive_snapshot(f, 4, -1);
    assert_int_equal(log_of(f)->log_start, 0);
    fixture_free(f);
}

static void drops_a_mark_of_another_history_before_it_takes_a_snapshot(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_lead(f);
    fixture_produce(f, 1, 3, 1);
    assert_int_equal(f->peer->state.mark_term, 1);
    f->sent_count = 0;
    receive_snapshot(f, 4, 0);
    assert_int_equal(f->peer->state.mark_term, ISR_EPOCH_NONE);
    assert_int_equal(log_of(f)->log_end, 3); /* not yet */
    assert_int_equal(fixture_sent(f, 3, ISR_MESSAGE_PEER_POSITION)->peer_position.snapshot, 1);
    fixture_free(f);
}

/* All but the operations on the group's log. */
static void disk_without_the_log(struct fixture *f)
{
    struct isr_event event;
    while (test_disk_step_of(&f->disk, ISR_FILE_PEER, &event)) {
        isr_env_begin(&f->env, f->now_ns);
        isr_env_io_done(&f->env, &event);
        fixture_collect(f);
    }
}

/* A crash could bring back what it cut, above where it says that it began. */
static void marks_itself_as_leader_when_what_it_cut_is_gone_for_good(void **state)
{
    (void)state;
    struct fixture *f = fixture_started();
    fixture_lead(f);
    fixture_produce(f, 1, 3, 1);
    f->sent_count = 0;
    fixture_receive(f, 3, heartbeat(4, 3));
    struct isr_message parts = run_of(f, 4, 3, 1, 0);
    parts.peer_records.diverging_epoch = 0;
    parts.peer_records.diverging_end = 0;
    f->disk_stalls = true;
    fixture_receive(f, 3, parts);
    assert_int_equal(log_of(f)->log_end, 0);
    disk_without_the_log(f);
    isr_env_begin(&f->env, f->now_ns);
    isr_peer_command(f->peer, &(struct isr_command){.kind = ISR_COMMAND_CAMPAIGN});
    fixture_collect(f);
    disk_without_the_log(f);
    fixture_receive(f, 2, grant(5, false));
    disk_without_the_log(f);
    assert_int_equal(f->peer->partition.role, ISR_ROLE_LEADER);
    assert_int_equal(f->peer->state.mark_term, ISR_EPOCH_NONE);
    assert_false(f->peer->marked);
    f->disk_stalls = false;
    fixture_disk(f);
    assert_int_equal(f->peer->state.mark_term, 5);
    assert_true(f->peer->marked);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commits_when_a_majority_holds_it),
        cmocka_unit_test(does_not_count_a_follower_when_it_is_not_marked_in_the_term),
        cmocka_unit_test(forgets_what_a_follower_held_when_it_is_in_another_life),
        cmocka_unit_test(fails_waiting_clients_when_it_is_deposed),
        cmocka_unit_test(marks_itself_durably_when_it_holds_the_leaders_log),
        cmocka_unit_test(takes_nothing_when_it_does_not_fit),
        cmocka_unit_test(rolls_back_and_drops_its_mark_when_the_logs_part),
        cmocka_unit_test(answers_where_the_logs_part_when_a_follower_has_another_history),
        cmocka_unit_test(broadcasts_what_it_appends_when_the_group_pushes),
        cmocka_unit_test(checkpoints_its_log_but_never_what_is_not_committed),
        cmocka_unit_test(sends_a_snapshot_when_asked_by_who_is_out_of_range),
        cmocka_unit_test(sends_a_snapshot_behind_its_first_batch_when_the_disk_forgot_the_epoch_before_it),
        cmocka_unit_test(does_not_take_another_history_for_its_own_when_it_ends_at_the_start),
        cmocka_unit_test(goes_on_behind_a_snapshot),
        cmocka_unit_test(counts_only_when_its_snapshot_is_durable),
        cmocka_unit_test(tells_again_what_it_holds_when_a_snapshot_in_its_own_term_is_durable),
        cmocka_unit_test(is_not_ready_any_more_when_it_takes_a_snapshot),
        cmocka_unit_test(keeps_its_records_when_a_snapshot_ends_below_them),
        cmocka_unit_test(keeps_its_records_when_a_snapshot_is_damaged),
        cmocka_unit_test(keeps_a_snapshot_over_a_restart),
        cmocka_unit_test(starts_from_nothing_when_its_disk_forgot_what_an_empty_log_stands_on),
        cmocka_unit_test(refuses_a_snapshot_when_it_is_nonsense),
        cmocka_unit_test(marks_itself_as_leader_when_what_it_cut_is_gone_for_good),
        cmocka_unit_test(starts_again_when_the_logs_part_at_its_snapshot),
        cmocka_unit_test(drops_a_mark_of_another_history_before_it_takes_a_snapshot),
        cmocka_unit_test(gives_every_producer_an_id_of_its_own),
        cmocka_unit_test(serves_no_reads_when_its_data_is_not_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

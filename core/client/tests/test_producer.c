#include "core/client/tests/fake.h"

/* Answers the question for a producer id that the last step asked. */
static void give_producer_id(struct fake *fake, enum isr_error error, int64_t producer_id)
{
    const struct fake_sent *asked = fake_sent_nth(fake, ISR_MESSAGE_INIT_PRODUCER_ID_REQUEST, 0);
    struct isr_message message = {.kind = ISR_MESSAGE_INIT_PRODUCER_ID_RESPONSE};
    message.init_producer_id_response = (struct isr_init_producer_id_response){
        .correlation = asked->message.init_producer_id_request.correlation,
        .error = (uint8_t)error,
        .producer_id = producer_id};
    fake_answer(fake, asked->to, &message);
}

static void command_produce(struct fake *fake, uint64_t id, int16_t acks)
{
    struct isr_command command = {.kind = ISR_COMMAND_PRODUCE,
                                  .id = id,
                                  .topic = "orders",
                                  .partition = 1,
                                  .acks = acks,
                                  .first_value = id * 100,
                                  .record_count = 3,
                                  .value_bytes = 16};
    fake_command(fake, &command);
}

/* A producer id is there as soon as it is asked for. */
static void produce_with(struct fake *fake, uint64_t id, int16_t acks)
{
    command_produce(fake, id, acks);
    if (fake_sent_of_kind(fake, ISR_MESSAGE_INIT_PRODUCER_ID_REQUEST) > 0)
        give_producer_id(fake, ISR_ERROR_NONE, 4711);
}

static void produce(struct fake *fake, uint64_t id)
{
    produce_with(fake, id, -1);
}

static struct isr_batch batch_of(const struct fake_sent *sent)
{
    struct isr_batch batch;
    assert_int_equal(isr_batch_parse(sent->message.produce_request.records, true, &batch), ISR_BATCH_OK);
    return batch;
}

static struct isr_message answer_to(const struct fake_sent *sent, enum isr_error error, int64_t base_offset)
{
    struct isr_message message = {.kind = ISR_MESSAGE_PRODUCE_RESPONSE};
    message.produce_response =
        (struct isr_produce_response){.correlation = sent->message.produce_request.correlation,
                                      .tp = sent->message.produce_request.tp,
                                      .error = (uint8_t)error,
                                      .base_offset = base_offset,
                                      .leader = ISR_NODE_NONE,
                                      .leader_epoch = ISR_EPOCH_NONE};
    return message;
}

static struct fake_sent request(struct fake *fake, uint32_t nth)
{
    return *fake_sent_nth(fake, ISR_MESSAGE_PRODUCE_REQUEST, nth);
}

static void replies_with_offset_when_acknowledged(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    produce(fake, 1);
    struct fake_sent sent = request(fake, 0);
    assert_int_equal(sent.to, 3);
    struct isr_batch batch = batch_of(&sent);
    assert_int_equal(batch.base_sequence, 0);
    assert_int_equal(batch.record_count, 3);
    assert_int_equal(batch.producer_id, 4711);
    struct isr_message answer = answer_to(&sent, ISR_ERROR_NONE, 42);
    fake_answer(fake, 3, &answer);
    fake_assert_reply(fake, 0, 1, ISR_ERROR_NONE, 42);
    assert_int_equal(fake->env.metrics.client_records_acked, 3);
    fake_free(fake);
}

static void ignores_answer_when_it_comes_twice_or_from_elsewhere(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    produce(fake, 1);
    struct fake_sent sent = request(fake, 0);
    struct isr_message answer = answer_to(&sent, ISR_ERROR_NONE, 42);
    fake_answer(fake, 2, &answer);
    assert_int_equal(fake->effects.count, 0);
    fake_answer(fake, 3, &answer);
    fake_assert_reply(fake, 0, 1, ISR_ERROR_NONE, 42);
    fake_answer(fake, 3, &answer);
    assert_int_equal(fake->effects.count, 0);
    fake_free(fake);
}

/* One batch of the epoch is acknowledged, so that more than one may be in flight. */
static void settle(struct fake *fake)
{
    produce(fake, 99);
    struct fake_sent sent = request(fake, 0);
    struct isr_message answer = answer_to(&sent, ISR_ERROR_NONE, 0);
    fake_answer(fake, 3, &answer);
}

static void sends_one_at_a_time_when_no_leader_knows_the_producer(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    produce(fake, 1);
    struct fake_sent first = request(fake, 0);
    produce(fake, 2);
    produce(fake, 3);
    assert_int_equal(fake->sent_count, 0);
    struct isr_message answer = answer_to(&first, ISR_ERROR_NONE, 0);
    fake_answer(fake, 3, &answer);
    assert_int_equal(fake_sent_of_kind(fake, ISR_MESSAGE_PRODUCE_REQUEST), 2);
    fake_free(fake);
}

static void sends_at_most_max_in_flight_when_nothing_is_answered(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    settle(fake);
    struct fake_sent first = {0};
    for (uint64_t id = 1; id <= 7; id++) {
        produce(fake, id);
        assert_int_equal(fake_sent_of_kind(fake, ISR_MESSAGE_PRODUCE_REQUEST), id <= 5);
        if (id == 1)
            first = request(fake, 0);
        if (id <= 5) {
            struct fake_sent sent = request(fake, 0);
            assert_int_equal(batch_of(&sent).base_sequence, (int32_t)id * 3);
        }
    }
    struct isr_message answer = answer_to(&first, ISR_ERROR_NONE, 0);
    fake_answer(fake, 3, &answer);
    struct fake_sent sixth = request(fake, 0);
    assert_int_equal(batch_of(&sixth).base_sequence, 18);
    fake_free(fake);
}

/* The first answer is lost, four come: the sixth batch has to wait, or the first would be forgotten by the
 * leader. */
static void stays_within_what_leaders_remember_when_an_answer_is_lost(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    settle(fake);
    struct fake_sent sent[5];
    for (uint64_t id = 1; id <= 5; id++) {
        produce(fake, id);
        sent[id - 1] = request(fake, 0);
        struct isr_message answer = answer_to(&sent[id - 1], ISR_ERROR_NONE, (int64_t)id * 3);
        if (id > 1)
            fake_answer(fake, 3, &answer);
    }
    produce(fake, 6);
    assert_int_equal(fake->sent_count, 0);
    struct isr_message answer = answer_to(&sent[0], ISR_ERROR_NONE, 3);
    fake_answer(fake, 3, &answer);
    assert_int_equal(fake_sent_of_kind(fake, ISR_MESSAGE_PRODUCE_REQUEST), 1);
    fake_free(fake);
}

static void keeps_the_batch_when_a_request_timed_out(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    produce(fake, 1);
    struct fake_sent sent = request(fake, 0);
    uint32_t crc = batch_of(&sent).crc;
    struct fake_sent again = *fake_wait_for(fake, ISR_MESSAGE_METADATA_REQUEST);
    again = *fake_wait_for(fake, ISR_MESSAGE_PRODUCE_REQUEST);
    assert_int_equal(batch_of(&again).crc, crc);
    assert_int_equal(batch_of(&again).base_sequence, 0);
    struct isr_message answer = answer_to(&again, ISR_ERROR_DUPLICATE_SEQUENCE_NUMBER, 17);
    fake_answer(fake, 3, &answer);
    fake_assert_reply(fake, 0, 1, ISR_ERROR_NONE, 17);
    fake_free(fake);
}

static void goes_to_the_new_leader_when_the_answer_names_it(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    produce(fake, 1);
    struct fake_sent sent = request(fake, 0);
    struct isr_message answer = answer_to(&sent, ISR_ERROR_NOT_LEADER_OR_FOLLOWER, -1);
    answer.produce_response.leader = 2;
    answer.produce_response.leader_epoch = 5;
    fake_answer(fake, 3, &answer);
    struct fake_sent again = request(fake, 0);
    assert_int_equal(again.to, 2);
    assert_int_equal(batch_of(&again).base_sequence, 0);
    /* An older hint leads nowhere: metadata is asked, and the sender pauses. */
    answer = answer_to(&again, ISR_ERROR_NOT_LEADER_OR_FOLLOWER, -1);
    answer.produce_response.leader = 1;
    answer.produce_response.leader_epoch = 4;
    fake_answer(fake, 2, &answer);
    assert_int_equal(fake_sent_of_kind(fake, ISR_MESSAGE_PRODUCE_REQUEST), 0);
    fake_metadata(fake, 1, 6);
    struct fake_sent third = *fake_wait_for(fake, ISR_MESSAGE_PRODUCE_REQUEST);
    assert_int_equal(third.to, 1);
    fake_free(fake);
}

static void does_not_go_back_when_metadata_is_older(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    produce(fake, 1);
    struct fake_sent sent = request(fake, 0);
    struct isr_message answer = answer_to(&sent, ISR_ERROR_STORAGE_ERROR, -1);
    fake_answer(fake, 3, &answer);
    fake_metadata(fake, 2, 3);
    struct fake_sent again = *fake_wait_for(fake, ISR_MESSAGE_PRODUCE_REQUEST);
    assert_int_equal(again.to, 3);
    fake_free(fake);
}

static void waits_for_the_topic_when_it_is_being_created(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata_without_topics(fake);
    produce(fake, 1);
    assert_int_equal(fake_sent_of_kind(fake, ISR_MESSAGE_PRODUCE_REQUEST), 0);
    fake_metadata_without_topics(fake);
    fake_metadata(fake, 1, 0);
    assert_int_equal(request(fake, 0).to, 1);
    fake_free(fake);
}

static void times_out_when_the_topic_never_comes(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata_without_topics(fake);
    produce(fake, 1);
    while (fake_effect(fake, ISR_EFFECT_REPLY, 0) == NULL) {
        if (fake_sent_of_kind(fake, ISR_MESSAGE_METADATA_REQUEST) > 0)
            fake_metadata_without_topics(fake);
        else
            assert_true(fake_wait(fake, ISR_SECOND));
    }
    fake_assert_reply(fake, 0, 1, ISR_ERROR_REQUEST_TIMED_OUT, -1);
    assert_int_equal(fake->env.now_ns, fake->env.config.delivery_timeout);
    fake_free(fake);
}

static void waits_for_the_earlier_when_a_later_is_out_of_order(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    settle(fake);
    produce(fake, 1);
    struct fake_sent first = request(fake, 0);
    produce(fake, 2);
    struct fake_sent second = request(fake, 0);
    struct isr_message answer = answer_to(&first, ISR_ERROR_NOT_ENOUGH_REPLICAS, -1);
    fake_answer(fake, 3, &answer);
    answer = answer_to(&second, ISR_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
    fake_answer(fake, 3, &answer);
    fake_wait_for(fake, ISR_MESSAGE_PRODUCE_REQUEST);
    struct fake_sent again[2] = {request(fake, 0), request(fake, 1)};
    for (int i = 0; i < 2; i++) {
        struct isr_batch batch = batch_of(&again[i]);
        assert_int_equal(batch.producer_epoch, 0);
        assert_int_equal(batch.base_sequence, 3 * (i + 1));
    }
    fake_free(fake);
}

/* The refusal of the second, sent while the first was on its way, is overtaken by the success of the first.
 */
static void does_not_take_a_late_refusal_for_lost_records(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    settle(fake);
    produce(fake, 1);
    struct fake_sent first = request(fake, 0);
    produce(fake, 2);
    struct fake_sent second = request(fake, 0);
    struct isr_message answer = answer_to(&first, ISR_ERROR_NONE, 3);
    fake_answer(fake, 3, &answer);
    answer = answer_to(&second, ISR_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
    fake_answer(fake, 3, &answer);
    struct fake_sent again = *fake_wait_for(fake, ISR_MESSAGE_PRODUCE_REQUEST);
    assert_int_equal(batch_of(&again).producer_epoch, 0);
    assert_int_equal(batch_of(&again).base_sequence, 6);
    fake_free(fake);
}

static void begins_a_new_epoch_when_the_log_lost_records(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    produce(fake, 1);
    struct fake_sent sent = request(fake, 0);
    struct isr_message answer = answer_to(&sent, ISR_ERROR_NONE, 0);
    fake_answer(fake, 3, &answer);
    produce(fake, 2);
    sent = request(fake, 0);
    assert_int_equal(batch_of(&sent).base_sequence, 3);
    answer = answer_to(&sent, ISR_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
    fake_answer(fake, 3, &answer);
    struct fake_sent again = *fake_wait_for(fake, ISR_MESSAGE_PRODUCE_REQUEST);
    struct isr_batch batch = batch_of(&again);
    assert_int_equal(batch.producer_epoch, 1);
    assert_int_equal(batch.base_sequence, 0);
    fake_free(fake);
}

/* Epoch 5 has acknowledged; the leader of epoch 4 does not know that it leads no more. */
static void waits_for_the_real_leader_when_a_deposed_one_lacks_records(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    produce(fake, 1);
    struct fake_sent sent = request(fake, 0);
    struct isr_message answer = answer_to(&sent, ISR_ERROR_NONE, 0);
    answer.produce_response.leader_epoch = 5;
    fake_answer(fake, 3, &answer);
    produce(fake, 2);
    sent = request(fake, 0);
    for (int32_t epoch = 4; epoch <= 5; epoch++) {
        assert_int_equal(batch_of(&sent).producer_epoch, 0);
        assert_int_equal(batch_of(&sent).base_sequence, 3);
        answer = answer_to(&sent, ISR_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
        answer.produce_response.leader_epoch = epoch;
        fake_answer(fake, 3, &answer);
        if (epoch == 4)
            fake_metadata(fake, 3, 5);
        sent = *fake_wait_for(fake, ISR_MESSAGE_PRODUCE_REQUEST);
    }
    assert_int_equal(batch_of(&sent).producer_epoch, 1); /* the real one lost them */
    assert_int_equal(batch_of(&sent).base_sequence, 0);
    fake_free(fake);
}

/* The first of three is never answered, the second is refused for the gap. When the first expires the second
 * fails with it: a copy may be written yet. The third was not sent before and goes on under a new epoch. */
static void bridges_the_gap_when_a_delivery_expires(void **state)
{
    (void)state;
    struct isr_config config = isr_config_default();
    config.delivery_timeout = 1500 * ISR_MS;
    config.producer_max_in_flight = 2;
    struct fake *fake = fake_new_with(&config);
    fake_metadata(fake, 3, 4);
    settle(fake);
    produce(fake, 1);
    fake_wait(fake, 400 * ISR_MS);
    produce(fake, 2);
    struct fake_sent second = request(fake, 0);
    produce(fake, 3);
    assert_int_equal(fake->sent_count, 0);
    struct isr_message answer = answer_to(&second, ISR_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
    fake_answer(fake, 3, &answer);
    while (fake_effect(fake, ISR_EFFECT_REPLY, 0) == NULL)
        assert_true(fake_wait(fake, 2 * ISR_SECOND));
    fake_assert_reply(fake, 0, 1, ISR_ERROR_REQUEST_TIMED_OUT, -1);
    fake_assert_reply(fake, 1, 2, ISR_ERROR_REQUEST_TIMED_OUT, -1);
    struct fake_sent bridged = *fake_wait_for(fake, ISR_MESSAGE_PRODUCE_REQUEST);
    struct isr_batch batch = batch_of(&bridged);
    uint64_t value;
    assert_true(isr_batch_value(&batch, 0, &value));
    assert_int_equal(value, 300);
    assert_int_equal(batch.producer_epoch, 1);
    assert_int_equal(batch.base_sequence, 0);
    fake_free(fake);
}

/* Whom it took for the controller may be one no more, and nobody answers what is told. */
static void asks_who_is_the_controller_when_it_told_of_failures(void **state)
{
    (void)state;
    struct isr_config config = isr_config_default();
    config.witness_failures = 1;
    struct fake *fake = fake_new_with(&config);
    fake_metadata(fake, 3, 4);
    produce(fake, 1);
    struct fake_sent sent = request(fake, 0);
    struct isr_message answer = answer_to(&sent, ISR_ERROR_REQUEST_TIMED_OUT, -1);
    fake_answer(fake, 3, &answer);
    assert_int_equal(fake_sent_nth(fake, ISR_MESSAGE_WRITE_FAILURES, 0)->to, 2);
    int64_t told_ns = fake->env.now_ns;
    if (fake_sent_of_kind(fake, ISR_MESSAGE_METADATA_REQUEST) == 0)
        fake_wait_for(fake, ISR_MESSAGE_METADATA_REQUEST);
    assert_in_range(fake->env.now_ns - told_ns, 0, config.retry_backoff);
    fake_free(fake);
}

/* ---- the producer's id ---- */

static void waits_for_a_producer_id_when_it_has_none(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    command_produce(fake, 1, -1);
    assert_int_equal(fake_sent_of_kind(fake, ISR_MESSAGE_PRODUCE_REQUEST), 0);
    struct fake_sent first = *fake_sent_nth(fake, ISR_MESSAGE_INIT_PRODUCER_ID_REQUEST, 0);
    give_producer_id(fake, ISR_ERROR_BROKER_NOT_AVAILABLE, -1);
    command_produce(fake, 2, -1);
    assert_int_equal(fake->sent_count, 0); /* a pause comes first */
    struct fake_sent second = *fake_wait_for(fake, ISR_MESSAGE_INIT_PRODUCER_ID_REQUEST);
    assert_int_not_equal(second.to, first.to);
    int64_t asked_ns = fake->env.now_ns;
    struct fake_sent third = {0};
    fake->sent_count = 0;
    third = *fake_wait_for(fake, ISR_MESSAGE_INIT_PRODUCER_ID_REQUEST);
    assert_true(fake->env.now_ns >= asked_ns + fake->env.config.client_request_timeout);
    assert_int_not_equal(third.to, second.to);
    give_producer_id(fake, ISR_ERROR_NONE, 12);
    assert_int_equal(fake->env.observations[0].kind, ISR_OBSERVED_PRODUCER_ID_TAKEN);
    assert_int_equal(fake->env.observations[0].producer_id_taken.broker, third.to);
    assert_int_equal(fake->env.observations[0].producer_id_taken.producer, 12);
    struct fake_sent sent = request(fake, 0);
    assert_int_equal(batch_of(&sent).producer_id, 12);
    fake_free(fake);
}

static void needs_no_producer_id_when_acks_is_not_all(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    command_produce(fake, 1, 1);
    assert_int_equal(fake_sent_of_kind(fake, ISR_MESSAGE_INIT_PRODUCER_ID_REQUEST), 0);
    struct fake_sent sent = request(fake, 0);
    assert_int_equal(batch_of(&sent).producer_id, -1);
    fake_free(fake);
}

static void takes_no_producer_id_that_makes_no_sense(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    command_produce(fake, 1, -1);
    give_producer_id(fake, ISR_ERROR_NONE, -5);
    assert_int_equal(fake->sent_count, 0);
    fake_wait_for(fake, ISR_MESSAGE_INIT_PRODUCER_ID_REQUEST);
    give_producer_id(fake, ISR_ERROR_NONE, 0);
    struct fake_sent sent = request(fake, 0);
    assert_int_equal(batch_of(&sent).producer_id, 0);
    fake_free(fake);
}

/* Each refusal begins a new epoch (KIP-360), until there is none any more. */
static void asks_for_another_id_when_all_epochs_are_used(void **state)
{
    (void)state;
    struct isr_config config = isr_config_default();
    config.retry_backoff = ISR_MS;
    config.delivery_timeout = 3600 * ISR_SECOND;
    struct fake *fake = fake_new_with(&config);
    fake_metadata(fake, 3, 4);
    produce(fake, 1);
    struct fake_sent sent = request(fake, 0);
    for (int32_t epoch = 0; epoch < INT16_MAX; epoch++) {
        assert_int_equal(batch_of(&sent).producer_epoch, epoch);
        struct isr_message answer = answer_to(&sent, ISR_ERROR_INVALID_PRODUCER_EPOCH, -1);
        fake_answer(fake, 3, &answer);
        sent = *fake_wait_for(fake, ISR_MESSAGE_PRODUCE_REQUEST);
    }
    assert_int_equal(batch_of(&sent).producer_id, 4711);
    assert_int_equal(batch_of(&sent).producer_epoch, INT16_MAX);
    struct isr_message answer = answer_to(&sent, ISR_ERROR_INVALID_PRODUCER_EPOCH, -1);
    fake_answer(fake, 3, &answer);
    fake_wait_for(fake, ISR_MESSAGE_INIT_PRODUCER_ID_REQUEST);
    give_producer_id(fake, ISR_ERROR_NONE, 5000);
    sent = request(fake, 0);
    assert_int_equal(batch_of(&sent).producer_id, 5000);
    assert_int_equal(batch_of(&sent).producer_epoch, 0);
    assert_int_equal(batch_of(&sent).base_sequence, 0);
    fake_free(fake);
}

static void replies_at_once_when_acks_is_0(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_metadata(fake, 3, 4);
    produce_with(fake, 1, 0);
    struct fake_sent sent = request(fake, 0);
    assert_int_equal(batch_of(&sent).producer_id, -1);
    assert_int_equal(sent.message.produce_request.acks, 0);
    fake_assert_reply(fake, 0, 1, ISR_ERROR_NONE, -1);
    fake_free(fake);
}

static void refuses_commands_that_make_no_sense(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    produce_with(fake, 1, 2);
    fake_assert_reply(fake, 0, 1, ISR_ERROR_INVALID_REQUIRED_ACKS, -1);
    struct isr_command command = {.kind = ISR_COMMAND_PRODUCE, .id = 2, .topic = "orders", .acks = -1};
    fake_command(fake, &command);
    fake_assert_reply(fake, 0, 2, ISR_ERROR_INVALID_REQUEST, -1);
    command.topic = "a-name-that-is-longer-than-any-topic-may-be-in-this-engine";
    fake_command(fake, &command);
    fake_assert_reply(fake, 0, 2, ISR_ERROR_INVALID_TOPIC, -1);
    fake_free(fake);
}

/* ---- a leader with a bad network, against a model of its log ---- */

enum { MODEL_BATCHES = 300, MODEL_WIRE = 256 };

struct model {
    struct fake *fake;
    struct test_random random;
    struct { /* requests on the way */
        struct fake_sent sent;
        uint8_t *records;
    } wire[MODEL_WIRE];
    uint32_t wire_count;
    /* the leader's log */
    struct {
        uint64_t value;
        int32_t sequence;
        int16_t epoch;
    } log[MODEL_BATCHES * 2];
    uint32_t log_count;
    uint64_t acked[MODEL_BATCHES + 1]; /* by id: base offset + 1 */
    bool timed_out[MODEL_BATCHES + 1];
};

static void model_gather(struct model *model)
{
    struct fake *fake = model->fake;
    for (uint32_t i = 0; i < fake->effects.count; i++) {
        const struct isr_effect *effect = &fake->effects.items[i];
        if (effect->kind == ISR_EFFECT_REPLY && effect->error == ISR_ERROR_NONE)
            model->acked[effect->id] = (uint64_t)effect->offset + 1;
        else if (effect->kind == ISR_EFFECT_REPLY)
            model->timed_out[effect->id] = true;
    }
    for (uint32_t i = 0; i < fake->sent_count; i++) {
        struct fake_sent *sent = &fake->sent[i];
        if (sent->message.kind != ISR_MESSAGE_PRODUCE_REQUEST || test_random_chance(&model->random, 10))
            continue;
        assert_true(model->wire_count < MODEL_WIRE);
        struct isr_bytes *records = &sent->message.produce_request.records;
        uint8_t *copy = malloc(records->size);
        memcpy(copy, records->data, records->size);
        records->data = copy;
        model->wire[model->wire_count].sent = *sent;
        model->wire[model->wire_count++].records = copy;
    }
    if (fake_sent_of_kind(fake, ISR_MESSAGE_METADATA_REQUEST) > 0) {
        fake_metadata(fake, 3, 4);
        model_gather(model);
    }
}

/* What a leader does with a batch (KIP-98): the model keeps everything, so that duplicates are found by their
 * age. */
static enum isr_error model_append(struct model *model, const struct isr_batch *batch, int64_t *base)
{
    int32_t next = 0;
    int16_t epoch = model->log_count > 0 ? model->log[model->log_count - 1].epoch : 0;
    for (uint32_t i = 0; i < model->log_count; i++) {
        if (model->log[i].epoch != epoch)
            continue;
        next = model->log[i].sequence + (int32_t)batch->record_count;
        if (batch->producer_epoch == epoch && batch->base_sequence == model->log[i].sequence) {
            *base = i;
            return ISR_ERROR_DUPLICATE_SEQUENCE_NUMBER;
        }
    }
    if (batch->producer_epoch < epoch)
        return ISR_ERROR_INVALID_PRODUCER_EPOCH;
    if (batch->base_sequence != (batch->producer_epoch > epoch ? 0 : next))
        return ISR_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    uint64_t value;
    assert_true(isr_batch_value(batch, 0, &value));
    *base = model->log_count;
    model->log[model->log_count].value = value;
    model->log[model->log_count].sequence = batch->base_sequence;
    model->log[model->log_count++].epoch = batch->producer_epoch;
    return ISR_ERROR_NONE;
}

static void model_deliver(struct model *model)
{
    uint32_t place =
        test_random_chance(&model->random, 4) ? test_random_below(&model->random, model->wire_count) : 0;
    struct fake_sent sent = model->wire[place].sent;
    uint8_t *records = model->wire[place].records;
    bool twice = test_random_chance(&model->random, 10);
    if (!twice) {
        model->wire_count--;
        memmove(&model->wire[place], &model->wire[place + 1],
                (model->wire_count - place) * sizeof model->wire[0]);
    }
    int64_t base = -1;
    enum isr_error error = ISR_ERROR_NOT_ENOUGH_REPLICAS;
    struct isr_batch batch = batch_of(&sent);
    if (!test_random_chance(&model->random, 10))
        error = model_append(model, &batch, &base);
    bool lost = test_random_chance(&model->random, 8);
    if (!lost) {
        if (error == ISR_ERROR_NONE && test_random_chance(&model->random, 10))
            error = ISR_ERROR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
        struct isr_message answer = answer_to(&sent, error, base);
        fake_answer(model->fake, 3, &answer);
        model_gather(model);
    }
    if (!twice)
        free(records);
}

static void model_verify(const struct model *model, uint32_t acked_least)
{
    uint32_t found[MODEL_BATCHES + 1] = {0};
    for (uint32_t i = 0; i < model->log_count; i++) {
        found[model->log[i].value / 100]++;
        assert_true(i == 0 || model->log[i].epoch != model->log[i - 1].epoch ||
                    model->log[i].value > model->log[i - 1].value);
    }
    uint32_t acked_count = 0;
    for (uint64_t id = 1; id <= MODEL_BATCHES; id++) {
        assert_true(found[id] <= 1);
        assert_true(model->acked[id] != 0 || model->timed_out[id]);
        if (model->acked[id] == 0)
            continue;
        acked_count++;
        assert_int_equal(model->log[model->acked[id] - 1].value, id * 100);
    }
    assert_true(acked_count >= acked_least);
}

static void writes_each_batch_once_when_the_network_is_bad(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct isr_config config = isr_config_default();
        config.client_request_timeout = (int64_t)(seed % 3 + 1) * 200 * ISR_MS;
        config.delivery_timeout = (seed % 2 == 0 ? 30 : 3) * ISR_SECOND;
        struct model model = {.fake = fake_new_with(&config), .random = {seed}};
        fake_metadata(model.fake, 3, 4);
        uint64_t id = 0;
        int64_t last_ns = 0;
        while (id < MODEL_BATCHES ||
               model.fake->env.now_ns < last_ns + config.delivery_timeout + ISR_SECOND) {
            if (id < MODEL_BATCHES && test_random_chance(&model.random, 3)) {
                produce(model.fake, ++id);
                model_gather(&model);
                last_ns = model.fake->env.now_ns;
            } else if (model.wire_count > 0 && !test_random_chance(&model.random, 4)) {
                model_deliver(&model);
            } else {
                fake_wait(model.fake, test_random_below(&model.random, 60) * ISR_MS + 1);
                model_gather(&model);
            }
        }
        model_verify(&model, seed % 2 == 0 ? MODEL_BATCHES / 2 : MODEL_BATCHES / 10);
        for (uint32_t i = 0; i < model.wire_count; i++)
            free(model.wire[i].records);
        fake_free(model.fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_with_offset_when_acknowledged),
        cmocka_unit_test(ignores_answer_when_it_comes_twice_or_from_elsewhere),
        cmocka_unit_test(sends_one_at_a_time_when_no_leader_knows_the_producer),
        cmocka_unit_test(sends_at_most_max_in_flight_when_nothing_is_answered),
        cmocka_unit_test(stays_within_what_leaders_remember_when_an_answer_is_lost),
        cmocka_unit_test(keeps_the_batch_when_a_request_timed_out),
        cmocka_unit_test(goes_to_the_new_leader_when_the_answer_names_it),
        cmocka_unit_test(does_not_go_back_when_metadata_is_older),
        cmocka_unit_test(waits_for_the_topic_when_it_is_being_created),
        cmocka_unit_test(times_out_when_the_topic_never_comes),
        cmocka_unit_test(waits_for_the_earlier_when_a_later_is_out_of_order),
        cmocka_unit_test(does_not_take_a_late_refusal_for_lost_records),
        cmocka_unit_test(begins_a_new_epoch_when_the_log_lost_records),
        cmocka_unit_test(waits_for_the_real_leader_when_a_deposed_one_lacks_records),
        cmocka_unit_test(bridges_the_gap_when_a_delivery_expires),
        cmocka_unit_test(waits_for_a_producer_id_when_it_has_none),
        cmocka_unit_test(needs_no_producer_id_when_acks_is_not_all),
        cmocka_unit_test(takes_no_producer_id_that_makes_no_sense),
        cmocka_unit_test(asks_for_another_id_when_all_epochs_are_used),
        cmocka_unit_test(replies_at_once_when_acks_is_0),
        cmocka_unit_test(refuses_commands_that_make_no_sense),
        cmocka_unit_test(asks_who_is_the_controller_when_it_told_of_failures),
        cmocka_unit_test(writes_each_batch_once_when_the_network_is_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

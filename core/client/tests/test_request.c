#include "core/client/tests/fake.h"

struct waiting {
    uint32_t correlation; /* 0: none */
    int32_t to;
    int64_t deadline_ns;
    uint32_t answered, timed_out;
};

static void answered(void *object, uint32_t correlation, const struct isr_message *answer)
{
    struct waiting *waiting = object;
    assert_int_equal(waiting->correlation, correlation);
    if (answer != NULL)
        waiting->answered++;
    else
        waiting->timed_out++;
}

enum { MODEL_SLOTS = 200 };

struct model {
    struct test_heap heap;
    struct isr_env env;
    struct isr_client_requests requests;
    struct waiting slots[MODEL_SLOTS];
};

static void model_add(struct model *model, struct waiting *waiting, int32_t to)
{
    *waiting = (struct waiting){.to = to,
                                .deadline_ns = model->env.now_ns + model->env.config.client_request_timeout};
    waiting->correlation =
        isr_client_requests_add(&model->requests, to, ISR_MESSAGE_METADATA_RESPONSE, answered, waiting);
    for (uint32_t i = 0; i < MODEL_SLOTS; i++)
        assert_true(&model->slots[i] == waiting || model->slots[i].correlation != waiting->correlation);
}

static void model_answer(struct model *model, struct waiting *waiting, struct test_random *random)
{
    struct isr_message message = {.kind = ISR_MESSAGE_METADATA_RESPONSE};
    if (test_random_chance(random, 4))
        message.kind = ISR_MESSAGE_FETCH_RESPONSE;
    int32_t from = test_random_chance(random, 4) ? waiting->to + 1 : waiting->to;
    bool fits = message.kind == ISR_MESSAGE_METADATA_RESPONSE && from == waiting->to;
    assert_int_equal(isr_client_requests_answer(&model->requests, from, waiting->correlation, &message),
                     fits);
    assert_int_equal(waiting->answered, fits);
    if (fits) {
        assert_false(isr_client_requests_answer(&model->requests, from, waiting->correlation, &message));
        waiting->correlation = 0;
    }
}

static void model_wait(struct model *model, int64_t duration_ns)
{
    isr_env_begin(&model->env, model->env.now_ns + duration_ns);
    isr_env_wake(&model->env);
    for (uint32_t i = 0; i < MODEL_SLOTS; i++) {
        struct waiting *waiting = &model->slots[i];
        if (waiting->correlation == 0)
            continue;
        assert_int_equal(waiting->timed_out, waiting->deadline_ns <= model->env.now_ns);
        if (waiting->timed_out > 0)
            waiting->correlation = 0;
    }
}

static void tells_each_once_when_answered_forgotten_or_late(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct model *model = calloc(1, sizeof *model);
        struct test_random random = {seed};
        test_heap_init(&model->heap);
        test_env_init(&model->env, &model->heap);
        isr_client_requests_init(&model->requests, &model->env);
        for (int i = 0; i < 3000; i++) {
            struct waiting *waiting = &model->slots[test_random_below(&random, MODEL_SLOTS)];
            if (test_random_chance(&random, 10)) {
                model_wait(model, test_random_below(&random, 300) * ISR_MS);
            } else if (waiting->correlation == 0) {
                model_add(model, waiting, (int32_t)test_random_below(&random, 3) + 1);
            } else if (test_random_chance(&random, 3)) {
                isr_client_requests_forget(&model->requests, waiting->correlation);
                isr_client_requests_forget(&model->requests, waiting->correlation);
                waiting->correlation = 0;
            } else {
                model_answer(model, waiting, &random);
            }
        }
        model_wait(model, 10 * ISR_SECOND);
        assert_int_equal(model->requests.waiting_count, 0);
        test_heap_drop(&model->heap);
        free(model);
    }
}

static void does_not_use_0_when_correlations_wrap(void **state)
{
    (void)state;
    struct model *model = calloc(1, sizeof *model);
    test_heap_init(&model->heap);
    test_env_init(&model->env, &model->heap);
    isr_client_requests_init(&model->requests, &model->env);
    model->requests.correlation_last = UINT32_MAX - 1;
    model_add(model, &model->slots[0], 1);
    assert_int_equal(model->slots[0].correlation, UINT32_MAX);
    model_add(model, &model->slots[1], 1);
    assert_int_equal(model->slots[1].correlation, 1);
    isr_client_requests_forget(&model->requests, 0);
    assert_int_equal(model->requests.waiting_count, 2);
    test_heap_drop(&model->heap);
    free(model);
}

static void tells_at_once_who_waits_for_a_node_whose_connection_broke(void **state)
{
    (void)state;
    struct model *model = calloc(1, sizeof *model);
    test_heap_init(&model->heap);
    test_env_init(&model->env, &model->heap);
    isr_client_requests_init(&model->requests, &model->env);
    for (uint32_t i = 0; i < 6; i++)
        model_add(model, &model->slots[i], (int32_t)(i % 2) + 1);
    isr_client_requests_disconnected(&model->requests, 1);
    isr_client_requests_disconnected(&model->requests, 3);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(model->slots[i].timed_out, i % 2 == 0);
    assert_int_equal(model->requests.waiting_count, 3);
    isr_client_requests_disconnected(&model->requests, 2);
    assert_int_equal(model->requests.waiting_count, 0);
    test_heap_drop(&model->heap);
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_each_once_when_answered_forgotten_or_late),
        cmocka_unit_test(does_not_use_0_when_correlations_wrap),
        cmocka_unit_test(tells_at_once_who_waits_for_a_node_whose_connection_broke),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

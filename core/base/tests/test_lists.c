/* What is generated from the lists: configuration, rules, metrics, errors, causes, observations. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/base/topic_settings.h"
#include "core/tests/support.h"

static void accepts_the_defaults_and_refuses_what_is_out_of_bounds(void **state)
{
    (void)state;
    size_t count;
    const struct isr_config_info *settings = isr_config_list(&count);
    struct isr_config config = isr_config_default();
    assert_null(isr_config_check(&config));
    for (size_t i = 0; i < count; i++) {
        const struct isr_config_info *setting = &settings[i];
        int64_t *value = (int64_t *)(void *)((char *)&config + setting->position);
        assert_int_equal(*value, setting->standard);
        assert_true(strlen(setting->meaning) > 0);
        *value = setting->least;
        assert_null(isr_config_check(&config));
        *value = setting->most;
        assert_null(isr_config_check(&config));
        *value = setting->least - 1;
        assert_ptr_equal(isr_config_check(&config), setting);
        *value = setting->most + 1;
        assert_ptr_equal(isr_config_check(&config), setting);
        *value = setting->standard;
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(setting->name, settings[j].name);
    }
}

static void bounds_and_words_agree_in_every_topic_setting(void **state)
{
    (void)state;
    size_t count;
    const struct isr_topic_setting_info *infos = isr_topic_setting_list(&count);
    struct isr_topic_settings settings = isr_topic_settings_default();
    assert_int_equal(sizeof settings, count * sizeof(int64_t)); /* no padding: it is encoded as it lies */
    assert_null(isr_topic_settings_check(&settings));
    for (size_t i = 0; i < count; i++) {
        const struct isr_topic_setting_info *info = &infos[i];
        int64_t words = info->words[0] == '\0' ? 0 : 1;
        for (const char *at = info->words; *at != '\0'; at++)
            words += *at == '|' ? 1 : 0;
        if (info->kind == ISR_TOPIC_SETTING_word) {
            assert_int_equal(info->least, 0);
            assert_int_equal(info->most, words - 1);
        } else {
            assert_int_equal(words, 0);
        }
        assert_true(strlen(info->meaning) > 0);
        isr_topic_setting_set(&settings, info, info->least - 1);
        assert_ptr_equal(isr_topic_settings_check(&settings), info);
        isr_topic_setting_set(&settings, info, info->most + 1);
        assert_ptr_equal(isr_topic_settings_check(&settings), info);
        isr_topic_setting_set(&settings, info, info->most);
        assert_null(isr_topic_settings_check(&settings));
        assert_int_equal(isr_topic_setting_get(&settings, info), info->most);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(info->name, infos[j].name);
    }
    assert_int_equal(isr_topic_settings_of_min_isr(2).min_isr, 2);
}

static void has_the_correct_value_of_every_rule_as_zero(void **state)
{
    (void)state;
    size_t count;
    const struct isr_rule_info *rules = isr_rules_list(&count);
    assert_int_equal(count, sizeof(struct isr_rules));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rules[i].position, i);
        assert_string_not_equal(rules[i].values[0], rules[i].values[1]);
        assert_true(strlen(rules[i].source) > 0 && strlen(rules[i].sentence) > 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(rules[i].name, rules[j].name);
    }
    assert_int_equal(ISR_RULE_trunc_epoch, 0);
    assert_int_equal(ISR_RULE_trunc_hw, 1);
}

static void lists_every_metric_once(void **state)
{
    (void)state;
    size_t count;
    const struct isr_metric_info *metrics = isr_metrics_list(&count);
    assert_int_equal(count, sizeof(struct isr_metrics) / sizeof(int64_t));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(metrics[i].position, i * sizeof(int64_t));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(metrics[i].name, metrics[j].name);
    }
}

static void names_errors_and_causes_and_survives_unknown_ones(void **state)
{
    (void)state;
    assert_string_equal(isr_error_name(ISR_ERROR_NONE), "NONE");
    assert_string_equal(isr_error_name(ISR_ERROR_FENCED_LEADER_EPOCH), "FENCED_LEADER_EPOCH");
    assert_string_equal(isr_error_name(ISR_ERROR_COUNT), "?");
    assert_string_equal(isr_error_name(255), "?");
    assert_true(isr_error_retriable(ISR_ERROR_NOT_LEADER_OR_FOLLOWER));
    assert_false(isr_error_retriable(ISR_ERROR_NONE));
    assert_false(isr_error_retriable(255));
    assert_string_equal(isr_cause_words(ISR_CAUSE_DIVERGENCE), "its log diverged from the leader's");
    assert_string_equal(isr_cause_words(-1), "?");
    assert_string_equal(isr_cause_words(ISR_CAUSE_COUNT), "?");
}

static void describes_every_observation_field(void **state)
{
    (void)state;
    for (int kind = 0; kind < ISR_OBSERVED_KINDS; kind++) {
        const struct isr_observation_info *info = isr_observation_info((enum isr_observation_kind)kind);
        assert_true(strlen(info->name) > 0);
        bool ended = false;
        for (int i = 0; i < ISR_OBSERVATION_FIELDS; i++) {
            if (info->fields[i].kind == ISR_FIELD_NONE)
                ended = true;
            assert_int_equal(ended, info->fields[i].name == NULL);
        }
    }
    struct isr_observation observation = {.kind = ISR_OBSERVED_LOG_TRUNCATED};
    observation.log_truncated.to = 77;
    const struct isr_observation_info *info = isr_observation_info(ISR_OBSERVED_LOG_TRUNCATED);
    assert_string_equal(info->fields[2].name, "to");
    assert_int_equal(observation.fields[2], 77);
}

/* ---- the environment: effects, operations, observations ---- */

struct waiter {
    int calls;
    int64_t argument;
    enum isr_io_status status;
};

static void on_done(void *object, int64_t argument, const struct isr_io_result *result)
{
    struct waiter *waiter = object;
    waiter->calls++;
    waiter->argument = argument;
    waiter->status = result->status;
}

static void complete(struct isr_env *env, uint32_t io, enum isr_io_status status)
{
    struct isr_event event = {.kind = ISR_EVENT_IO_DONE};
    event.io_done.io = io;
    event.io_done.status = status;
    isr_env_io_done(env, &event);
}

static void calls_whoever_waits_when_an_operation_completes(void **state)
{
    (void)state;
    struct test_heap heap;
    struct isr_env env;
    test_heap_init(&heap);
    test_env_init(&env, &heap);
    struct waiter one = {0}, two = {0};
    struct isr_file file = {.kind = ISR_FILE_EPOCHS};
    isr_env_sync(&env, file, on_done, &one, 5);
    isr_env_delete(&env, file, NULL, NULL, 0);
    isr_env_truncate(&env, file, 10, on_done, &two, 6);
    struct isr_effects effects;
    isr_env_end(&env, &effects);
    assert_int_equal(effects.count, 3);
    assert_int_equal(effects.items[2].position, 10);
    uint32_t ios[3] = {effects.items[0].io, effects.items[1].io, effects.items[2].io};
    isr_env_begin(&env, 1);
    complete(&env, ios[2], ISR_IO_ERROR);
    assert_int_equal(two.calls, 1);
    assert_int_equal(two.argument, 6);
    assert_int_equal(two.status, ISR_IO_ERROR);
    assert_int_equal(env.metrics.disk_errors, 1);
    complete(&env, ios[1], ISR_IO_OK);
    complete(&env, ios[0], ISR_IO_OK);
    assert_int_equal(one.calls, 1);
    isr_env_sync(&env, file, on_done, &one, 7); /* slots are used again */
    isr_env_end(&env, &effects);
    assert_int_equal(effects.items[0].io, ios[0]);
    assert_int_equal(env.slots_count, 3);
    test_heap_drop(&heap);
}

static void exits_once(void **state)
{
    (void)state;
    struct test_heap heap;
    struct isr_env env;
    test_heap_init(&heap);
    test_env_init(&env, &heap);
    isr_env_exit(&env, false, ISR_IO_NO_SPACE);
    isr_env_exit(&env, true, 0);
    struct isr_effects effects;
    isr_env_end(&env, &effects);
    assert_int_equal(effects.count, 1);
    assert_false(effects.items[0].clean);
    assert_int_equal(effects.observations_count, 1);
    assert_int_equal(effects.observations[0].node_halted.reason, ISR_IO_NO_SPACE);
    assert_int_equal(effects.wake_ns, ISR_TIME_NEVER);
    test_heap_drop(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_the_defaults_and_refuses_what_is_out_of_bounds),
        cmocka_unit_test(bounds_and_words_agree_in_every_topic_setting),
        cmocka_unit_test(has_the_correct_value_of_every_rule_as_zero),
        cmocka_unit_test(lists_every_metric_once),
        cmocka_unit_test(names_errors_and_causes_and_survives_unknown_ones),
        cmocka_unit_test(describes_every_observation_field),
        cmocka_unit_test(calls_whoever_waits_when_an_operation_completes),
        cmocka_unit_test(exits_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The tables of the harness against the lists of sim/ and core/: neither can have what the other lacks. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "harness/action.h"
#include "harness/condition.h"
#include "harness/scenario_fields.h"
#include "harness/tests/support.h"

static const struct field *field_named(const struct field *fields, const char *name, size_t length)
{
    for (; fields->name != NULL; fields++) {
        if (strlen(fields->name) == length && strncmp(fields->name, name, length) == 0)
            return fields;
    }
    return NULL;
}

/* The settings of a topic stand in a list of their own, which the action takes whole. */
static bool is_setting_of_a_topic(const struct action_info *info, const char *name)
{
    size_t count;
    const struct isr_topic_setting_info *list = isr_topic_setting_list(&count);
    for (size_t i = 0; info == &action_infos()[SIM_ACTION_ALTER_TOPIC] && i < count; i++) {
        if (strcmp(list[i].name, name) == 0)
            return true;
    }
    return false;
}

static void takes_the_keys_that_the_list_of_actions_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_ACTION_KINDS; i++) {
        const struct action_info *info = &action_infos()[i];
        size_t named = 0, taken = 0;
        for (const char *at = info->parameters; *at != '\0';) {
            size_t entry = strcspn(at, ","), word = strcspn(at, ", ");
            if (field_named(info->fields, at, word) == NULL) {
                fprintf(stderr, "action %s does not take '%.*s'\n", info->name, (int)word, at);
                fail();
            }
            named++;
            at += entry + strspn(at + entry, ", ");
        }
        for (const struct field *field = info->fields; field->name != NULL; field++)
            taken += !is_setting_of_a_topic(info, field->name);
        assert_int_equal(named, taken);
    }
}

/* Fills the holes of a form with something that means something. */
static void example_of(const char *form, char *text, size_t size)
{
    static const struct {
        const char *hole, *text;
    } holes[] = {{"<p>", "orders-0"},    {"<n>|none", "none"}, {"elected|<n>", "elected"},
                 {"<n>", "n1"},          {"<set>", "[1, 2]"},  {"<controllers>", "[1, n2]"},
                 {"<cmp>", ">="},        {"<number>", "12"},   {"<duration>", "3ms"},
                 {"is|is not", "is not"}};
    size_t used = 0;
    while (*form != '\0') {
        size_t i = 0, length = strcspn(form, " ");
        while (i < sizeof holes / sizeof holes[0] && strncmp(form, holes[i].hole, strlen(holes[i].hole)) != 0)
            i++;
        if (i < sizeof holes / sizeof holes[0]) {
            used += (size_t)snprintf(text + used, size - used, "%s ", holes[i].text);
            form += strlen(holes[i].hole);
        } else {
            size_t word = strcspn(form, " |");
            used += (size_t)snprintf(text + used, size - used, "%.*s ", (int)word, form);
            form += length;
        }
        form += *form == ' ';
    }
    text[used > 0 ? used - 1 : 0] = '\0';
}

static void reads_every_form_of_condition(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIM_CONDITION_KINDS; i++) {
        struct scenario scenario;
        char condition[128], text[600];
        example_of(condition_forms()[i].form, condition, sizeof condition);
        snprintf(text, sizeof text, HEAD "steps: [{when: \"%s\", note: x}]\n", condition);
        read_good(&scenario, text);
        assert_int_equal(scenario.base.steps[0].condition.kind, i);
        scenario_free(&scenario);
    }
}

static void reads_opposite_words_and_comparisons(void **state)
{
    static const struct {
        const char *text;
        enum sim_comparison comparison;
        int64_t value;
    } cases[] = {{"isr of orders-0 has n2", SIM_EQUAL, 0},
                 {"isr of orders-0 lacks n2", SIM_NOT_EQUAL, 0},
                 {"isr of orders-0 is [1]", SIM_EQUAL, 0},
                 {"isr of orders-0 is not [1]", SIM_NOT_EQUAL, 0},
                 {"n1 is up", SIM_EQUAL, 0},
                 {"n1 is down", SIM_NOT_EQUAL, 0},
                 {"acked records>=5", SIM_AT_LEAST, 5},
                 {"acked records <= 5", SIM_AT_MOST, 5},
                 {"acked records is 5", SIM_EQUAL, 5},
                 {"acked records is not 5", SIM_NOT_EQUAL, 5},
                 {"acked records < 5", SIM_BELOW, 5},
                 {"acked records > 5", SIM_ABOVE, 5},
                 {"acked records != 5", SIM_NOT_EQUAL, 5},
                 {"acked records == 5", SIM_EQUAL, 5}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scenario scenario;
        char text[600];
        snprintf(text, sizeof text, HEAD "steps: [{when: \"%s\", note: x}]\n", cases[i].text);
        read_good(&scenario, text);
        assert_int_equal(scenario.base.steps[0].condition.comparison, cases[i].comparison);
        assert_int_equal(scenario.base.steps[0].condition.value, cases[i].value);
        scenario_free(&scenario);
    }
}

static void knows_nobody_where_nobody_is_named(void **state)
{
    struct scenario scenario;
    (void)state;
    read_good(&scenario, HEAD "steps:\n"
                              "  - {when: \"leader of orders-0 is none\", note: x}\n"
                              "  - {when: \"controller is elected\", note: x}\n"
                              "  - {when: \"controller is n2\", note: x}\n");
    assert_int_equal(scenario.base.steps[0].condition.node, ISR_NODE_NONE);
    assert_int_equal(scenario.base.steps[1].condition.node, ISR_NODE_NONE);
    assert_int_equal(scenario.base.steps[2].condition.node, 2);
    scenario_free(&scenario);
}

static void takes_every_setting_and_rule_with_its_bounds(void **state)
{
    size_t count;
    const struct isr_config_info *settings = isr_config_list(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct field *field =
            field_named(scenario_config_fields, settings[i].name, strlen(settings[i].name));
        assert_non_null(field);
        assert_int_equal(field->position, settings[i].position);
        assert_int_equal(field->least, settings[i].least);
        assert_int_equal(field->most, settings[i].most);
    }
    const struct isr_rule_info *rules = isr_rules_list(&count);
    for (size_t i = 0; i < count; i++) {
        struct scenario scenario;
        char text[600];
        uint8_t value;
        snprintf(text, sizeof text, HEAD "rules: {%s: \"%s\"}\n", rules[i].name, rules[i].values[1]);
        read_good(&scenario, text);
        memcpy(&value, (const char *)&scenario.base.rules + rules[i].position, sizeof value);
        assert_int_equal(value, 1);
        scenario_free(&scenario);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_keys_that_the_list_of_actions_names),
        cmocka_unit_test(reads_every_form_of_condition),
        cmocka_unit_test(reads_opposite_words_and_comparisons),
        cmocka_unit_test(knows_nobody_where_nobody_is_named),
        cmocka_unit_test(takes_every_setting_and_rule_with_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

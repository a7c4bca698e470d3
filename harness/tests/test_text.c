#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "harness/json.h"
#include "harness/suggestion.h"
#include "harness/text.h"

static void accepts_utf8_in_its_shortest_form_only(void **state)
{
    (void)state;
    assert_int_equal(text_character_size("a", 1), 1);
    assert_int_equal(text_character_size("\xc3\xa9", 2), 2);
    assert_int_equal(text_character_size("\xe2\x82\xac", 3), 3);
    assert_int_equal(text_character_size("\xf0\x9f\x98\x80", 4), 4);
    assert_int_equal(text_character_size("\xc3", 1), 0);             /* cut short */
    assert_int_equal(text_character_size("\xc0\x80", 2), 0);         /* overlong */
    assert_int_equal(text_character_size("\xed\xa0\x80", 3), 0);     /* surrogate */
    assert_int_equal(text_character_size("\xf4\x90\x80\x80", 4), 0); /* beyond U+10FFFF */
    assert_int_equal(text_character_size("\x80", 1), 0);
}

static void takes_the_terminal_out_of_foreign_hands(void **state)
{
    char text[] = "a\033[31m\xc2\x9b"
                  "31m\xff\xc3\xa9";
    (void)state;
    text_make_printable(text);
    assert_string_equal(text, "a?[31m??31m?\xc3\xa9");
}

static const char *nearest(const char *word, const char *const *candidates)
{
    struct suggestion suggestion = suggestion_for(word);
    for (; *candidates != NULL; candidates++)
        suggestion_offer(&suggestion, *candidates);
    return suggestion.best;
}

static void suggests_what_is_near_and_nothing_else(void **state)
{
    static const char *const words[] = {"settle", "duration", "min_isr", "trunc", "up", NULL};
    (void)state;
    assert_string_equal(nearest("setle", words), "settle");
    assert_string_equal(nearest("min-isr", words), "min_isr");
    assert_string_equal(nearest("min_irs", words), "min_isr");
    assert_string_equal(nearest("Duration", words), "duration");
    assert_string_equal(nearest("dur", words), "duration");
    assert_string_equal(nearest("upp", words), "up");
    assert_string_equal(nearest("truncation", words), "trunc");
    assert_null(nearest("completely", words));
    assert_null(nearest("", words));
    assert_null(nearest("a word that is far longer than any that could be meant here", words));
}

static void suggests_what_shares_words_when_nothing_is_near(void **state)
{
    static const char *const words[] = {"partitions",
                                        "replication",
                                        "unclean",
                                        "fetch_max_wait",
                                        "replica_lag_time_max",
                                        "broker_session_timeout",
                                        "power_off",
                                        NULL};
    (void)state;
    assert_string_equal(nearest("replication_factor", words), "replication");
    assert_string_equal(nearest("partition_count", words), "partitions");
    assert_string_equal(nearest("session.timeout", words), "broker_session_timeout");
    assert_string_equal(nearest("max-lag", words), "replica_lag_time_max");
    assert_string_equal(nearest("power_off_node", words), "power_off");
    assert_string_equal(nearest("partitoins", words), "partitions"); /* a misspelling goes first */
    assert_null(nearest("acks", words));
    assert_null(nearest("a_of_b", words));
}

static void writes_json_that_escapes_what_it_must(void **state)
{
    char text[256] = "";
    FILE *out = tmpfile();
    (void)state;
    assert_non_null(out);
    struct json json = json_to(out, false);
    json_open_object(&json, NULL);
    json_string(&json, "a\"b", "x\ny\\\x01\xff\xc3\xa9");
    json_string(&json, "none", NULL);
    json_open_list(&json, "list");
    json_integer(&json, NULL, INT64_MIN);
    json_unsigned(&json, NULL, UINT64_MAX);
    json_flag(&json, NULL, true);
    json_close_list(&json);
    json_close_object(&json);
    json_end(&json);
    rewind(out);
    assert_true(fread(text, 1, sizeof text - 1, out) > 0);
    fclose(out);
    assert_string_equal(text, "{\"a\\\"b\": \"x\\ny\\\\\\u0001\\ufffd\xc3\xa9\", \"none\": null, "
                              "\"list\": [-9223372036854775808, 18446744073709551615, true]}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_utf8_in_its_shortest_form_only),
        cmocka_unit_test(takes_the_terminal_out_of_foreign_hands),
        cmocka_unit_test(suggests_what_is_near_and_nothing_else),
        cmocka_unit_test(suggests_what_shares_words_when_nothing_is_near),
        cmocka_unit_test(writes_json_that_escapes_what_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

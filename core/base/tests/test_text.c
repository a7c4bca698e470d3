#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/base/text.h"

static void formats_every_conversion(void **state)
{
    (void)state;
    char buffer[200];
    struct isr_text text = ISR_TEXT(buffer);
    isr_text_format(&text, "%s %d %u %ld %lu %x %%", "word", -12, 34u, INT64_MIN, UINT64_MAX,
                    UINT64_C(0xdeadbeef));
    assert_string_equal(buffer, "word -12 34 -9223372036854775808 18446744073709551615 deadbeef %");
    assert_int_equal(text.length, 64);
}

static void appends_when_called_again(void **state)
{
    (void)state;
    char buffer[20];
    struct isr_text text = ISR_TEXT(buffer);
    isr_text_format(&text, "a=%d", 0);
    isr_text_format(&text, " b=%d", INT32_MIN);
    assert_string_equal(buffer, "a=0 b=-2147483648");
}

static void cuts_and_terminates_when_the_buffer_is_full(void **state)
{
    (void)state;
    for (size_t capacity = 1; capacity < 12; capacity++) {
        char buffer[16];
        for (size_t i = 0; i < sizeof buffer; i++)
            buffer[i] = '#';
        struct isr_text text = {.buffer = buffer, .capacity = capacity};
        isr_text_format(&text, "%s%d", "abcdef", 123456);
        assert_int_equal(text.length, capacity - 1);
        assert_int_equal(buffer[capacity - 1], '\0');
        assert_int_equal(buffer[capacity], '#');
        assert_memory_equal(buffer, "abcdef12345", capacity - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_every_conversion),
        cmocka_unit_test(appends_when_called_again),
        cmocka_unit_test(cuts_and_terminates_when_the_buffer_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

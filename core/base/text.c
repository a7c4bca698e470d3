#include "core/base/text.h"

#include <stdbool.h>

#include "core/base/assert.h"

static void put_char(struct isr_text *text, char c)
{
    if (text->length + 1 < text->capacity) {
        text->buffer[text->length++] = c;
        text->buffer[text->length] = '\0';
    }
}

static void put_string(struct isr_text *text, const char *string)
{
    while (*string != '\0')
        put_char(text, *string++);
}

static void put_unsigned(struct isr_text *text, uint64_t value, unsigned base)
{
    char digits[20];
    unsigned count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0);
    while (count > 0)
        put_char(text, digits[--count]);
}

static void put_signed(struct isr_text *text, int64_t value)
{
    if (value < 0)
        put_char(text, '-');
    put_unsigned(text, value < 0 ? (uint64_t)0 - (uint64_t)value : (uint64_t)value, 10);
}

void isr_text_vformat(struct isr_text *text, const char *format, va_list arguments)
{
    if (text->capacity > 0 && text->length < text->capacity)
        text->buffer[text->length] = '\0';
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            put_char(text, *format);
            continue;
        }
        format++;
        bool wide = *format == 'l';
        if (wide)
            format++;
        switch (*format) {
        case 's':
            put_string(text, va_arg(arguments, const char *));
            break;
        case 'd':
            put_signed(text, wide ? va_arg(arguments, int64_t) : va_arg(arguments, int));
            break;
        case 'u':
            put_unsigned(text, wide ? va_arg(arguments, uint64_t) : va_arg(arguments, unsigned), 10);
            break;
        case 'x':
            put_unsigned(text, va_arg(arguments, uint64_t), 16);
            break;
        case '%':
            put_char(text, '%');
            break;
        default:
            ISR_ASSERT(false && "a conversion that isr_text_format knows");
        }
    }
}

void isr_text_format(struct isr_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    isr_text_vformat(text, format, arguments);
    va_end(arguments);
}

/* Text into a bounded buffer, without stdio. What does not fit is cut, always NUL-terminated. */
#ifndef ISR_BASE_TEXT_H
#define ISR_BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct isr_text {
    char *buffer;
    size_t capacity; /* with the terminator */
    size_t length;
};

#define ISR_TEXT(array) ((struct isr_text){.buffer = (array), .capacity = sizeof(array), .length = 0})

/* %s string, %d int, %u unsigned, %ld int64_t, %lu uint64_t, %x uint64_t in hexadecimal, %%. Nothing else. */
void isr_text_format(struct isr_text *text, const char *format, ...);
void isr_text_vformat(struct isr_text *text, const char *format, va_list arguments);

#endif

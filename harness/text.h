/* UTF-8 text from outside, looked at character by character. */
#ifndef HARNESS_TEXT_H
#define HARNESS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the UTF-8 character at text, 0 where there is none (RFC 3629: shortest form, no surrogates). left
 * >= 1. */
size_t text_character_size(const char *text, size_t left);
/* Does a control character (C0 or C1, which terminals obey) stand here? Tabs and line breaks are ones too. */
bool text_is_control(const char *text, size_t left);
/* How many characters a run of UTF-8 bytes holds. */
uint32_t text_characters(const char *text, size_t length);
/* Puts '?' for every control character and every byte that is no character, in place. */
void text_make_printable(char *text);

#endif

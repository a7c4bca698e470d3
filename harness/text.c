#include "harness/text.h"

#include <string.h>

size_t text_character_size(const char *text, size_t left)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (bytes[0] < 0x80)
        return 1;
    size_t size = 0;
    if (bytes[0] >= 0xf0 && bytes[0] < 0xf5)
        size = 4;
    else if (bytes[0] >= 0xe0 && bytes[0] < 0xf0)
        size = 3;
    else if (bytes[0] >= 0xc2 && bytes[0] < 0xe0)
        size = 2;
    if (size == 0 || left < size)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (bytes[0] == 0xe0 && bytes[1] < 0xa0) || (bytes[0] == 0xf0 && bytes[1] < 0x90);
    bool surrogate = bytes[0] == 0xed && bytes[1] >= 0xa0;
    bool beyond = bytes[0] == 0xf4 && bytes[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : size;
}

bool text_is_control(const char *text, size_t left)
{
    const unsigned char *bytes = (const unsigned char *)text;
    return bytes[0] < 0x20 || bytes[0] == 0x7f ||
           (left > 1 && bytes[0] == 0xc2 && bytes[1] >= 0x80 && bytes[1] < 0xa0);
}

uint32_t text_characters(const char *text, size_t length)
{
    uint32_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

void text_make_printable(char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        size_t size = text_character_size(text, left);
        size_t step = size == 0 ? 1 : size;
        if (size == 0 || text_is_control(text, left))
            memset(text, '?', step);
        text += step;
        left -= step;
    }
}

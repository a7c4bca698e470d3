#include "harness/suggestion.h"

#include <stdbool.h>
#include <string.h>

enum { WORD_MAX = 40 };

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '-' ? '_' : c;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance, letters compared without case and '-' as '_'. */
static unsigned distance_between(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b_length; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned change = last[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
            now[j] = least(change, least(last[j], now[j - 1]) + 1);
            bool swapped =
                i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
            if (swapped)
                now[j] = least(now[j], before[j - 2] + 1);
        }
        unsigned *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b_length];
}

struct suggestion suggestion_for(const char *word)
{
    return (struct suggestion){.word = word};
}

void suggestion_offer(struct suggestion *suggestion, const char *candidate)
{
    size_t word_length = strlen(suggestion->word), length = strlen(candidate);
    if (word_length == 0 || word_length > WORD_MAX || length > WORD_MAX)
        return;
    unsigned allowed = (unsigned)((word_length < length ? word_length : length) + 1) / 3;
    allowed = allowed < 1 ? 1 : allowed;
    unsigned distance = distance_between(suggestion->word, word_length, candidate, length);
    if (distance >= length) /* nothing in common */
        return;
    bool prefix = word_length >= 3 && strncmp(suggestion->word, candidate, word_length) == 0;
    if (distance > allowed && !prefix)
        return;
    if (prefix && distance > allowed)
        distance = allowed;
    if (suggestion->best == NULL || distance < suggestion->distance) {
        suggestion->best = candidate;
        suggestion->distance = distance;
    }
}

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

/* ---- words in common: "replication_factor" and "replication", "max_lag" and "replica_lag_time_max" ---- */

static size_t part_length(const char *text)
{
    return strcspn(text, "_-. ");
}

/* Letters of the part of name at `part` that also stands in other, whole or as the beginning of one of its
 * parts or the other way round. */
static size_t letters_shared(const char *part, const char *other)
{
    enum { BEGINNING_MIN = 3 };
    size_t length = part_length(part), best = 0;
    for (const char *at = other; *at != '\0'; at += strspn(at, "_-. ")) {
        size_t other_length = part_length(at), same = 0;
        while (same < length && same < other_length && lower(part[same]) == lower(at[same]))
            same++;
        bool whole = same == length || same == other_length;
        if (whole && (same >= BEGINNING_MIN || length == other_length) && same > best)
            best = same;
        at += other_length;
    }
    return best;
}

/* Of the letters of both, how many in a thousand stand in both. */
static unsigned likeness(const char *a, const char *b)
{
    size_t shared = 0, all = 0;
    for (int turn = 0; turn < 2; turn++) {
        for (const char *at = a; *at != '\0'; at += strspn(at, "_-. ")) {
            shared += letters_shared(at, b);
            all += part_length(at);
            at += part_length(at);
        }
        const char *spare = a;
        a = b;
        b = spare;
    }
    return all == 0 ? 0 : (unsigned)(shared * 1000 / all);
}

void suggestion_offer(struct suggestion *suggestion, const char *candidate)
{
    enum { LIKENESS_MIN = 350, FAR = 1000 };
    size_t word_length = strlen(suggestion->word), length = strlen(candidate);
    if (word_length == 0 || word_length > WORD_MAX || length > WORD_MAX)
        return;
    unsigned allowed = (unsigned)((word_length < length ? word_length : length) + 1) / 3;
    allowed = allowed < 1 ? 1 : allowed;
    unsigned distance = distance_between(suggestion->word, word_length, candidate, length);
    if (distance >= length || distance > allowed) {
        unsigned alike = likeness(suggestion->word, candidate);
        if (alike < LIKENESS_MIN)
            return;
        distance = FAR + 1000 - alike; /* behind every misspelling, the most alike first */
    }
    if (suggestion->best == NULL || distance < suggestion->distance) {
        suggestion->best = candidate;
        suggestion->distance = distance;
    }
}

/* Reading scenarios from texts in tests. */
#ifndef HARNESS_TESTS_SUPPORT_H
#define HARNESS_TESTS_SUPPORT_H

#include <string.h>

#include "harness/scenario.h"

/* A cluster to put something after; four lines long. */
#define HEAD                                                  \
    "cluster: {brokers: 3, controllers: 3, combined: true}\n" \
    "topics:\n"                                               \
    "  orders: {partitions: 2, replication: 3, min_isr: 2}\n" \
    "clients: {p1: {produce: orders, rate: 100/s}, reader: {consume: orders}}\n"
enum { HEAD_LINES = 4 };

static inline bool read_text(struct scenario *scenario, struct diagnostics *diagnostics, const char *text)
{
    diagnostics_init(diagnostics, "test.isr.yaml", text, strlen(text));
    return scenario_read(scenario, diagnostics);
}

/* Reads a text that must be good. */
static inline void read_good(struct scenario *scenario, const char *text)
{
    struct diagnostics diagnostics;
    if (!read_text(scenario, &diagnostics, text)) {
        diagnostics_print(&diagnostics, stderr, false);
        fail();
    }
}

/* A text that must be bad: its only error is at the place, and message and hint contain the words. */
static inline void assert_error(const char *text, uint32_t line, uint32_t column, const char *message,
                                const char *hint)
{
    struct scenario scenario;
    struct diagnostics diagnostics;
    assert_false(read_text(&scenario, &diagnostics, text));
    const struct diagnostic *first = &diagnostics.items[0];
    if (diagnostics.count != 1 || first->place.line != line || first->place.column != column ||
        strstr(first->message, message) == NULL || strstr(first->hint, hint) == NULL) {
        fprintf(stderr, "wanted %u:%u: ...%s... hint ...%s..., got %u errors:\n", line, column, message, hint,
                diagnostics.count);
        diagnostics_print(&diagnostics, stderr, false);
        fail();
    }
}

#endif

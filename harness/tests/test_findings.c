#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "harness/findings.h"

static struct hunt_run run_of(uint64_t seed, const char *signature)
{
    struct hunt_run run = {.seed = seed};
    snprintf(run.signature.text, sizeof run.signature.text, "%s", signature);
    return run;
}

static void groups_by_signature_and_keeps_the_first(void **state)
{
    struct findings findings = {0};
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        char signature[16];
        snprintf(signature, sizeof signature, "I%u", (unsigned)(seed % 20));
        struct hunt_run run = run_of(seed, signature);
        struct finding *finding = findings_add(&findings, &run);
        assert_non_null(finding);
        assert_int_equal(finding->count, 1 + (seed - 1) / 20);
        assert_int_equal(finding->first.seed, 1 + (seed - 1) % 20);
    }
    assert_int_equal(findings.count, 20);
    for (unsigned i = 0; i < findings.count; i++)
        assert_int_equal(findings.items[i].first.seed, i + 1);
    findings_free(&findings);
    assert_int_equal(findings.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(groups_by_signature_and_keeps_the_first)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

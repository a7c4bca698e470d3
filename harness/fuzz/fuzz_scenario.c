/* Any bytes are read as a scenario: an error or a scenario, never a crash, and what is accepted the simulator
 * accepts. What was accepted is written, and what is written is read as the same, to the last letter. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/scenario_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *written(const struct scenario *scenario, const struct scenario_variant *variant)
{
    const struct scenario_write_options options = {.about = scenario->about,
                                                   .source = scenario->source,
                                                   .exhibit = &scenario->exhibit,
                                                   .tags = &scenario->tags,
                                                   .expectation = &variant->expectation};
    return scenario_write_text(&variant->spec, &options);
}

static void write_and_read(const struct scenario *scenario, const struct scenario_variant *variant)
{
    struct scenario back;
    struct diagnostics diagnostics;
    char *text = written(scenario, variant);
    diagnostics_init(&diagnostics, "written.isr.yaml", text, strlen(text));
    if (!scenario_read(&back, &diagnostics)) {
        fputs(text, stderr);
        diagnostics_print(&diagnostics, stderr, false);
        abort();
    }
    char *second = written(&back, &back.variants[0]);
    if (strcmp(text, second) != 0) {
        fprintf(stderr, "%s\n=====\n%s", text, second);
        abort();
    }
    free(text);
    free(second);
    scenario_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scenario scenario;
    struct diagnostics diagnostics;
    static FILE *nowhere;
    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "w");
    diagnostics_init(&diagnostics, "fuzz.isr.yaml", (const char *)data, size);
    if (scenario_read(&scenario, &diagnostics)) {
        for (uint32_t i = 0; i < scenario.variants_count; i++)
            write_and_read(&scenario, &scenario.variants[i]);
        scenario_free(&scenario);
    } else if (!diagnostics_any(&diagnostics))
        abort(); /* refused without a word */
    diagnostics_print(&diagnostics, nowhere, true);
    return 0;
}

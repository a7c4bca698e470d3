/* Any bytes are read as a scenario: an error or a scenario, never a crash, and what is accepted the simulator
 * accepts. */
#include <stdint.h>
#include <stdlib.h>

#include "harness/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scenario scenario;
    struct diagnostics diagnostics;
    static FILE *nowhere;
    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "w");
    diagnostics_init(&diagnostics, "fuzz.isr.yaml", (const char *)data, size);
    if (scenario_read(&scenario, &diagnostics))
        scenario_free(&scenario);
    else if (!diagnostics_any(&diagnostics))
        abort(); /* refused without a word */
    diagnostics_print(&diagnostics, nowhere, true);
    return 0;
}

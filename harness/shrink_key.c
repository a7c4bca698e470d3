#include "harness/shrink_key.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "harness/scenario_write.h"

uint64_t shrink_key(const struct sim_spec *spec)
{
    char *text = scenario_write_text(spec, NULL);
    uint64_t key = isr_hash_bytes(0, text, strlen(text));
    free(text);
    return key | 1;
}

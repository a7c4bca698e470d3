#include "faults/profile.h"

#include <string.h>

#include "sim/spec.h"

#define NOTHING 0
#define WITHOUT(NAME) (UINT32_C(1) << SIM_INVARIANT_##NAME)

static const struct fault_profile_info profiles[] = {
#define X(NAME, name, UNCHECKED, meaning) {#name, meaning, UNCHECKED},
#include "faults/profiles.def"
#undef X
};

const struct fault_profile_info *fault_profiles_list(size_t *count)
{
    *count = FAULT_PROFILES;
    return profiles;
}

bool fault_profile_named(const char *name, enum fault_profile *profile)
{
    for (size_t i = 0; i < FAULT_PROFILES; i++) {
        if (strcmp(profiles[i].name, name) != 0)
            continue;
        *profile = (enum fault_profile)i;
        return true;
    }
    return false;
}

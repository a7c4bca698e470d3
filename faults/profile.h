/* The profiles of random scenarios (faults/profiles.def). */
#ifndef FAULT_PROFILE_H
#define FAULT_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_profile {
#define X(NAME, name, UNCHECKED, meaning) FAULT_PROFILE_##NAME,
#include "faults/profiles.def"
#undef X
    FAULT_PROFILES
};

struct fault_profile_info {
    const char *name, *meaning;
    uint32_t unchecked; /* bits (1 << enum sim_invariant) */
};

/* By number. */
const struct fault_profile_info *fault_profiles_list(size_t *count);
/* False: there is none of that name. */
bool fault_profile_named(const char *name, enum fault_profile *profile);

#endif

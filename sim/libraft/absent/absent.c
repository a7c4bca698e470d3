/* In a build without the library. */
#include "core/base/assert.h"
#include "sim/libraft/libraft.h"

bool sim_libraft_available(void)
{
    return false;
}

struct isr_consensus *sim_libraft_new(struct isr_env *env)
{
    (void)env;
    ISR_ASSERT(sim_libraft_available());
    return NULL;
}

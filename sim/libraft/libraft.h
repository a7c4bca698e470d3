/* A foreign consensus library behind the port of core/quorum/port.h: Canonical's C Raft (libraft 0.15.0, as
 * Debian 12 has it). It is under test here, not trusted: see README.md for what it is told and promised. */
#ifndef SIM_LIBRAFT_LIBRAFT_H
#define SIM_LIBRAFT_LIBRAFT_H

#include "core/quorum/port.h"

/* This build has the library (CMake: ISRSIM_LIBRAFT). */
bool sim_libraft_available(void);
/* In the node's heap; all of the library's memory too. Asserts that the build has it. */
struct isr_consensus *sim_libraft_new(struct isr_env *env);

#endif

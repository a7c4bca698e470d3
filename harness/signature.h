/* The signature of a failure: what kind it is and where, without what differs from seed to seed. Two runs
 * with one signature mostly show one bug; a shrinker keeps it.
 *
 * Of a violation: the invariant, and the sentence of the check with every name, number and time replaced.
 * Of an assertion: file, line and condition. Of a crash: the signal. Runs that took too many events, or too
 * long, have a signature each. */
#ifndef HARNESS_SIGNATURE_H
#define HARNESS_SIGNATURE_H

#include "harness/attempt.h"

enum { SIGNATURE_TEXT_BYTES = 1024 };

struct signature {
    uint32_t id;                     /* of the text; 0: the run held, and has none */
    char text[SIGNATURE_TEXT_BYTES]; /* "I3: <partition>: record at offset # (epoch #), ..." */
};

/* Fills signature. spec: the one that was run, whose names of topics and clients stand in the sentence. */
void signature_of(const struct attempt *attempt, const struct sim_spec *spec, struct signature *signature);
/* Fills text, of SIGNATURE_TEXT_BYTES, with the sentence in which names, numbers, times, sets and checksums
 * are placeholders. spec: NULL where no names are known. */
void signature_normalise(const char *message, const struct sim_spec *spec, char *text);
/* The id as people write it: 8 hexadecimal digits. */
const char *signature_print_id(uint32_t id, char buffer[9]);

#endif

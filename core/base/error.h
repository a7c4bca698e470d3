/* Protocol errors as fields of messages. */
#ifndef ISR_BASE_ERROR_H
#define ISR_BASE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

enum isr_error {
#define X(NAME, retriable) ISR_ERROR_##NAME,
#include "core/base/error.def"
#undef X
    ISR_ERROR_COUNT
};

/* Kafka's name of the error; "?" for a number that is none. */
const char *isr_error_name(uint8_t error);
/* True where a client may send the same request again. */
bool isr_error_retriable(uint8_t error);

#endif

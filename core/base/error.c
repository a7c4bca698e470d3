#include "core/base/error.h"

static const char *const names[] = {
#define X(NAME, retriable) #NAME,
#include "core/base/error.def"
#undef X
};

static const bool retriables[] = {
#define X(NAME, retriable) retriable,
#include "core/base/error.def"
#undef X
};

const char *isr_error_name(uint8_t error)
{
    return error < ISR_ERROR_COUNT ? names[error] : "?";
}

bool isr_error_retriable(uint8_t error)
{
    return error < ISR_ERROR_COUNT && retriables[error];
}

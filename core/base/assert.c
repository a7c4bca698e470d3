#include "core/base/assert.h"

__attribute__((weak)) _Noreturn void isr_assert_failed(const char *condition, const char *file, int line)
{
    (void)condition;
    (void)file;
    (void)line;
    __builtin_trap();
}

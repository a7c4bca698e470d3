/* Assertions stay on in every build: a failed one is a bug of this engine, never bad input. */
#ifndef ISR_BASE_ASSERT_H
#define ISR_BASE_ASSERT_H

/* Called by a failed assertion; does not return. The default ends the process; an embedder or
 * simulator provides its own by defining isr_assert_failed (it is a weak symbol). */
_Noreturn void isr_assert_failed(const char *condition, const char *file, int line);

#define ISR_ASSERT(condition) ((condition) ? (void)0 : isr_assert_failed(#condition, __FILE__, __LINE__))

#endif

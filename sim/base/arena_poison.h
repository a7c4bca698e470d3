/* Marking memory as out of bounds for AddressSanitizer; nothing in builds without it. */
#ifndef SIM_BASE_ARENA_POISON_H
#define SIM_BASE_ARENA_POISON_H

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONING 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONING 1
#endif
#endif
#ifdef ARENA_POISONING
#include <sanitizer/asan_interface.h>
#define POISON(address, size_bytes) ASAN_POISON_MEMORY_REGION((address), (size_bytes))
#define UNPOISON(address, size_bytes) ASAN_UNPOISON_MEMORY_REGION((address), (size_bytes))
#else
#define POISON(address, size_bytes) ((void)(address), (void)(size_bytes))
#define UNPOISON(address, size_bytes) ((void)(address), (void)(size_bytes))
#endif

#endif

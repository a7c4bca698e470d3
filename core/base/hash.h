/* Mixing of integers: rolling hashes, keyed randomness, digests. Stable for ever: recorded hashes depend
 * on it. The finaliser is that of splitmix64 (Steele, Lea, Flood 2014). */
#ifndef ISR_BASE_HASH_H
#define ISR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t isr_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Order matters: combine(combine(h, a), b) differs from combine(combine(h, b), a). */
static inline uint64_t isr_hash_combine(uint64_t hash, uint64_t value)
{
    return isr_mix((hash ^ value) + UINT64_C(0x9e3779b97f4a7c15));
}

uint64_t isr_hash_bytes(uint64_t hash, const void *data, size_t size_bytes);

/* CRC-32C (Castagnoli, RFC 3720 B.4); start with crc = 0. Equal on every machine; uses the processor's
 * instruction where it has one. */
uint32_t isr_crc32c(uint32_t crc, const void *data, size_t size_bytes);

#endif

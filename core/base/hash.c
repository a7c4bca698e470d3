#include "core/base/hash.h"

#include <string.h>

static inline uint64_t u64_at(const uint8_t *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

uint64_t isr_hash_bytes(uint64_t hash, const void *data, size_t size_bytes)
{
    const uint8_t *bytes = data;
    hash = isr_hash_combine(hash, size_bytes);
    for (; size_bytes >= 8; bytes += 8, size_bytes -= 8)
        hash = isr_hash_combine(hash, u64_at(bytes));
    uint64_t tail = 0;
    for (size_t i = 0; i < size_bytes; i++)
        tail |= (uint64_t)bytes[i] << (8 * i);
    return size_bytes > 0 ? isr_hash_combine(hash, tail) : hash;
}

/* Nibble-wise: the table has 16 entries and stands here whole, so that there is nothing to initialise. */
static uint32_t crc32c_portable(uint32_t crc, const uint8_t *bytes, size_t size_bytes)
{
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
        0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    for (size_t i = 0; i < size_bytes; i++) {
        crc ^= bytes[i];
        crc = (crc >> 4) ^ table[crc & 15];
        crc = (crc >> 4) ^ table[crc & 15];
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *bytes,
                                                               size_t size_bytes)
{
    uint64_t wide = crc;
    for (; size_bytes >= 32; bytes += 32, size_bytes -= 32) {
        wide = __builtin_ia32_crc32di(wide, u64_at(bytes));
        wide = __builtin_ia32_crc32di(wide, u64_at(bytes + 8));
        wide = __builtin_ia32_crc32di(wide, u64_at(bytes + 16));
        wide = __builtin_ia32_crc32di(wide, u64_at(bytes + 24));
    }
    for (; size_bytes >= 8; bytes += 8, size_bytes -= 8)
        wide = __builtin_ia32_crc32di(wide, u64_at(bytes));
    crc = (uint32_t)wide;
    if (size_bytes & 4) {
        uint32_t word;
        memcpy(&word, bytes, 4);
        crc = __builtin_ia32_crc32si(crc, word);
        bytes += 4;
    }
    if (size_bytes & 2) {
        uint16_t word;
        memcpy(&word, bytes, 2);
        crc = __builtin_ia32_crc32hi(crc, word);
        bytes += 2;
    }
    return size_bytes & 1 ? __builtin_ia32_crc32qi(crc, *bytes) : crc;
}
#endif

uint32_t isr_crc32c(uint32_t crc, const void *data, size_t size_bytes)
{
    crc = ~crc;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc32c_sse42(crc, data, size_bytes);
#endif
    return ~crc32c_portable(crc, data, size_bytes);
}

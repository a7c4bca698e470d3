/* libFuzzer: frames from the network. Each input is decoded as it is, and again with a right checksum so that
 * the decoders of the fields are reached. What is accepted must come out of the encoder byte for byte.
 *
 *   fuzz_message core/wire/fuzz/corpus/fuzz_message */
#include "core/tests/support.h"
#include "core/wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void round_trip(struct isr_env *env, struct isr_bytes frame)
{
    struct isr_message message;
    if (!isr_message_decode(frame, &env->scratch, &message))
        return;
    struct isr_bytes again = isr_message_encode(&message, &env->scratch);
    ISR_ASSERT(again.size == frame.size);
    ISR_ASSERT(memcmp(again.data, frame.data, frame.size) == 0);
    struct isr_message decoded;
    ISR_ASSERT(isr_message_decode(again, &env->scratch, &decoded));
    ISR_ASSERT(isr_message_hash(&message) == isr_message_hash(&decoded));
    char buffer[1024];
    struct isr_text text = ISR_TEXT(buffer);
    isr_message_print(&message, &text);
    ISR_ASSERT(text.length < sizeof buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    if (size_bytes > 65536)
        return 0;
    struct test_heap heap;
    struct isr_env env;
    test_heap_init(&heap);
    test_env_init(&env, &heap);
    round_trip(&env, (struct isr_bytes){.data = data, .size = (uint32_t)size_bytes});
    if (size_bytes >= ISR_FRAME_HEADER_BYTES) {
        uint8_t *sealed = isr_scratch_allocate(&env.scratch, size_bytes);
        memcpy(sealed, data, size_bytes);
        sealed[4] %= ISR_MESSAGE_KINDS;
        isr_put_u32(sealed, isr_crc32c(0, sealed + 4, size_bytes - 4));
        round_trip(&env, (struct isr_bytes){.data = sealed, .size = (uint32_t)size_bytes});
    }
    test_heap_drop(&heap);
    return 0;
}

/* Arbitrary bytes as a snapshot, then as entries on what the snapshot gave: nothing may crash, and whatever
 * is accepted must survive its own snapshot. The first byte says where the snapshot ends. */
#include <stdlib.h>

#include "core/metadata/image.h"
#include "core/tests/support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(struct isr_image *image, struct isr_env *env)
{
    struct isr_image again;
    isr_image_init(&again, image->heap);
    struct isr_bytes snapshot = isr_image_snapshot(image, &env->scratch);
    if (!isr_image_load(&again, snapshot, &env->scratch) || again.digest != image->digest)
        abort();
    isr_image_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct test_heap heap;
    struct isr_env env;
    struct isr_image image;
    if (size == 0)
        return 0;
    size_t cut = data[0] < size - 1 ? data[0] : size - 1;
    test_heap_init(&heap);
    test_env_init(&env, &heap);
    isr_image_init(&image, &heap.heap);
    struct isr_bytes snapshot = {data + 1, (uint32_t)cut};
    struct isr_bytes entry = {data + 1 + cut, (uint32_t)(size - 1 - cut)};
    if (isr_image_load(&image, snapshot, &env.scratch))
        check_round_trip(&image, &env);
    if (isr_image_apply(&image, INT64_MAX, INT32_MAX, entry, &env.scratch, NULL))
        check_round_trip(&image, &env);
    test_heap_drop(&heap);
    return 0;
}

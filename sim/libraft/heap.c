/* The library's memory is the node's heap, so that a crash drops it whole. Which heap is in use is the one
 * state of the library that is global to the process: it is set at every entry. */
#include "core/base/text.h"
#include "sim/libraft/internal.h"

/* In front of each block: what realloc needs to know. */
enum { HEAD_BYTES = 16 };

static void *block_new(void *data, size_t size_bytes)
{
    uint8_t *block = isr_heap_allocate(data, HEAD_BYTES + (size_bytes == 0 ? 1 : size_bytes));
    memcpy(block, &size_bytes, sizeof size_bytes);
    return block + HEAD_BYTES;
}

static void block_free(void *data, void *block)
{
    if (block != NULL)
        isr_heap_release(data, (uint8_t *)block - HEAD_BYTES);
}

static void *block_new_cleared(void *data, size_t count, size_t size_bytes)
{
    ISR_ASSERT(size_bytes == 0 || count <= SIZE_MAX / size_bytes - HEAD_BYTES);
    return block_new(data, count * size_bytes); /* the heap's blocks are zeroed */
}

static void *block_resize(void *data, void *block, size_t size_bytes)
{
    void *bigger = block_new(data, size_bytes);
    if (block != NULL) {
        size_t old_bytes;
        memcpy(&old_bytes, (uint8_t *)block - HEAD_BYTES, sizeof old_bytes);
        memcpy(bigger, block, old_bytes < size_bytes ? old_bytes : size_bytes);
        block_free(data, block);
    }
    return bigger;
}

static void *block_new_aligned(void *data, size_t alignment, size_t size_bytes)
{
    ISR_ASSERT(alignment <= HEAD_BYTES); /* only the library's own disk code wants more */
    return block_new(data, size_bytes);
}

static void block_free_aligned(void *data, size_t alignment, void *block)
{
    (void)alignment;
    block_free(data, block);
}

void libraft_heap_init(struct libraft *libraft)
{
    libraft->heap = (struct raft_heap){.data = libraft->env->heap,
                                       .malloc = block_new,
                                       .free = block_free,
                                       .calloc = block_new_cleared,
                                       .realloc = block_resize,
                                       .aligned_alloc = block_new_aligned,
                                       .aligned_free = block_free_aligned};
}

void libraft_enter(struct libraft *libraft)
{
    ISR_ASSERT(!libraft->inside);
    libraft->inside = true;
    raft_heap_set(&libraft->heap);
}

void libraft_leave(struct libraft *libraft)
{
    ISR_ASSERT(libraft->inside);
    libraft->inside = false;
    libraft_observe(libraft);
    libraft_vote_settle(libraft);
}

void libraft_address(char address[LIBRAFT_ADDRESS_BYTES], int32_t node)
{
    struct isr_text text = {.buffer = address, .capacity = LIBRAFT_ADDRESS_BYTES};
    isr_text_format(&text, "n%d", (int)node);
}

bool libraft_member_add(struct raft_configuration *configuration, int32_t node, int role)
{
    char address[LIBRAFT_ADDRESS_BYTES];
    if (node < 1 || node > ISR_NODE_MAX)
        return false;
    libraft_address(address, node);
    return raft_configuration_add(configuration, (raft_id)node, address, role) == 0;
}

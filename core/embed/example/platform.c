#include "core/embed/example/platform.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { MESH_MAX = 16, FRAME_BYTES_MAX = 65507 };

static struct pollfd sockets[MESH_MAX];
static struct sockaddr_in addresses[MESH_MAX];
static int32_t mesh_count;

/* Before each block; a multiple of 16 bytes, so that blocks are as aligned as malloc's. */
struct platform_block {
    struct platform_block *previous, *next;
};

static void *allocate(void *owner, size_t size_bytes)
{
    struct platform_memory *memory = owner;
    struct platform_block *block = calloc(1, sizeof *block + size_bytes);
    if (block == NULL)
        return NULL;
    block->next = memory->first;
    if (block->next != NULL)
        block->next->previous = block;
    memory->first = block;
    return block + 1;
}

static void release(void *owner, void *bytes)
{
    struct platform_memory *memory = owner;
    struct platform_block *block = (struct platform_block *)bytes - 1;
    if (block->next != NULL)
        block->next->previous = block->previous;
    if (block->previous != NULL)
        block->previous->next = block->next;
    else
        memory->first = block->next;
    free(block);
}

struct isr_heap platform_heap(struct platform_memory *memory)
{
    return (struct isr_heap){.allocate = allocate, .release = release, .owner = memory};
}

void platform_drop(struct platform_memory *memory)
{
    while (memory->first != NULL)
        release(memory, memory->first + 1);
}

struct isr_reading platform_now(void)
{
    struct timespec monotonic, real;
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    clock_gettime(CLOCK_REALTIME, &real);
    return (struct isr_reading){.now_ns = monotonic.tv_sec * ISR_SECOND + monotonic.tv_nsec,
                                .real_ns = real.tv_sec * ISR_SECOND + real.tv_nsec};
}

bool mesh_open(int32_t count)
{
    for (mesh_count = 0; mesh_count < count && mesh_count < MESH_MAX; mesh_count++) {
        struct sockaddr_in *address = &addresses[mesh_count];
        socklen_t size = sizeof *address;
        int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
        sockets[mesh_count] = (struct pollfd){.fd = descriptor, .events = POLLIN};
        *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        if (descriptor < 0 || bind(descriptor, (struct sockaddr *)address, size) != 0 ||
            getsockname(descriptor, (struct sockaddr *)address, &size) != 0)
            return false;
    }
    return mesh_count == count;
}

void mesh_send(int32_t from, int32_t to, struct isr_bytes frame)
{
    const struct sockaddr_in *address = &addresses[to - 1];
    (void)!sendto(sockets[from - 1].fd, frame.data, frame.size, 0, (const struct sockaddr *)address,
                  sizeof *address);
}

bool mesh_receive(int32_t to, int32_t *from, struct isr_bytes *frame)
{
    static uint8_t bytes[FRAME_BYTES_MAX];
    struct sockaddr_in sender;
    socklen_t size = sizeof sender;
    ssize_t count =
        recvfrom(sockets[to - 1].fd, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&sender, &size);
    if (count < 0)
        return false;
    *frame = (struct isr_bytes){.data = bytes, .size = (uint32_t)count};
    for (*from = mesh_count; *from > 0 && addresses[*from - 1].sin_port != sender.sin_port;)
        --*from; /* 0, which the engine refuses, for a stranger */
    return true;
}

void mesh_wait(int64_t until_ns)
{
    int64_t wait_ns = until_ns - platform_now().now_ns;
    poll(sockets, (nfds_t)mesh_count, wait_ns > 0 ? (int)((wait_ns + ISR_MS - 1) / ISR_MS) : 0);
}

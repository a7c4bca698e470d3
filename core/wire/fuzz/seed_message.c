/* Writes the seed corpus of fuzz_message: one frame of each kind, the same at every run.
 *
 *   cc -std=c17 -I. core/wire/fuzz/seed_message.c core/wire/[a-z]*.c core/base/[a-z]*.c -o seed_message
 *   ./seed_message core/wire/fuzz/corpus/fuzz_message */
#include <stdio.h>

#include "core/wire/tests/random_message.h"

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: seed_message DIRECTORY\n");
        return 1;
    }
    struct test_heap heap;
    struct isr_env env;
    test_heap_init(&heap);
    test_env_init(&env, &heap);
    struct generator generator = {.random = {.state = 1}, .scratch = &env.scratch};
    for (int kind = 0; kind < ISR_MESSAGE_KINDS; kind++) {
        struct isr_message message;
        generate_message(&generator, (enum isr_message_kind)kind, &message);
        struct isr_bytes frame = isr_message_encode(&message, &env.scratch);
        char path[512];
        snprintf(path, sizeof path, "%s/%s", arguments[1], isr_message_name((enum isr_message_kind)kind));
        FILE *file = fopen(path, "wb");
        if (file == NULL || fwrite(frame.data, 1, frame.size, file) != frame.size || fclose(file) != 0) {
            perror(path);
            return 1;
        }
    }
    test_heap_drop(&heap);
    return 0;
}

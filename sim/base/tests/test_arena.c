#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "sim/base/arena.h"

#if defined(__SANITIZE_ADDRESS__)
#define POISONED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONED 1
#endif
#endif

static jmp_buf assertion_jump;
static bool assertion_expected;

_Noreturn void isr_assert_failed(const char *condition, const char *file, int line)
{
    if (assertion_expected)
        longjmp(assertion_jump, 1);
    print_error("%s:%d: %s\n", file, line, condition);
    __builtin_trap();
}

/* Whether the statement fails an assertion. */
#define ASSERTS(statement)                   \
    do {                                     \
        assertion_expected = true;           \
        if (setjmp(assertion_jump) == 0) {   \
            statement;                       \
            assertion_expected = false;      \
            fail_msg("no assertion failed"); \
        }                                    \
        assertion_expected = false;          \
    } while (0)

static int open_arena(void **state)
{
    const char *error;
    struct arena *arena = arena_open(ARENA_RESERVE_STANDARD, &error);
    *state = arena;
    return arena != NULL ? 0 : -1;
}

static int close_arena(void **state)
{
    arena_close(*state);
    return 0;
}

static void maps_at_the_same_address_always(void **state)
{
    assert_true((uintptr_t)*state == (uintptr_t)ARENA_BASE);
    const char *error;
    assert_null(arena_open(ARENA_RESERVE_STANDARD, &error));
    assert_non_null(strstr(error, "0x110000000000"));
    assert_null(arena_open(1, &error));
    assert_non_null(strstr(error, "between"));
}

static void gives_zeroed_aligned_blocks_of_every_size(void **state)
{
    struct arena_owner *owner = arena_owner_new(*state, "n1");
    for (size_t size = 0; size < 40000; size += size < 3000 ? 1 : 977) {
        uint8_t *block = arena_allocate(owner, size);
        assert_int_equal((uintptr_t)block % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(block[i], 0);
        memset(block, 0xa5, size);
        arena_release(owner, block);
    }
    assert_int_equal(owner->blocks_live, 0);
    assert_int_equal(owner->bytes_used, 0);
    assert_true(owner->bytes_peak >= 39000);
}

static void reuses_what_was_released(void **state)
{
    struct arena_owner *owner = arena_owner_new(*state, "n1");
    void *first = arena_allocate(owner, 100);
    arena_release(owner, first);
    assert_ptr_equal(arena_allocate(owner, 104), first);
    void *large = arena_allocate(owner, 100000);
    arena_release(owner, large);
    assert_ptr_equal(arena_allocate(owner, 99000), large);
    uint64_t used = arena_used_bytes(*state);
    for (int i = 0; i < 10000; i++)
        arena_release(owner, arena_allocate(owner, 5000));
    assert_true(arena_used_bytes(*state) <= used + 2 * ARENA_CHUNK_BYTES);
}

static void fits_the_largest_block_of_a_chunk_into_one(void **state)
{
    struct arena_owner *owner = arena_owner_new(*state, "disk");
    arena_allocate_raw(owner, ARENA_CHUNK_BLOCK_BYTES);
    assert_int_equal(owner->chunks, 1);
    arena_allocate_raw(owner, ARENA_CHUNK_BLOCK_BYTES + 1);
    assert_int_equal(owner->chunks, 3);
}

static void catches_a_double_release_and_a_foreign_block(void **state)
{
    struct arena_owner *owner = arena_owner_new(*state, "n1");
    struct arena_owner *other = arena_owner_new(*state, "n2");
    void *block = arena_allocate(owner, 32);
    ASSERTS(arena_release(other, block));
    arena_release(owner, block);
    ASSERTS(arena_release(owner, block));
}

static void a_crash_takes_everything_of_one_owner_and_nothing_else(void **state)
{
    struct arena *arena = *state;
    struct arena_owner *crashing = arena_owner_new(arena, "n1");
    struct arena_owner *living = arena_owner_new(arena, "n2");
    uint8_t *kept[200];
    for (int i = 0; i < 200; i++) {
        arena_allocate(crashing, (size_t)i * 97);
        kept[i] = arena_allocate(living, (size_t)i * 53 + 1);
        memset(kept[i], i, (size_t)i * 53 + 1);
    }
    uint64_t top = arena_used_bytes(arena);
    arena_owner_drop(crashing);
    assert_int_equal(crashing->blocks_live, 0);
    assert_int_equal(crashing->chunks, 0);
    for (int life = 0; life < 50; life++) {
        for (int i = 0; i < 200; i++)
            memset(arena_allocate(crashing, (size_t)i * 97), 0xff, (size_t)i * 97);
        arena_owner_drop(crashing);
    }
    assert_int_equal(arena_used_bytes(arena), top);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(kept[i][0], (uint8_t)i);
        assert_int_equal(kept[i][(size_t)i * 53], (uint8_t)i);
    }
}

static void refuses_when_the_range_is_exhausted(void **state)
{
    const char *error;
    arena_close(*state);
    struct arena *arena = arena_open(UINT64_C(1) << 20, &error);
    *state = arena;
    struct arena_owner *owner = arena_owner_new(arena, "n1");
    assert_null(arena_allocate(owner, 2 << 20));
    int blocks = 0;
    while (arena_allocate(owner, 1000) != NULL)
        blocks++;
    assert_in_range(blocks, 900, 1100);
}

/* The model: blocks hold a pattern of their own from release to release, through resets and drops. */
static void keeps_blocks_apart_in_random_use(void **state)
{
    enum { OWNERS = 5, SLOTS = 400, ROUNDS = 40000 };
    static struct {
        uint8_t *block;
        size_t size;
    } slots[OWNERS][SLOTS];
    struct arena_owner *owners[OWNERS];
    uint64_t live[OWNERS];
    memset(slots, 0, sizeof slots);
    memset(live, 0, sizeof live);
    for (int i = 0; i < OWNERS; i++)
        owners[i] = arena_owner_new(*state, "owner");
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t draw = isr_hash_combine(7, round);
        unsigned owner = (unsigned)(draw % OWNERS), slot = (unsigned)(draw / 8 % SLOTS);
        if (draw >> 52 == 0) {
            arena_owner_drop(owners[owner]);
            memset(slots[owner], 0, sizeof slots[owner]);
            live[owner] = 0;
        }
        uint8_t *block = slots[owner][slot].block;
        size_t size = slots[owner][slot].size;
        if (block != NULL) {
            for (size_t i = 0; i < size; i += 13)
                assert_int_equal(block[i], (uint8_t)(slot + owner));
            arena_release(owners[owner], block);
            slots[owner][slot].block = NULL;
            live[owner]--;
        } else {
            size = draw >> 30 & (draw >> 60 == 0 ? 0x3ffff : draw >> 60 < 4 ? 0xfff : 0xff);
            slots[owner][slot].block = arena_allocate_raw(owners[owner], size);
            slots[owner][slot].size = size;
            memset(slots[owner][slot].block, (int)(slot + owner), size);
            live[owner]++;
        }
        assert_int_equal(owners[owner]->blocks_live, live[owner]);
    }
}

static uint64_t address_hash(struct arena *arena)
{
    uint64_t hash = 0;
    void *blocks[64] = {0};
    struct arena_owner *owner = arena_owner_new(arena, "n1");
    for (uint64_t i = 0; i < 3000; i++) {
        unsigned slot = isr_hash_combine(1, i) % 64;
        if (blocks[slot] != NULL)
            arena_release(owner, blocks[slot]);
        blocks[slot] = arena_allocate(owner, isr_hash_combine(2, i) % 20000);
        hash = isr_hash_combine(hash, (uintptr_t)blocks[slot]);
    }
    return hash;
}

static void gives_the_same_addresses_after_a_reset(void **state)
{
    arena_reset(*state);
    uint64_t first = address_hash(*state);
    arena_reset(*state);
    assert_true(address_hash(*state) == first);
    assert_true(first != 0);
}

static void a_copy_of_the_used_bytes_restores_everything(void **state)
{
    struct arena *arena = *state;
    static uint8_t copy[1 << 20];
    struct arena_owner *owner = arena_owner_new(arena, "n1");
    char *text = arena_allocate(owner, 32);
    memcpy(text, "before", 7);
    uint64_t used = arena_used_bytes(arena);
    assert_true(used <= sizeof copy);
#ifndef POISONED /* a plain copy would trip over what is poisoned */
    memcpy(copy, arena, used);
    memcpy(text, "after!", 7);
    void *next = arena_allocate(owner, 32);
    arena_owner_drop(owner);
    memcpy(arena, copy, used);
    assert_string_equal(text, "before");
    assert_ptr_equal(arena_allocate(owner, 32), next);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(maps_at_the_same_address_always, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(gives_zeroed_aligned_blocks_of_every_size, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(reuses_what_was_released, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(fits_the_largest_block_of_a_chunk_into_one, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(catches_a_double_release_and_a_foreign_block, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(a_crash_takes_everything_of_one_owner_and_nothing_else, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(refuses_when_the_range_is_exhausted, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(keeps_blocks_apart_in_random_use, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(gives_the_same_addresses_after_a_reset, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(a_copy_of_the_used_bytes_restores_everything, open_arena,
                                        close_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

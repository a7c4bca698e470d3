#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "sim/base/arena_copy.h"
#include "sim/base/arena_poison.h"

static struct arena *arena;

static int open_arena(void **state)
{
    (void)state;
    const char *error;
    arena = arena_open(ARENA_RESERVE_STANDARD, &error);
    return arena != NULL ? 0 : -1;
}

static int close_arena(void **state)
{
    (void)state;
    arena_close(arena);
    return 0;
}

static void puts_back_blocks_and_their_owner(void **state)
{
    (void)state;
    struct arena_copy copy = {0};
    uint64_t where;
    struct arena_owner *owner = arena_owner_new(arena, "one");
    char *kept = arena_allocate(owner, 100);
    memcpy(kept, "kept", 5);
    assert_true(arena_copy_take(&copy, arena));
    memcpy(kept, "lost", 5);
    arena_release(owner, kept);
    char *other = arena_allocate(owner, 100);
    assert_ptr_equal(other, kept);
    assert_false(arena_copy_equals(&copy, &where));
    arena_copy_put_back(&copy);
    assert_true(arena_copy_equals(&copy, &where));
    assert_string_equal(kept, "kept");
    assert_int_equal(owner->blocks_live, 1);
    arena_copy_free(&copy);
}

/* Memory that is handed out uncleared is zero, whatever was there: else two runs from one copy would differ.
 */
static void leaves_nothing_above_the_top(void **state)
{
    (void)state;
    enum { BIG = 5 * ARENA_CHUNK_BYTES };
    struct arena_copy copy = {0};
    struct arena_owner *owner = arena_owner_new(arena, "one");
    memset(arena_allocate(owner, BIG), 0x55, BIG);
    arena_reset(arena);
    owner = arena_owner_new(arena, "two");
    arena_allocate(owner, 16);
    assert_true(arena_copy_take(&copy, arena));
    for (int round = 0; round < 2; round++) {
        uint8_t *block = arena_allocate_raw(owner, BIG);
        for (int i = 0; i < BIG; i++)
            assert_int_equal(block[i], 0);
        memset(block, 0xaa, BIG);
        arena_copy_put_back(&copy);
    }
    arena_copy_free(&copy);
}

static void tells_where_it_differs_and_where_it_is_longer(void **state)
{
    (void)state;
    struct arena_copy copy = {0};
    uint64_t where;
    struct arena_owner *owner = arena_owner_new(arena, "one");
    uint64_t *number = arena_allocate(owner, sizeof *number);
    assert_true(arena_copy_take(&copy, arena));
    *number = 1;
    assert_false(arena_copy_equals(&copy, &where));
    assert_int_equal(where, (uint64_t)((uint8_t *)number - (uint8_t *)arena));
    *number = 0;
    assert_true(arena_copy_equals(&copy, &where));
    assert_int_equal(where, copy.bytes);
    arena_allocate(owner, 10 * ARENA_CHUNK_BYTES);
    assert_false(arena_copy_equals(&copy, &where));
    arena_reset(arena);
    assert_false(arena_copy_equals(&copy, &where));
    arena_copy_free(&copy);
}

static void grows_with_what_it_holds(void **state)
{
    (void)state;
    struct arena_copy copy = {0};
    uint64_t where;
    struct arena_owner *owner = arena_owner_new(arena, "one");
    assert_true(arena_copy_take(&copy, arena));
    uint64_t room = copy.mapped_bytes;
    memset(arena_allocate(owner, room + 1), 7, room + 1);
    assert_true(arena_copy_take(&copy, arena));
    assert_true(copy.mapped_bytes > room);
    arena_reset(arena);
    arena_copy_put_back(&copy);
    assert_true(arena_copy_equals(&copy, &where));
    arena_copy_free(&copy);
    assert_null(copy.mapped);
}

#ifdef ARENA_POISONING
static void puts_back_what_is_poisoned(void **state)
{
    (void)state;
    struct arena_copy copy = {0};
    struct arena_owner *owner = arena_owner_new(arena, "one");
    char *live = arena_allocate(owner, 40), *gone = arena_allocate(owner, 40);
    arena_release(owner, gone);
    assert_true(arena_copy_take(&copy, arena));
    arena_release(owner, live);
    char *later = arena_allocate(owner, 3 * ARENA_CHUNK_BYTES);
    arena_copy_put_back(&copy);
    assert_false(__asan_address_is_poisoned(live + 39));
    assert_true(__asan_address_is_poisoned(live + 40));
    assert_true(__asan_address_is_poisoned(gone));
    assert_false(__asan_address_is_poisoned(later));
    arena_reset(arena);
    arena_copy_put_back(&copy);
    assert_true(__asan_address_is_poisoned(gone));
    arena_release(owner, live);
    arena_copy_free(&copy);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(puts_back_blocks_and_their_owner, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(leaves_nothing_above_the_top, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(tells_where_it_differs_and_where_it_is_longer, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(grows_with_what_it_holds, open_arena, close_arena),
#ifdef ARENA_POISONING
        cmocka_unit_test_setup_teardown(puts_back_what_is_poisoned, open_arena, close_arena),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "harness/assertion.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/assert.h"
#include "harness/runner.h"
#include "harness/value.h"

/* isr_assert_failed is told nothing but the place: what was being run is remembered here. */
static struct {
    const struct run_request *request;
    const struct sim_world *world;
    const char *remove;
    bool json, failing;
    void (*tell)(void *object, const char *message);
    void *object;
} watched;

void assertion_watch(const struct run_request *request, const struct sim_world *world)
{
    watched.request = request;
    watched.world = world;
}

void assertion_print_json(bool on)
{
    watched.json = on;
}

void assertion_remove(const char *path)
{
    watched.remove = path;
}

void assertion_tell(void (*tell)(void *object, const char *message), void *object)
{
    watched.tell = tell;
    watched.object = object;
}

static void tell_run(const char *message)
{
    char reproducer[1024], time[32];
    const struct run_request *request = watched.request;
    int64_t now_ns = watched.world != NULL ? watched.world->now_ns : 0;
    runner_reproducer(request, reproducer, sizeof reproducer);
    fprintf(
        stderr, "  scenario: %s, variant %s\n  seed: %" PRIu64 "\n  virtual time: %s\n  reproduce with: %s\n",
        request->path, request->variant->name, request->seed, value_print_seconds(now_ns, time), reproducer);
    if (!watched.json)
        return;
    struct run_result result = {
        .verdict = SIM_VERDICT_CRASHED, .judged = request->rules == NULL, .virtual_ns = now_ns};
    if (watched.world != NULL) {
        result.counters = watched.world->counters;
        result.hash = watched.world->trace.hash;
    }
    snprintf(result.message, sizeof result.message, "%s", message);
    runner_print_json(stdout, request, &result, NULL);
}

_Noreturn void isr_assert_failed(const char *condition, const char *file, int line)
{
    char message[512];
    snprintf(message, sizeof message, "assertion of the engine failed: %s (%s:%d)", condition, file, line);
    if (watched.tell != NULL) {
        watched.tell(watched.object, message);
        _exit(4);
    }
    fflush(stdout);
    fprintf(stderr, "isrsim: %s\n", message);
    if (watched.request != NULL && !watched.failing) {
        watched.failing = true; /* what tells of the run may itself fail */
        tell_run(message);
    }
    if (watched.remove != NULL)
        unlink(watched.remove);
    fflush(stdout);
    _exit(4);
}

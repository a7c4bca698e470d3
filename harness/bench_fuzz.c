#include "harness/bench_fuzz.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "faults/generate.h"
#include "harness/hunt.h"

enum { SEEDS = 600, SEEDS_QUICK = 6, WORKERS = 2, SECONDS_OF_A_SEED = 30 };

struct measured {
    struct fault_plan *plan;
    uint64_t seeds, events, virtual_ns, failed, hash;
    double wall_seconds, cpu_seconds;
};

static void prepare(void *object, uint64_t seed, struct attempt_request *request, uint64_t *kinds)
{
    struct measured *measured = object;
    fault_generate(measured->plan, &(struct fault_request){.seed = seed});
    request->spec = &measured->plan->spec;
    *kinds = measured->plan->kinds;
}

static void took(void *object, const struct hunt_run *run)
{
    struct measured *measured = object;
    measured->seeds++;
    measured->events += run->attempt.counters.events;
    measured->virtual_ns += (uint64_t)run->attempt.virtual_ns;
    measured->failed += run->attempt.verdict != SIM_VERDICT_HELD;
    measured->hash = sim_trace_mix(measured->hash, run->attempt.hash);
}

/* Of the workers that ended. */
static double cpu_seconds(void)
{
    struct rusage used;
    getrusage(RUSAGE_CHILDREN, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static bool measure(unsigned workers, uint64_t seeds, struct measured *measured)
{
    struct hunt hunt = {.first = 1,
                        .last = seeds,
                        .shard = 1,
                        .shards = 1,
                        .jobs = workers,
                        .keep_going = true,
                        .prepare = prepare,
                        .took = took,
                        .object = measured};
    int64_t began_ns = attempt_clock_ns();
    double began = cpu_seconds();
    enum hunt_end end = hunt_run(&hunt);
    measured->wall_seconds = (double)(attempt_clock_ns() - began_ns) / 1e9;
    measured->cpu_seconds = cpu_seconds() - began;
    return end == HUNT_DONE;
}

/* Seeds of thirty virtual seconds in a second of processor time. */
static double rate_of(const struct measured *measured)
{
    return (double)measured->virtual_ns / 1e9 / SECONDS_OF_A_SEED / measured->cpu_seconds;
}

static void print_json(FILE *out, unsigned workers, const struct measured *measured, double gain)
{
    fprintf(out,
            "{\"schema\":1,\"case\":\"g\",\"workers\":%u,\"seeds\":%" PRIu64 ",\"failed\":%" PRIu64
            ",\"seeds_per_s\":%.1f,\"seeds_per_cpu_s\":%.1f,\"seeds_of_30_virtual_s_per_cpu_s\":%.1f,"
            "\"virtual_s_per_seed\":%.1f,\"events_per_seed\":%" PRIu64 ",\"ns_per_event\":%.0f,"
            "\"times_one_worker\":%.2f,\"hash\":\"%016" PRIx64 "\"}\n",
            workers, measured->seeds, measured->failed, (double)measured->seeds / measured->wall_seconds,
            (double)measured->seeds / measured->cpu_seconds, rate_of(measured),
            (double)measured->virtual_ns / 1e9 / (double)measured->seeds, measured->events / measured->seeds,
            measured->cpu_seconds * 1e9 / (double)measured->events, gain, measured->hash);
}

static void print_row(FILE *out, unsigned workers, const struct measured *measured, double gain)
{
    fprintf(out, "%-4s %u worker%s %9.1f %12.1f %14.1f %12.1f %12" PRIu64 " %9.0f %11.2f\n", "g", workers,
            workers == 1 ? " " : "s", (double)measured->seeds / measured->wall_seconds,
            (double)measured->seeds / measured->cpu_seconds, rate_of(measured),
            (double)measured->virtual_ns / 1e9 / (double)measured->seeds, measured->events / measured->seeds,
            measured->cpu_seconds * 1e9 / (double)measured->events, gain);
}

bool bench_fuzz(bool quick, bool json, FILE *out)
{
    double one_worker = 0;
    bool good = true;
    struct fault_plan *plan = malloc(sizeof *plan);
    if (plan == NULL)
        return false;
    if (!json)
        fprintf(out, "%-4s %-9s %9s %12s %14s %12s %12s %9s %11s\n", "case", "what", "seeds/s", "seeds/cpu s",
                "of 30 s/cpu s", "virtual s", "events/seed", "ns/event", "x one");
    for (unsigned workers = 1; workers <= WORKERS && good; workers++) {
        struct measured measured = {.plan = plan};
        good = measure(workers, quick ? SEEDS_QUICK : SEEDS, &measured);
        if (!good)
            break;
        if (workers == 1)
            one_worker = measured.wall_seconds;
        double gain = one_worker / measured.wall_seconds;
        if (json)
            print_json(out, workers, &measured, gain);
        else
            print_row(out, workers, &measured, gain);
    }
    if (!json && good)
        fprintf(out,
                "random scenarios of the default profile, all checks on; processes and generation included; "
                "seeds/s by the clock\n");
    free(plan);
    return good;
}

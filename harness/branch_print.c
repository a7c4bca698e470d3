/* What `isrsim branch` found out, for people and programs. */
#include <inttypes.h>
#include <string.h>

#include "harness/branch.h"
#include "harness/json.h"
#include "harness/value.h"

enum { BAR_WIDTH = 40 };

/* "9.4 %" of thousandths. */
static const char *percent(uint32_t thousandths, char buffer[16])
{
    snprintf(buffer, 16, "%" PRIu32 ".%" PRIu32, thousandths / 10, thousandths % 10);
    return buffer;
}

static uint32_t share(const struct branch_moment *moment)
{
    return (uint32_t)((moment->same * 2000 + moment->runs) / (2 * moment->runs));
}

/* Sure of it: #, the estimate: +, not ruled out: . */
static void draw_bar(const struct branch_moment *moment, char bar[BAR_WIDTH + 1])
{
    struct branch_interval interval = branch_interval(moment->same, moment->runs);
    uint32_t estimate = share(moment);
    for (uint32_t i = 0; i < BAR_WIDTH; i++) {
        uint32_t at = (2 * i + 1) * 1000 / (2 * BAR_WIDTH);
        bar[i] = at < interval.low ? '#' : at < estimate ? '+' : at < interval.high ? '.' : ' ';
    }
    bar[BAR_WIDTH] = '\0';
}

static void print_moments(FILE *out, const struct branch *branch)
{
    fprintf(out, "%11s %10s %11s %7s %15s\n", "time", "event", "same", "%", "95 % interval");
    for (unsigned i = 0; i < branch->count; i++) {
        const struct branch_moment *moment = &branch->moments[i];
        struct branch_interval interval = branch_interval(moment->same, moment->runs);
        char time[32], estimate[16], low[16], high[16], bar[BAR_WIDTH + 1];
        draw_bar(moment, bar);
        fprintf(out, "%11s %10" PRIu64 " %6" PRIu64 "/%-4" PRIu64 " %7s %6s .. %5s |%s|",
                value_print_seconds(moment->time_ns, time), moment->event, moment->same, moment->runs,
                percent(share(moment), estimate), percent(interval.low, low), percent(interval.high, high),
                bar);
        if (moment->other > 0)
            fprintf(out, " %" PRIu64 " failed otherwise", moment->other);
        fprintf(out, "\n");
    }
}

static void print_stretch(FILE *out, const struct branch *branch)
{
    const struct branch_moment *from = &branch->moments[branch->decisive], *to = from + 1;
    char from_time[32], to_time[32], from_share[16], to_share[16];
    fprintf(out, "from %s to %s, %" PRIu64 " event%s, the likelihood goes from %s to %s %%.\n",
            value_print_seconds(from->time_ns, from_time), value_print_seconds(to->time_ns, to_time),
            to->event - from->event, to->event - from->event == 1 ? "" : "s",
            percent(share(from), from_share), percent(share(to), to_share));
    unsigned shown = branch->story_count < BRANCH_STORY_MAX ? branch->story_count : BRANCH_STORY_MAX;
    if (shown > 0)
        fprintf(out, "What happened there:\n");
    for (unsigned i = 0; i < shown; i++)
        fprintf(out, "    %s\n", branch->story[i]);
    if (branch->story_count > shown)
        fprintf(out, "    ... and %u more\n", branch->story_count - shown);
    if (shown == 0)
        fprintf(out,
                "The story of the run tells of nothing there; `isrsim run --trace` writes every message.\n");
}

static void print_conclusion(FILE *out, const struct branch *branch)
{
    const struct branch_moment *first = &branch->moments[0];
    if (branch->count < 2)
        return;
    if (branch_is_clear(branch)) {
        fprintf(out, "The decisive moment: ");
    } else if (branch->decisive < 0 || first->same == first->runs) {
        fprintf(
            out,
            "No moment is decisive: it is as likely from the start on as it is later. What decides it is in\n"
            "the scenario, not in chance.\n");
        return;
    } else {
        fprintf(out, "No single moment is decisive; more seeds may tell. The largest step: ");
    }
    print_stretch(out, branch);
}

void branch_print_text(FILE *out, const struct branch *branch)
{
    char time[32];
    fprintf(out, "%s\n", branch->failed.message);
    fprintf(out,
            "That was at %s, after %" PRIu64 " events. How many of %" PRIu64
            " runs that go on from a moment by other seeds end so too:\n\n",
            value_print_seconds(branch->failed.virtual_ns, time), branch->failed.counters.events,
            branch->last - branch->first + 1);
    print_moments(out, branch);
    fprintf(out, "\n");
    print_conclusion(out, branch);
}

/* ---- for programs ---- */

static void json_moment(struct json *json, const struct branch_moment *moment)
{
    struct branch_interval interval = branch_interval(moment->same, moment->runs);
    json_open_object(json, NULL);
    json_integer(json, "time_ns", moment->time_ns);
    json_unsigned(json, "event", moment->event);
    json_unsigned(json, "runs", moment->runs);
    json_unsigned(json, "same", moment->same);
    json_unsigned(json, "other_failures", moment->other);
    json_unsigned(json, "permille", share(moment));
    json_unsigned(json, "low_permille", interval.low);
    json_unsigned(json, "high_permille", interval.high);
    json_close_object(json);
}

static void json_jump(struct json *json, const struct branch *branch)
{
    if (branch->decisive < 0) {
        json_string(json, "jump", NULL);
        return;
    }
    const struct branch_moment *from = &branch->moments[branch->decisive], *to = from + 1;
    json_open_object(json, "jump");
    json_flag(json, "clear", branch_is_clear(branch));
    json_integer(json, "from_ns", from->time_ns);
    json_integer(json, "to_ns", to->time_ns);
    json_unsigned(json, "from_event", from->event);
    json_unsigned(json, "to_event", to->event);
    json_unsigned(json, "from_permille", share(from));
    json_unsigned(json, "to_permille", share(to));
    json_open_list(json, "story");
    for (unsigned i = 0; i < branch->story_count && i < BRANCH_STORY_MAX; i++)
        json_string(json, NULL, branch->story[i]);
    json_close_list(json);
    json_close_object(json);
}

void branch_print_json(FILE *out, const struct branch *branch, const char *subject)
{
    char id[9];
    struct json json = json_to(out, false);
    json_open_object(&json, NULL);
    json_integer(&json, "schema", 1);
    json_string(&json, "run", subject);
    json_unsigned(&json, "seed", branch->seed);
    json_string(&json, "message", branch->failed.message);
    json_string(&json, "signature", signature_print_id(branch->signature.id, id));
    json_integer(&json, "failed_ns", branch->failed.virtual_ns);
    json_unsigned(&json, "failed_event", branch->failed.counters.events);
    json_unsigned(&json, "first_seed", branch->first);
    json_unsigned(&json, "last_seed", branch->last);
    json_open_list(&json, "moments");
    for (unsigned i = 0; i < branch->count; i++)
        json_moment(&json, &branch->moments[i]);
    json_close_list(&json);
    json_jump(&json, branch);
    json_close_object(&json);
    json_end(&json);
}

void branch_print_csv(FILE *out, const struct branch *branch)
{
    fprintf(out, "time_ns,event,runs,same,other_failures,permille,low_permille,high_permille\n");
    for (unsigned i = 0; i < branch->count; i++) {
        const struct branch_moment *moment = &branch->moments[i];
        struct branch_interval interval = branch_interval(moment->same, moment->runs);
        fprintf(out,
                "%" PRId64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32
                "\n",
                moment->time_ns, moment->event, moment->runs, moment->same, moment->other, share(moment),
                interval.low, interval.high);
    }
}

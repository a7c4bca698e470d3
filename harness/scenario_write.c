#include "harness/scenario_write.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/scenario_fields.h"
#include "harness/step.h"
#include "harness/version.h"

enum { LINE_COLUMNS_MAX = 110 };

static size_t longest_line(const char *text)
{
    size_t longest = 0;
    while (*text != '\0') {
        size_t line = strcspn(text, "\n");
        longest = line > longest ? line : longest;
        text += line + (text[line] == '\n');
    }
    return longest;
}

/* A key of the file with its value, on a line where that is enough, else with a line for each element, and
 * for each element of those; but a step is always a line. */
static void write_section(struct writer *writer, const struct field *field, const struct scenario *scenario,
                          const struct scenario *standard)
{
    const struct writer before = *writer;
    const unsigned most = field->shape == &shape_steps ? 2 : 3;
    for (unsigned spread = 1; spread <= most; spread++) {
        writer_rewind(writer, &before);
        writer->spread = spread;
        shape_write_member(writer, field, scenario, standard);
        if (longest_line(writer->text + before.length) <= LINE_COLUMNS_MAX)
            break;
    }
    writer->spread = 1;
}

static void write_head(struct writer *writer, const struct sim_spec *spec,
                       const struct scenario_write_options *options)
{
    char line[512];
    if (options->command != NULL) {
        snprintf(line, sizeof line, "Made by: %s", options->command);
        writer_comment(writer, line);
    }
    if (options->hashed) {
        snprintf(line, sizeof line, "isrsim %s, seed %" PRIu64 ", trace hash %016" PRIx64, ISRSIM_VERSION,
                 spec->seed, options->hash);
        writer_comment(writer, line);
    }
    if (options->comment != NULL)
        writer_comment(writer, options->comment);
}

char *scenario_write_text(const struct sim_spec *spec, const struct scenario_write_options *options)
{
    static const struct scenario_write_options none = {.about = NULL};
    options = options != NULL ? options : &none;
    struct scenario scenario = {.about = options->about, .source = options->source, .base = *spec};
    struct scenario standard = {.base = sim_spec_default()};
    struct sim_topic_spec another = {.name = {""}};
    if (options->exhibit != NULL)
        scenario.exhibit = *options->exhibit;
    scenario.exhibit.search =
        (struct scenario_search){.budget = 0}; /* it names a variant, and one run has none */
    if (options->tags != NULL)
        scenario.tags = *options->tags;
    if (options->expectation != NULL)
        scenario.expectation = *options->expectation;
    /* These are said in any case: nothing is equal to what they are compared with. */
    standard.base.name[0] = '\0';
    standard.base.brokers = 0;
    standard.base.duration_ns = -1;
    standard.base.settle_ns = -1;
    standard.base.seed = ~spec->seed;
    standard.base.topics = &another;
    standard.base.topics_count = !sim_spec_is_alone(spec); /* consensus alone has none */
    standard.expectation.outcome = SCENARIO_VIOLATES;

    struct writer writer = writer_of(spec);
    write_head(&writer, spec, options);
    writer.spread = 1;
    writer_open(&writer, '{');
    for (const struct field *field = scenario_fields; field->name != NULL; field++)
        write_section(&writer, field, &scenario, &standard);
    writer_close(&writer, '}');
    return writer_finish(&writer);
}

void scenario_write(FILE *out, const struct sim_spec *spec, const struct scenario_write_options *options)
{
    char *text = scenario_write_text(spec, options);
    fputs(text, out);
    free(text);
}

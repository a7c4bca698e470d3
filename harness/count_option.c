#include "harness/count_option.h"

#include <unistd.h>

#include "harness/hunt.h"
#include "harness/value.h"

bool option_complain(const struct command_line *line, enum option_id option, const struct value_error *error)
{
    return command_complain(line->command->name, option_infos()[option].name, error->message, error->hint);
}

bool count_option(const struct command_line *line, enum option_id option, const char *noun, int64_t most,
                  int64_t *value)
{
    const char *text = line->values[option];
    struct value_error error;
    return text == NULL || value_count(text, noun, most, value, &error) ||
           option_complain(line, option, &error);
}

bool jobs_option(const struct command_line *line, unsigned *jobs)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t value = processors < 1 ? 1 : processors > HUNT_JOBS_MAX ? HUNT_JOBS_MAX : processors;
    if (!count_option(line, OPTION_JOBS, "number of worker processes", HUNT_JOBS_MAX, &value))
        return false;
    *jobs = (unsigned)value;
    return true;
}

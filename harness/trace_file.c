#include "harness/trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/assertion.h"

static bool complain(const char *path, int reason)
{
    fprintf(stderr, "isrsim: cannot write the trace %s: %s\n", path, strerror(reason));
    return false;
}

/* A temporary file beside the path. Its descriptor, or -1 with errno set. */
static int open_beside(struct trace_file *file)
{
    size_t size = strlen(file->path) + 16;
    file->temporary = malloc(size);
    if (file->temporary == NULL)
        return -1;
    snprintf(file->temporary, size, "%s.XXXXXX", file->path);
    int descriptor = mkstemp(file->temporary);
    if (descriptor < 0) {
        free(file->temporary);
        file->temporary = NULL;
        return -1;
    }
    mode_t mask = umask(0);
    umask(mask);
    fchmod(descriptor, 0666 & ~mask);
    assertion_remove(file->temporary);
    return descriptor;
}

/* Devices and pipes are written to directly: there is nothing to rename. */
bool trace_file_open(struct trace_file *file, const char *path)
{
    struct stat status;
    *file = (struct trace_file){.path = path};
    bool special = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
    if (special && S_ISDIR(status.st_mode))
        return complain(path, EISDIR);
    int descriptor = special ? open(path, O_WRONLY) : open_beside(file);
    if (descriptor < 0)
        return complain(path, errno);
    file->out = fdopen(descriptor, "w");
    if (file->out != NULL)
        return true;
    int reason = errno;
    close(descriptor);
    trace_file_abandon(file);
    return complain(path, reason);
}

/* ---- records ---- */

static void print_set(struct json *json, const char *key, int64_t value)
{
    struct isr_replicas set = isr_replicas_unpack((uint64_t)value);
    json_open_list(json, key);
    for (unsigned i = 0; i < set.count; i++)
        json_integer(json, NULL, set.ids[i]);
    json_close_list(json);
}

/* Numbers stay numbers, sets lists and flags truth values; the rest is words. */
static void print_field(struct json *json, struct sim_world *world, int kind, const char *key, int64_t value)
{
    char words[SIM_LABEL_BYTES * 4];
    struct isr_text text = ISR_TEXT(words);
    switch (kind) {
    case (int)ISR_FIELD_offset:
    case (int)ISR_FIELD_epoch:
    case (int)ISR_FIELD_index:
    case (int)ISR_FIELD_term:
    case (int)ISR_FIELD_count:
    case (int)ISR_FIELD_size:
    case (int)ISR_FIELD_time:   /* ns */
    case (int)SIM_FIELD_action: /* the step's place, from 0 */
        json_integer(json, key, value);
        break;
    case (int)ISR_FIELD_flag:
        json_flag(json, key, value != 0);
        break;
    case (int)ISR_FIELD_set:
        print_set(json, key, value);
        break;
    case (int)ISR_FIELD_hash:
        snprintf(words, sizeof words, "%016" PRIx64, (uint64_t)value);
        json_string(json, key, words);
        break;
    case (int)ISR_FIELD_node:
        json_string(json, key, value > 0 ? sim_spec_node_name(world->spec, (int32_t)value, words) : NULL);
        break;
    case (int)ISR_FIELD_cause:
        json_string(json, key, isr_cause_words(value));
        break;
    default:
        sim_trace_print_field(world, kind, value, &text);
        json_string(json, key, words);
    }
}

void trace_record_print_json(FILE *out, struct sim_world *world, const struct sim_trace_record *record)
{
    const struct sim_trace_info *info = sim_trace_info(record->kind);
    char node[SIM_LABEL_BYTES], sentence[512];
    struct isr_text text = ISR_TEXT(sentence);
    struct json json = json_to(out, false);
    json_open_object(&json, NULL);
    json_integer(&json, "time_ns", record->time_ns);
    json_string(&json, "node", record->node > 0 ? sim_spec_node_name(world->spec, record->node, node) : NULL);
    json_string(&json, "kind", info->name);
    json_open_object(&json, "fields");
    for (uint32_t i = 0; i < sim_trace_fields_count(record->kind); i++)
        print_field(&json, world, info->fields[i].kind, info->fields[i].name, record->fields[i]);
    json_close_object(&json);
    sim_trace_print_sentence(world, record, &text);
    json_string(&json, "text", sentence);
    json_close_object(&json);
    json_end(&json);
}

static void take_record(void *object, struct sim_world *world, const struct sim_trace_record *record)
{
    struct trace_file *file = object;
    if (file->failed)
        return;
    errno = 0;
    trace_record_print_json(file->out, world, record);
    if (ferror(file->out)) {
        file->failed = true;
        file->reason = errno;
    }
}

void trace_file_listen(struct trace_file *file, const struct run_request *request, struct sim_world *world)
{
    struct json json = json_to(file->out, false);
    char reproducer[1024];
    runner_reproducer(request, reproducer, sizeof reproducer);
    json_open_object(&json, NULL);
    json_string(&json, "kind", "run");
    json_integer(&json, "schema", 1);
    json_string(&json, "scenario", request->spec->name);
    json_string(&json, "variant", request->variant->name);
    json_unsigned(&json, "seed", request->seed);
    json_string(&json, "reproducer", reproducer);
    json_close_object(&json);
    json_end(&json);
    sim_trace_listen(&world->trace, take_record, file, ISR_IMPORTANCE_detail);
}

bool trace_file_finish(struct trace_file *file)
{
    errno = 0;
    bool written = !file->failed && fflush(file->out) == 0 && ferror(file->out) == 0;
    int reason = file->failed ? file->reason : errno;
    if (fclose(file->out) != 0 && written) {
        written = false;
        reason = errno;
    }
    file->out = NULL;
    if (file->temporary != NULL && written && rename(file->temporary, file->path) != 0) {
        written = false;
        reason = errno;
    }
    if (!written) {
        trace_file_abandon(file);
        return complain(file->path, reason);
    }
    assertion_remove(NULL);
    free(file->temporary);
    file->temporary = NULL;
    return true;
}

void trace_file_abandon(struct trace_file *file)
{
    if (file->out != NULL)
        fclose(file->out);
    if (file->temporary != NULL)
        unlink(file->temporary);
    assertion_remove(NULL);
    free(file->temporary);
    file->out = NULL;
    file->temporary = NULL;
}

/* Whole messages between a process and its workers. */
#ifndef HARNESS_PIPE_H
#define HARNESS_PIPE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes or reads so many bytes, however often it is interrupted. False at the other end's end. */
bool pipe_write(int fd, const void *bytes, size_t size_bytes);
bool pipe_read(int fd, void *bytes, size_t size_bytes);

#endif

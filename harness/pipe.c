#include "harness/pipe.h"

#include <errno.h>
#include <unistd.h>

bool pipe_write(int fd, const void *bytes, size_t size_bytes)
{
    const char *at = bytes;
    while (size_bytes > 0) {
        ssize_t written = write(fd, at, size_bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        size_bytes -= (size_t)written;
    }
    return true;
}

bool pipe_read(int fd, void *bytes, size_t size_bytes)
{
    char *at = bytes;
    while (size_bytes > 0) {
        ssize_t got = read(fd, at, size_bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        size_bytes -= (size_t)got;
    }
    return true;
}

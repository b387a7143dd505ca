/* A TCP connection, buffered on the way in. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "services.h"

static bool fill(struct stream *stream)
{
    ssize_t got;

    do {
        got = read(stream->fd, stream->buffer, sizeof stream->buffer);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        exit(1); /* reset: nobody is left to be told */
    stream->begin = 0;
    stream->end = (size_t)got;
    return got > 0;
}

size_t stream_read(struct stream *stream, char *to, size_t size)
{
    size_t done = 0;

    while (done < size) {
        if (stream->begin == stream->end && !fill(stream))
            break;
        size_t part = stream->end - stream->begin;
        if (part > size - done)
            part = size - done;
        memcpy(to + done, stream->buffer + stream->begin, part);
        stream->begin += part;
        done += part;
    }
    return done;
}

bool stream_line(struct stream *stream, char line[MAX_LINE])
{
    size_t length = 0;

    while (length < MAX_LINE) {
        if (stream->begin == stream->end && !fill(stream))
            return false;
        line[length] = stream->buffer[stream->begin++];
        if (line[length] == '\n') {
            line[length] = 0;
            return true;
        }
        length++;
    }
    stream_error(stream, EMSGSIZE);
    return false;
}

void stream_write(struct stream *stream, const char *data, size_t size)
{
    while (size) {
        ssize_t sent = send(stream->fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            exit(1);
        data += sent;
        size -= (size_t)sent;
    }
}

void stream_print(struct stream *stream, const char *format, ...)
{
    char text[MAX_LINE];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    stream_write(stream, text, (size_t)length);
}

void stream_error(struct stream *stream, int error)
{
    stream_print(stream, "ERROR %s\n", strerrorname_np(error));
}

void stream_finish(struct stream *stream)
{
    struct timeval patience = {.tv_sec = 60};

    setsockopt(stream->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (shutdown(stream->fd, SHUT_WR) == 0)
        while (read(stream->fd, stream->buffer, sizeof stream->buffer) > 0)
            ;
    close(stream->fd);
}

void wait_us(unsigned us)
{
    struct timespec left = {us / 1000000, (long)(us % 1000000) * 1000};

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

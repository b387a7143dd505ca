/* Echo, HTTP, download and upload. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "services.h"

void serve_echo(struct stream *stream)
{
    char chunk[CHUNK];
    ssize_t got;

    while ((got = read(stream->fd, chunk, sizeof chunk)) > 0)
        stream_write(stream, chunk, (size_t)got);
}

size_t datagram_echo(char *data, size_t size)
{
    (void)data;
    return size;
}

#define HTTP_SEED 0x80
#define HTTP_BODY 1024

static void http_answer(struct stream *stream, const char *status, const char *body, size_t size, bool close)
{
    char answer[512 + HTTP_BODY];
    int head = snprintf(answer, sizeof answer,
                        "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s\r\n", status, size,
                        close ? "Connection: close\r\n" : "");

    memcpy(answer + head, body, size);
    stream_write(stream, answer, (size_t)head + size);
}

/* Take the header lines up to the empty one; false at the end of the connection. */
static bool http_headers(struct stream *stream, bool *close)
{
    char line[MAX_LINE];

    while (stream_line(stream, line)) {
        line[strcspn(line, "\r")] = 0;
        if (!*line)
            return true;
        if (!strncasecmp(line, "Connection:", 11) && strcasestr(line + 11, "close"))
            *close = true;
        if (!strncasecmp(line, "Content-Length:", 15) || !strncasecmp(line, "Transfer-Encoding:", 18))
            *close = true; /* a body: we would take it for the next request */
    }
    return false;
}

void serve_http(struct stream *stream)
{
    char line[MAX_LINE], body[HTTP_BODY];
    bool close = false;

    while (!close && stream_line(stream, line)) {
        unsigned number, minor = 0;
        int end = 0;

        line[strcspn(line, "\r")] = 0;
        sscanf(line, "GET /records/%9u HTTP/1.%1u%n", &number, &minor, &end);
        bool found = end && !line[end];
        close = !strstr(line, " HTTP/1.1");
        if (!http_headers(stream, &close))
            return;
        if (found) {
            record_lines(HTTP_SEED, number, 0, body, sizeof body);
            http_answer(stream, "200 OK", body, sizeof body, close);
        } else {
            http_answer(stream, "404 Not Found", "not found\n", 10, close);
        }
    }
}

bool command_download(struct stream *stream, const char *line)
{
    unsigned seed, records, size, pause_us;
    int end = 0;

    sscanf(line, "DOWN %u %u %u %u%n", &seed, &records, &size, &pause_us, &end);
    if (!end || line[end]) {
        stream_error(stream, EINVAL);
        return false;
    }
    for (unsigned i = 0; i < records; i++) {
        if (i && pause_us)
            wait_us(pause_us);
        record_send(stream, seed, i, size, -1, 0);
    }
    return false;
}

/* Receive record `number`: 1 right, 0 wrong, -1 the peer's FIN came before its end. */
static int receive_record(struct stream *stream, unsigned seed, unsigned number, size_t size, uint32_t *crc)
{
    char got[CHUNK], expected[CHUNK];
    bool right = true;

    *crc = 0;
    for (size_t done = 0; done < size;) {
        size_t part = size - done < CHUNK ? size - done : CHUNK;
        if (stream_read(stream, got, part) < part)
            return -1;
        record_lines(seed, number, (uint32_t)(done / 32), expected, part);
        right = right && !memcmp(got, expected, part);
        *crc = crc32(*crc, got, part);
        done += part;
    }
    return right;
}

bool command_upload(struct stream *stream, const char *line)
{
    unsigned seed, records, size, count = 0;
    uint32_t crc;
    int end = 0;

    sscanf(line, "UP %u %u %u%n", &seed, &records, &size, &end);
    if (!end || line[end]) {
        stream_error(stream, EINVAL);
        return false;
    }
    for (; count < records; count++) {
        int right = receive_record(stream, seed, count, size, &crc);
        if (right < 0)
            break;
        if (!right) {
            stream_print(stream, "BAD %u\n", count);
            return false;
        }
        stream_print(stream, "ACK %u %08x\n", count, crc);
    }
    stream_print(stream, "DONE %u\n", count);
    return false;
}

/* The guest as a client: it opens a connection on request and echoes on it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "services.h"

/* Linux varies the ports that it picks at random; counted ones are the same in both VMs. */
#define FIRST_PORT 20000
#define PORTS 10000
#define PATIENCE_S 20

static atomic_uint *dialled;

void dial_setup(void)
{
    dialled = shared_memory(sizeof *dialled);
}

static int bind_next_port(int fd)
{
    for (int attempt = 0; attempt < PORTS; attempt++) {
        struct sockaddr_in from = {
            .sin_family = AF_INET,
            .sin_port = htons((uint16_t)(FIRST_PORT + atomic_fetch_add(dialled, 1) % PORTS)),
        };
        if (bind(fd, (struct sockaddr *)&from, sizeof from) == 0)
            return 0;
        if (errno != EADDRINUSE)
            return -1;
    }
    return -1;
}

/* The connected socket, or -1 with errno. */
static int dial(const struct sockaddr_in *to)
{
    struct timeval patience = {.tv_sec = PATIENCE_S}, forever = {0};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); /* bounds connect() too: socket(7) */
    if (bind_next_port(fd) < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to) < 0) {
        int error = errno == EINPROGRESS ? ETIMEDOUT : errno;
        close(fd);
        errno = error;
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &forever, sizeof forever);
    return fd;
}

bool command_dial(struct stream *stream, const char *line)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    char address[16];
    unsigned port = 0;
    int end = 0, fd = -1;

    sscanf(line, "DIAL %15[0-9.] %u%n", address, &port, &end);
    if (!end || line[end] || port > 65535 || inet_pton(AF_INET, address, &to.sin_addr) != 1) {
        stream_error(stream, EINVAL);
        return true;
    }
    to.sin_port = htons((uint16_t)port);
    if ((fd = dial(&to)) < 0) {
        stream_print(stream, "FAILED %s\n", strerrorname_np(errno));
        return true;
    }
    switch (fork()) {
    case -1:
        stream_print(stream, "FAILED %s\n", strerrorname_np(errno));
        break;
    case 0:
        close(stream->fd);
        *stream = (struct stream){.fd = fd};
        serve_echo(stream);
        stream_finish(stream);
        exit(0);
    default:
        stream_print(stream, "DIALLED\n");
    }
    close(fd);
    return true;
}

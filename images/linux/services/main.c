/* Listen on every service; one process per TCP connection, datagrams answered by this one. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/icmp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "services.h"

#define BACKLOG 256
#define ECHO_PORT 7

struct options options = {.disks = {"/dev/vda", "/dev/vdb"}};

static const struct service {
    int type;
    uint16_t port;
    void (*serve)(struct stream *);
    bool (*command)(struct stream *, const char *);
    size_t (*datagram)(char *, size_t);
} services[] = {
    {SOCK_STREAM, ECHO_PORT, .serve = serve_echo},
    {SOCK_STREAM, 80, .serve = serve_http},
    {SOCK_STREAM, 9001, .command = command_download},
    {SOCK_STREAM, 9002, .command = command_upload},
    {SOCK_STREAM, 9003, .command = command_counter},
    {SOCK_STREAM, 9004, .command = command_differ},
    {SOCK_STREAM, 9005, .command = command_disk},
    {SOCK_STREAM, 9006, .command = command_dial},
    {SOCK_STREAM, 9007, .command = command_control},
    {SOCK_STREAM, 9008, .command = command_second_disk},
    {SOCK_DGRAM, ECHO_PORT, .datagram = datagram_echo},
    {SOCK_DGRAM, 9003, .datagram = datagram_counter},
    {SOCK_DGRAM, 9004, .datagram = datagram_differ},
    {SOCK_DGRAM, 9007, .datagram = datagram_control},
    {SOCK_RAW, 0, .datagram = datagram_ping},
};
#define SERVICES (sizeof services / sizeof *services)

static struct pollfd sockets[SERVICES];

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "services: %s: %s\n", what, strerror(errno));
    exit(1);
}

void *shared_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        die("shared memory");
    return memory;
}

static int open_service(const struct service *service)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(service->port)};
    int protocol = service->type == SOCK_RAW ? IPPROTO_ICMP : 0, one = 1;
    int fd = socket(AF_INET, service->type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

    if (fd < 0)
        die("socket");
    if (service->type == SOCK_RAW) {
        struct icmp_filter but_echo = {~(UINT32_C(1) << ICMP_ECHO)};
        if (setsockopt(fd, SOL_RAW, ICMP_FILTER, &but_echo, sizeof but_echo) < 0)
            die("ICMP filter");
        return fd;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&any, sizeof any) < 0)
        die("bind");
    if (service->type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
        die("listen");
    return fd;
}

/* Linux seeds what its TCP needs at the first connection; made before replication, both VMs share it. */
static void first_connection(int listener)
{
    struct sockaddr_in here = {
        .sin_family = AF_INET, .sin_port = htons(ECHO_PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int near = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(near, (struct sockaddr *)&here, sizeof here) < 0)
        die("first connection");
    poll(&(struct pollfd){.fd = listener, .events = POLLIN}, 1, -1);     /* of two processors the other one may be late */
    int far = accept(listener, NULL, NULL);
    if (far < 0)
        die("first connection");
    close(near);
    close(far);
}

static _Noreturn void serve_connection(const struct service *service, int fd)
{
    static struct stream stream;
    char line[MAX_LINE];
    int one = 1;

    for (size_t i = 0; i < SERVICES; i++)
        close(sockets[i].fd);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    stream.fd = fd;
    if (service->serve)
        service->serve(&stream);
    else
        while (stream_line(&stream, line) && service->command(&stream, line))
            ;
    stream_finish(&stream);
    exit(0);
}

static void accept_connection(const struct service *service, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return; /* it was reset before we came */
    switch (fork()) {
    case -1:
        fprintf(stderr, "services: fork: %s\n", strerror(errno));
        break;
    case 0:
        serve_connection(service, fd);
    }
    close(fd);
}

static void answer_datagram(const struct service *service, int fd)
{
    static char data[MAX_DATAGRAM + 1];
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    ssize_t got = recvfrom(fd, data, MAX_DATAGRAM, 0, (struct sockaddr *)&from, &length);
    size_t header = service->type == SOCK_RAW && got > 0 ? (size_t)(data[0] & 15) * 4 : 0;

    if (got < (ssize_t)header)
        return;
    size_t size = service->datagram(data + header, (size_t)got - header);
    if (size || service->type == SOCK_DGRAM)
        sendto(fd, data + header, size, 0, (struct sockaddr *)&from, length);
}

static _Noreturn void usage(void)
{
    fprintf(stderr, "usage: services [--disk FILE]... [--side LETTER] [--fresh]\n");
    exit(2);
}

static bool parse_options(int argc, char **argv)
{
    bool fresh = false;
    int disks = 0;

    options.init = getpid() == 1;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--fresh"))
            fresh = true;
        else if (!strcmp(argv[i], "--disk") && i + 1 < argc && disks < DISKS)
            options.disks[disks++] = argv[++i];
        else if (!strcmp(argv[i], "--side") && i + 1 < argc)
            options.side = argv[++i][0];
        else
            usage();
    }
    return fresh;
}

int main(int argc, char **argv)
{
    bool fresh = parse_options(argc, argv);

    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    counter_setup();
    side_setup();
    dial_setup();
    dirty_setup();
    for (size_t i = 0; i < SERVICES; i++)
        sockets[i] = (struct pollfd){.fd = open_service(&services[i]), .events = POLLIN};
    if (!fresh)
        first_connection(sockets[0].fd);
    puts("GUEST-READY");
    fflush(stdout);
    for (;;) {
        if (poll(sockets, SERVICES, -1) < 0) {
            if (errno == EINTR)
                continue;
            die("poll");
        }
        for (size_t i = 0; i < SERVICES; i++)
            if (sockets[i].revents && services[i].type == SOCK_STREAM)
                accept_connection(&services[i], sockets[i].fd);
            else if (sockets[i].revents)
                answer_datagram(&services[i], sockets[i].fd);
    }
}

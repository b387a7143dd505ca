/* The counter, whose every answer depends on all earlier ones, and the answers that differ between the two VMs. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <netinet/ip_icmp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "services.h"

#define KEYS 1024
#define COUNTED 64 /* bytes of an answer, at most */
#define MULTIPLIER UINT64_C(6364136223846793005)

static struct counters {
    pthread_mutex_t lock;
    struct counter {
        uint64_t n, state;
    } keys[KEYS];
} *counters;

void counter_setup(void)
{
    pthread_mutexattr_t attributes;

    counters = shared_memory(sizeof *counters);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&counters->lock, &attributes);
}

/* Obey "ADD <key> <value>" or "GET <key>" and write the counter into `answer`: 0, or an errno. */
static int count(const char *line, char answer[COUNTED])
{
    unsigned key;
    uint64_t value;
    int add = 0, get = 0;

    sscanf(line, "ADD %u %" SCNu64 "%n", &key, &value, &add);
    sscanf(line, "GET %u%n", &key, &get);
    if (line[add + get] || !(add + get) || key >= KEYS)
        return EINVAL;
    pthread_mutex_lock(&counters->lock);
    struct counter *counter = &counters->keys[key];
    if (add) {
        counter->n++;
        counter->state = counter->state * MULTIPLIER + value + counter->n;
    }
    struct counter now = *counter;
    pthread_mutex_unlock(&counters->lock);
    sprintf(answer, "%" PRIu64 " %" PRIu64 "\n", now.n, now.state);
    return 0;
}

bool command_counter(struct stream *stream, const char *line)
{
    char answer[COUNTED];
    int error = count(line, answer);

    if (error)
        stream_error(stream, error);
    else
        stream_print(stream, "%s", answer);
    return !error;
}

size_t datagram_counter(char *data, size_t size)
{
    data[size] = 0;
    data[strcspn(data, "\n")] = 0;
    int error = count(data, data);
    return error ? (size_t)sprintf(data, "ERROR %s\n", strerrorname_np(error)) : strlen(data);
}

#define DIFFER_SEED 0xd1ff
#define DIFFER_DATAGRAM 1400

/* Take "DIFFER <size> <at>": 0 and the letter to put there, or an errno. */
static int parse_differ(const char *line, unsigned *size, long *at, char *letter)
{
    int end = 0;

    sscanf(line, "DIFFER %u %ld%n", size, at, &end);
    if (!end || line[end] || *at < -1 || *at >= (long)*size)
        return EINVAL;
    if (*at < 0)
        return 0;
    int side = side_letter();
    *letter = (char)side;
    return side < 0 ? -side : 0;
}

bool command_differ(struct stream *stream, const char *line)
{
    unsigned size;
    long at;
    char letter = 0;
    int error = parse_differ(line, &size, &at, &letter);

    if (error) {
        stream_error(stream, error);
        return false;
    }
    record_send(stream, DIFFER_SEED, 0, size, at, letter);
    return true;
}

size_t datagram_differ(char *data, size_t size)
{
    unsigned wanted;
    long at;
    char letter;

    data[size] = 0;
    data[strcspn(data, "\n")] = 0;
    int error = parse_differ(data, &wanted, &at, &letter);
    if (!error && wanted > DIFFER_DATAGRAM)
        error = EMSGSIZE;
    if (error)
        return (size_t)sprintf(data, "ERROR %s\n", strerrorname_np(error));
    record_lines(DIFFER_SEED, 0, 0, data, wanted);
    if (at >= 0)
        data[at] = letter;
    return wanted;
}

/* The one's complement sum of RFC 1071. */
static uint16_t internet_checksum(const char *data, size_t size)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < size; i++)
        sum += (uint32_t)(uint8_t)data[i] << (i % 2 ? 0 : 8);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* `data` is an ICMP echo request without its IP header. */
size_t datagram_ping(char *data, size_t size)
{
    long at;
    int end = 0;

    if (size < ICMP_MINLEN || data[0] != ICMP_ECHO || internet_checksum(data, size))
        return 0;
    char *payload = data + ICMP_MINLEN;
    data[size] = 0;
    sscanf(payload, "DIFFER %ld%n", &at, &end);
    if (end && payload[end] == ' ' && at >= 0 && (size_t)at < size - ICMP_MINLEN) {
        int side = side_letter();
        if (side < 0)
            return 0;
        payload[at] = (char)side;
    }
    data[0] = ICMP_ECHOREPLY;
    data[2] = data[3] = 0;
    uint16_t sum = internet_checksum(data, size);
    data[2] = (char)(sum >> 8);
    data[3] = (char)(sum & 255);
    return size;
}

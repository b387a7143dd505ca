/* Control: is it alive, what do its clocks say, dirty memory at a rate, power off, reboot, panic. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "services.h"

#define MIB ((size_t)1 << 20)
#define PAGE 4096
#define PANIC (-1)
#define SPARE_MIB 16 /* left free for the other services */
#define TICK_US 10000
#define LONGEST_S 0.1 /* what is owed after a pause of the machine, at most */

static struct dirty {
    atomic_uint wanted;  /* the number of the one that may run */
    atomic_uint running; /* 0 or 1 but for a moment */
} *dirty;

void dirty_setup(void)
{
    dirty = shared_memory(sizeof *dirty);
}

static struct timespec read_clock(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now;
}

static double monotonic(void)
{
    struct timespec now = read_clock(CLOCK_MONOTONIC);

    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Rewrite the pages of `memory` in turn, `rate` bytes a second, until another one or none is wanted. */
static _Noreturn void dirty_while_wanted(unsigned number, char *memory, size_t size, size_t rate)
{
    size_t at = 0;
    uint64_t value = 0;
    double last = monotonic(), owed = 0;

    while (atomic_load(&dirty->wanted) == number) {
        double now = monotonic();
        owed += (double)rate * (now - last < LONGEST_S ? now - last : LONGEST_S);
        last = now;
        for (; owed >= PAGE; owed -= PAGE) {
            uint64_t *page = (uint64_t *)(void *)(memory + at);
            value++;
            for (size_t word = 0; word < PAGE / sizeof *page; word++)
                page[word] = value;
            at = (at + PAGE) % size;
        }
        wait_us(TICK_US);
    }
    atomic_fetch_sub(&dirty->running, 1);
    exit(0);
}

/* Return 0 when no dirtier runs any more. */
static int calm(void)
{
    atomic_fetch_add(&dirty->wanted, 1);
    for (int left = 2000; atomic_load(&dirty->running); left--) {
        if (!left)
            return EBUSY;
        wait_us(1000);
    }
    return 0;
}

static int start_dirty(int connection, unsigned mib, unsigned rate)
{
    struct sysinfo info;
    int error = calm();

    if (error || !mib || !rate)
        return error ? error : EINVAL;
    sysinfo(&info);
    if ((size_t)mib + SPARE_MIB > info.freeram * info.mem_unit / MIB)
        return ENOMEM;
    char *memory = mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return errno;
    unsigned number = atomic_load(&dirty->wanted);
    atomic_fetch_add(&dirty->running, 1);
    switch (fork()) {
    case -1:
        error = errno;
        atomic_fetch_sub(&dirty->running, 1);
        break;
    case 0:
        close(connection);
        dirty_while_wanted(number, memory, mib * MIB, rate * MIB);
    }
    munmap(memory, mib * MIB);
    return error;
}

static const struct ending {
    const char *word;
    int how; /* of reboot(2), or PANIC */
} endings[] = {{"POWEROFF", RB_POWER_OFF}, {"REBOOT", RB_AUTOBOOT}, {"PANIC", PANIC}};
#define ENDINGS (sizeof endings / sizeof *endings)

static const struct ending *ending(const char *word)
{
    for (size_t i = 0; i < ENDINGS; i++)
        if (!strcmp(word, endings[i].word))
            return &endings[i];
    return NULL;
}

static _Noreturn void end(const struct ending *ending)
{
    sync();
    if (ending->how != PANIC)
        reboot(ending->how);
    else if (write(open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC), "c", 1) < 0)
        perror("services: no panic");
    exit(1);
}

/* Differs between the two sides, as nothing else but DIFFER and MARK does. */
static void print_clocks(struct stream *stream)
{
    struct timespec day = read_clock(CLOCK_REALTIME), since = read_clock(CLOCK_MONOTONIC);

    stream_print(stream, "%lld.%09ld %lld.%09ld\n", (long long)day.tv_sec, day.tv_nsec, (long long)since.tv_sec,
                 since.tv_nsec);
}

/* Set the clock of the day back by an hour. */
static int set_clock_back(void)
{
    struct timespec day = read_clock(CLOCK_REALTIME);

    day.tv_sec -= 3600;
    return clock_settime(CLOCK_REALTIME, &day) < 0 ? errno : 0;
}

static bool leave(struct stream *stream, const struct ending *ending)
{
    if (!options.init) {
        stream_error(stream, EPERM);
        return true;
    }
    stream_print(stream, "OK\n");
    stream_finish(stream);
    end(ending);
}

/* What ends the guest does so at once and unanswered: an answer would wait for the other side. */
size_t datagram_control(char *data, size_t size)
{
    data[size] = 0;
    const struct ending *wanted = ending(data);

    if (wanted && options.init)
        end(wanted);
    return (size_t)sprintf(data, "ERROR %s\n", strerrorname_np(wanted ? EPERM : EINVAL));
}

bool command_control(struct stream *stream, const char *line)
{
    const struct ending *wanted = ending(line);
    unsigned mib, rate;
    int parsed = 0, error = EINVAL;

    if (!strcmp(line, "PING")) {
        stream_print(stream, "PONG\n");
        return true;
    }
    if (!strcmp(line, "CLOCK")) {
        print_clocks(stream);
        return true;
    }
    if (wanted)
        return leave(stream, wanted);
    sscanf(line, "DIRTY %u %u%n", &mib, &rate, &parsed);
    if (parsed && !line[parsed])
        error = start_dirty(stream->fd, mib, rate);
    else if (!strcmp(line, "CALM"))
        error = calm();
    else if (!strcmp(line, "BACK"))
        error = options.init ? set_clock_back() : EPERM;
    if (error)
        stream_error(stream, error);
    else
        stream_print(stream, "OK\n");
    return true;
}

/* Which of the two VMs this is: fw_cfg file opt/colo/side, which the local QEMU answers and no checkpoint carries. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/io.h>

#include "services.h"

/* QEMU docs/specs/fw_cfg.rst: I/O ports, and the selector of the file directory */
#define SELECTOR 0x510
#define DATA 0x511
#define DIRECTORY 0x19
#define NAME_SIZE 56

static pthread_mutex_t *ports; /* selector and offset are one state for all processes */

void side_setup(void)
{
    pthread_mutexattr_t attributes;

    ports = shared_memory(sizeof *ports);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(ports, &attributes);
}

static uint32_t big_endian(int bytes)
{
    uint32_t value = 0;

    while (bytes--)
        value = value << 8 | inb(DATA);
    return value;
}

static int letter_from_ports(void)
{
    outw(DIRECTORY, SELECTOR);
    for (uint32_t left = big_endian(4); left; left--) {
        char name[NAME_SIZE];
        uint32_t size = big_endian(4);
        uint32_t selector = big_endian(2);

        big_endian(2); /* reserved */
        insb(DATA, name, NAME_SIZE);
        if (size && !strncmp(name, "opt/colo/side", NAME_SIZE)) {
            outw((unsigned short)selector, SELECTOR);
            return inb(DATA);
        }
    }
    return -ENOENT;
}

int side_letter(void)
{
    if (options.side)
        return options.side;
    if (ioperm(SELECTOR, 2, 1) < 0)
        return -errno;
    pthread_mutex_lock(ports);
    int letter = letter_from_ports();
    pthread_mutex_unlock(ports);
    return letter;
}

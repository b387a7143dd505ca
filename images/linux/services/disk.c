/* The durable log on the raw disk: a record is acknowledged only when it is on the device. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "services.h"

#define BLOCK 4096
#define FIRST_SLOT 4096 /* slot 0 is this block, at 16 MiB */
#define MARK_LENGTH 64

static char block[BLOCK] __attribute__((aligned(BLOCK)));
static unsigned disk; /* the one that this connection is about */

static int device(void)
{
    static int fd = -1;

    if (fd < 0)
        fd = open(options.disks[disk], O_RDWR | O_DIRECT | O_CLOEXEC);
    if (fd < 0 && errno == EINVAL) /* a file on tmpfs, in a test without a guest */
        fd = open(options.disks[disk], O_RDWR | O_CLOEXEC);
    return fd;
}

static int outcome(ssize_t count)
{
    if (count < 0)
        return errno;
    return count == BLOCK ? 0 : EIO; /* short at the end of the device */
}

static int read_block(unsigned number)
{
    return device() < 0 ? errno : outcome(pread(device(), block, BLOCK, (off_t)number * BLOCK));
}

static int write_slot(unsigned slot, const char *text)
{
    memset(block, 0, BLOCK);
    if (snprintf(block, BLOCK, "%u %s\n", slot, text) >= BLOCK)
        return EMSGSIZE;
    if (device() < 0)
        return errno;
    int error = outcome(pwrite(device(), block, BLOCK, ((off_t)FIRST_SLOT + slot) * BLOCK));
    return error || fdatasync(device()) == 0 ? error : errno;
}

static int read_slot(struct stream *stream, unsigned slot)
{
    int error = read_block(FIRST_SLOT + slot);

    if (error)
        return error;
    if (!block[0] && !memcmp(block, block + 1, BLOCK - 1)) {
        stream_print(stream, "EMPTY\n");
        return 0;
    }
    const char *newline = memchr(block, '\n', BLOCK);
    if (!newline)
        return EBADMSG;
    stream_write(stream, block, (size_t)(newline - block) + 1);
    return 0;
}

static int mark_slot(unsigned slot)
{
    char text[MARK_LENGTH + 1] = "";
    int side = side_letter();

    if (side < 0)
        return -side;
    memset(text, side, MARK_LENGTH);
    return write_slot(slot, text);
}

bool command_disk(struct stream *stream, const char *line)
{
    unsigned number;
    char what[8];
    int end = 0, error = EINVAL;

    sscanf(line, "%7[A-Z] %u%n", what, &number, &end);
    if (!end) {
        stream_error(stream, EINVAL);
        return true;
    }
    const char *rest = line + end;
    if (!strcmp(what, "APPEND") && *rest == ' ') {
        error = write_slot(number, rest + 1);
    } else if (!strcmp(what, "MARK") && !*rest) {
        error = mark_slot(number);
    } else if (!strcmp(what, "READ") && !*rest) {
        if (!(error = read_slot(stream, number)))
            return true;
    } else if (!strcmp(what, "BLOCK") && !*rest) {
        if (!(error = read_block(number))) {
            stream_print(stream, "%08x\n", crc32(0, block, BLOCK));
            return true;
        }
    }
    if (error)
        stream_error(stream, error);
    else
        stream_print(stream, "OK %u\n", number);
    return true;
}

bool command_second_disk(struct stream *stream, const char *line)
{
    disk = 1;
    return command_disk(stream, line);
}

/* The services over UDP, and pings that differ: the answers are those of images/linux/services. */
#include "micro.h"

#define ECHO 7
#define DIFFER 9004
#define DIFFER_SEED 0xd1ff
#define DIFFER_MOST 1400
#define LINE 32

/* QEMU docs/specs/fw_cfg.rst: I/O ports, and the selector of the file directory */
#define SELECTOR 0x510
#define DATA 0x511
#define DIRECTORY 0x19
#define NAME_SIZE 56
#define SIDE "opt/colo/side"

static const char differ[] = "DIFFER ";

static uint32_t big_endian(int bytes)
{
    uint32_t value = 0;

    while (bytes--)
        value = value << 8 | inb(DATA);
    return value;
}

uint8_t side_letter(void)
{
    outw(DIRECTORY, SELECTOR);
    for (uint32_t left = big_endian(4); left; left--) {
        char name[NAME_SIZE];

        big_endian(4); /* size */
        uint16_t selector = (uint16_t)big_endian(2);
        big_endian(2); /* reserved */
        for (int i = 0; i < NAME_SIZE; i++)
            name[i] = (char)inb(DATA);
        if (!memcmp(name, SIDE, sizeof SIDE)) {
            outw(selector, SELECTOR);
            return inb(DATA);
        }
    }
    return '?';
}

/* Take a decimal number at `*at` and step behind it; -1 where there is none or it is too long. */
static int32_t number(const uint8_t *data, size_t size, size_t *at)
{
    size_t start = *at;
    int32_t value = 0;

    for (; *at < size && data[*at] >= '0' && data[*at] <= '9'; ++*at)
        value = value * 10 + data[*at] - '0';
    return *at == start || *at > start + 8 ? -1 : value;
}

static uint8_t *hex(uint8_t *to, uint32_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value >>= 4)
        to[i] = (uint8_t)"0123456789abcdef"[value & 15];
    to[digits] = ' ';
    return to + digits + 1;
}

static void lines(uint8_t *to, size_t size)
{
    for (uint32_t line = 0; size; line++) {
        uint8_t text[LINE];
        size_t part = size < LINE ? size : LINE;

        hex(hex(hex(hex(text, DIFFER_SEED, 8), 0, 8), line, 8), line & 0xffff, 4);
        text[LINE - 1] = '\n';
        memcpy(to, text, part);
        to += part;
        size -= part;
    }
}

static size_t error(uint8_t *data, const char *text, size_t size)
{
    memcpy(data, text, size - 1);
    return size - 1;
}

static size_t answer_differ(uint8_t *data, size_t size)
{
    static const char invalid[] = "ERROR EINVAL\n", too_long[] = "ERROR EMSGSIZE\n";
    size_t at = sizeof differ - 1, end = 0;

    while (end < size && data[end] != '\n' && data[end])
        end++;
    if (end < at || memcmp(data, differ, at))
        return error(data, invalid, sizeof invalid);
    int32_t wanted = number(data, end, &at);
    if (wanted < 0 || at == end || data[at++] != ' ')
        return error(data, invalid, sizeof invalid);
    int none = end - at == 2 && data[at] == '-' && data[at + 1] == '1';
    int32_t place = none ? -1 : number(data, end, &at);
    if (!none && (place < 0 || at != end || place >= wanted))
        return error(data, invalid, sizeof invalid);
    if (wanted > DIFFER_MOST)
        return error(data, too_long, sizeof too_long);
    lines(data, (size_t)wanted);
    if (place >= 0)
        data[place] = side_letter();
    return (size_t)wanted;
}

size_t answer_datagram(unsigned port, uint8_t *data, size_t size)
{
    switch (port) {
    case ECHO:
        return size;
    case DIFFER:
        return answer_differ(data, size);
    default:
        return 0;
    }
}

void mark_ping(uint8_t *data, size_t size)
{
    size_t at = sizeof differ - 1;

    if (size <= at || memcmp(data, differ, at))
        return;
    int32_t place = number(data, size, &at);
    if (place >= 0 && at < size && data[at] == ' ' && (size_t)place < size)
        data[place] = side_letter();
}

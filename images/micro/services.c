/* The services over UDP, and pings that differ: the answers are those of images/linux/services. */
#include "micro.h"

#define ECHO 7
#define COUNTER 9003
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

static void lines(uint8_t *to, size_t size)
{
    for (uint32_t line = 0; size; line++) {
        uint8_t text[LINE];
        size_t part = size < LINE ? size : LINE;

        put_hex(put_hex(put_hex(put_hex(text, DIFFER_SEED, 8), 0, 8), line, 8), line & 0xffff, 4);
        text[LINE - 1] = '\n';
        memcpy(to, text, part);
        to += part;
        size -= part;
    }
}

static size_t answer_differ(uint8_t *data, size_t size)
{
    struct text text = first_line(data, size);
    uint64_t wanted, place = 0;

    if (!take_word(&text, differ) || !take_number(&text, &wanted) || !take_word(&text, " "))
        return put_text(data, EINVAL);
    int none = take_word(&text, "-1");
    if ((!none && (!take_number(&text, &place) || place >= wanted)) || text.at != text.end)
        return put_text(data, EINVAL);
    if (wanted > DIFFER_MOST)
        return put_text(data, EMSGSIZE);
    lines(data, (size_t)wanted);
    if (!none)
        data[place] = side_letter();
    return (size_t)wanted;
}

size_t answer_datagram(unsigned port, uint8_t *data, size_t size)
{
    switch (port) {
    case ECHO:
        return size;
    case COUNTER:
        return answer_counter(data, size);
    case DIFFER:
        return answer_differ(data, size);
    default:
        return 0;
    }
}

void mark_ping(uint8_t *data, size_t size)
{
    struct text text = {data, data + size};
    uint64_t place;

    if (take_word(&text, differ) && take_number(&text, &place) && take_word(&text, " ") && place < size)
        data[place] = side_letter();
}

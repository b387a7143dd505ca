/* The deterministic content of all answers: text lines of 32 bytes, and its checksum. */
#include "services.h"

#define LINE 32

static char *hex(char *to, uint32_t value, int digits)
{
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[value >> shift & 15];
    return to;
}

static void one_line(uint32_t seed, uint32_t record, uint32_t number, char to[LINE])
{
    to = hex(to, seed, 8);
    *to++ = ' ';
    to = hex(to, record, 8);
    *to++ = ' ';
    to = hex(to, number, 8);
    *to++ = ' ';
    to = hex(to, number ^ record, 4);
    *to = '\n';
}

void record_lines(uint32_t seed, uint32_t record, uint32_t first_line, char *to, size_t size)
{
    char last[LINE];

    for (; size >= LINE; size -= LINE, to += LINE)
        one_line(seed, record, first_line++, to);
    one_line(seed, record, first_line, last);
    for (size_t i = 0; i < size; i++)
        to[i] = last[i];
}

void record_send(struct stream *stream, uint32_t seed, uint32_t record, size_t size, long at, char letter)
{
    char chunk[CHUNK];

    for (size_t sent = 0; sent < size;) {
        size_t part = size - sent < CHUNK ? size - sent : CHUNK;
        record_lines(seed, record, (uint32_t)(sent / LINE), chunk, part);
        if (at >= 0 && (size_t)at >= sent && (size_t)at < sent + part)
            chunk[(size_t)at - sent] = letter;
        stream_write(stream, chunk, part);
        sent += part;
    }
}

/* CRC-32 of zlib (reflected 0xedb88320), continued from the crc of what came before (0 at first). */
uint32_t crc32(uint32_t crc, const char *data, size_t size)
{
    static uint32_t table[256];

    if (!table[1])
        for (uint32_t n = 0; n < 256; n++) {
            uint32_t value = n;
            for (int bit = 0; bit < 8; bit++)
                value = value & 1 ? value >> 1 ^ 0xedb88320 : value >> 1;
            table[n] = value;
        }
    crc = ~crc;
    while (size--)
        crc = crc >> 8 ^ table[(crc ^ (uint8_t)*data++) & 255];
    return ~crc;
}

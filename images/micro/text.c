/* Reading and writing text: decimal numbers, hexadecimal ones, and words. */
#include "micro.h"

static int is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

struct text first_line(const uint8_t *data, size_t size)
{
    struct text text = {data, data};

    while (size-- && *text.end && *text.end != '\n')
        text.end++;
    return text;
}

int take_word(struct text *text, const char *word)
{
    const uint8_t *at = text->at;

    for (; *word; word++, at++)
        if (at == text->end || *at != (uint8_t)*word)
            return 0;
    text->at = at;
    return 1;
}

int take_number(struct text *text, uint64_t *value)
{
    const uint8_t *start = text->at;

    for (*value = 0; text->at != text->end && is_digit(*text->at); text->at++)
        *value = *value * 10 + *text->at - '0';
    return text->at != start;
}

/* There is no libgcc, which a 64-bit division would need. */
static uint8_t take_last_digit(uint64_t *value)
{
    uint32_t high = (uint32_t)(*value >> 32), low = (uint32_t)*value, digit = high % 10;

    __asm__("divl %4" : "=a"(low), "=d"(digit) : "0"(low), "1"(digit), "r"(10));
    *value = (uint64_t)(high / 10) << 32 | low;
    return (uint8_t)('0' + digit);
}

uint8_t *put_number(uint8_t *to, uint64_t value)
{
    uint8_t digits[20];
    size_t count = 0;

    do
        digits[count++] = take_last_digit(&value);
    while (value);
    while (count)
        *to++ = digits[--count];
    return to;
}

uint8_t *put_hex(uint8_t *to, uint32_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value >>= 4)
        to[i] = (uint8_t)"0123456789abcdef"[value & 15];
    to[digits] = ' ';
    return to + digits + 1;
}

size_t put_text(uint8_t *to, const char *text)
{
    size_t size = 0;

    for (; text[size]; size++)
        to[size] = (uint8_t)text[size];
    return size;
}

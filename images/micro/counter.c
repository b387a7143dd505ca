/* The counter, whose every answer depends on all earlier additions. */
#include "micro.h"

#define KEYS 1024
#define MULTIPLIER UINT64_C(6364136223846793005)

static struct { uint64_t n, state; } counters[KEYS];

size_t answer_counter(uint8_t *data, size_t size)
{
    struct text text = first_line(data, size);
    uint64_t key, value = 0;
    int add = take_word(&text, "ADD ");

    if ((!add && !take_word(&text, "GET ")) || !take_number(&text, &key) || key >= KEYS)
        return put_text(data, EINVAL);
    if ((add && (!take_word(&text, " ") || !take_number(&text, &value))) || text.at != text.end)
        return put_text(data, EINVAL);
    if (add) {
        counters[key].n++;
        counters[key].state = counters[key].state * MULTIPLIER + value + counters[key].n;
    }
    uint8_t *end = put_number(data, counters[key].n);
    *end++ = ' ';
    end = put_number(end, counters[key].state);
    *end++ = '\n';
    return (size_t)(end - data);
}

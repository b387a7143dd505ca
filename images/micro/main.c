/* The micro guest: answers frames, knows the time, and shows on COM1 that it makes progress. */
#include "lwip/sys.h"

#include "micro.h"

#define COM1 0x3f8
#define COM1_STATUS 0x3fd
#define SENT 0x20
#define TIMER 0x40
#define TIMER_COMMAND 0x43
#define TIMER_CYCLIC 0x34
#define TIMER_LATCH 0
#define MILLISECOND 1193  /* of the PIT */
#define LINE_INTERVAL 10  /* milliseconds */
#define LOOK_EVERY 256    /* passes: each look at the timer leaves the guest thrice */
#define BUSY 64           /* passes that one with a frame counts for */

static uint32_t milliseconds;

__asm__(".section .multiboot, \"ax\"\n"
        ".align 4\n"
        ".long 0x1badb002, 0, -0x1badb002\n" /* multiboot 0.6.96, 3.1.1: QEMU loads an ELF by its headers */
        ".globl start\n"
        "start:\n"
        "cli\n"
        "cld\n"
        "movl $stack_top, %esp\n"
        "call micro\n"
        ".bss\n"
        ".align 16\n"
        ".skip 16384\n"
        "stack_top:\n"
        ".text\n");

void *memcpy(void *to, const void *from, size_t size)
{
    void *at = to;

    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    void *at = to;

    __asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(byte) : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    uint8_t *end = (uint8_t *)to + size;
    const uint8_t *at = (const uint8_t *)from + size;

    if ((const uint8_t *)to < (const uint8_t *)from)
        return memcpy(to, from, size);
    while (size--)
        *--end = *--at;
    return to;
}

size_t strlen(const char *text)
{
    size_t size = 0;

    while (text[size])
        size++;
    return size;
}

int memcmp(const void *one, const void *other, size_t size)
{
    const uint8_t *a = one, *b = other;

    while (size && *a == *b)
        a++, b++, size--;
    return size ? *a - *b : 0;
}

static void print(const char *text)
{
    for (; *text; text++) {
        while (!(inb(COM1_STATUS) & SENT))
            ;
        outb((uint8_t)*text, COM1);
    }
}

static void print_hex(uint32_t value)
{
    char line[] = "00000000\n";

    for (int i = 7; i >= 0; i--, value >>= 4)
        line[i] = "0123456789abcdef"[value & 15];
    print(line);
}

static uint16_t now(void)
{
    outb(TIMER_LATCH, TIMER_COMMAND);
    uint16_t low = inb(TIMER);
    return (uint16_t)(inb(TIMER) << 8 | low);
}

void halt(const char *why)
{
    print("HALTED: ");
    print(why);
    print("\n");
    for (;;)
        __asm__ volatile("hlt");
}

/* Says nothing of another VM's: each has a clock of its own. */
unsigned initial_sequence(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return low * 2654435761u;
}

uint32_t sys_now(void)
{
    return milliseconds;
}

/* Take note of the time that has passed, which is less than the timer's 55 ms. */
static void look_at_timer(void)
{
    static uint16_t last, rest;
    uint16_t passed = (uint16_t)(last - now());

    last = (uint16_t)(last - passed);
    milliseconds += (rest + (uint32_t)passed) / MILLISECOND;
    rest = (uint16_t)((rest + (uint32_t)passed) % MILLISECOND);
    streams_age();
}

/* Answer or hand on the next frame, if there is one. */
static int take_frame(void)
{
    size_t size;
    uint8_t *frame = nic_received(&size);

    if (!frame)
        return 0;
    size_t answered = answer_frame(frame, size);
    if (answered)
        nic_send(frame, answered);
    else
        streams_hear(frame, size);
    nic_release();
    return 1;
}

void micro(void)
{
    outb(TIMER_CYCLIC, TIMER_COMMAND);
    outb(0, TIMER);
    outb(0, TIMER);
    if (nic_start())
        halt("no NIC");
    streams_start();
    uint32_t said = 0, looked = 0;
    for (uint32_t pass = 1;; pass++) {
        looked += take_frame() ? BUSY : 1;
        if (looked < LOOK_EVERY)
            continue;
        looked = 0;
        look_at_timer();
        if (milliseconds - said >= LINE_INTERVAL) {
            said = milliseconds;
            print_hex(pass);
        }
    }
}

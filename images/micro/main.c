/* The micro guest: answers frames, and shows on COM1 that it makes progress. */
#include "micro.h"

#define COM1 0x3f8
#define COM1_STATUS 0x3fd
#define SENT 0x20
#define TIMER 0x40
#define TIMER_COMMAND 0x43
#define TIMER_CYCLIC 0x34
#define TIMER_LATCH 0
#define LINE_INTERVAL 11932 /* 10 ms of the PIT */
#define LOOK_EVERY 256      /* passes: each look at the timer leaves the guest thrice */

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

void micro(void)
{
    uint8_t *frame;
    size_t size;

    outb(TIMER_CYCLIC, TIMER_COMMAND);
    outb(0, TIMER);
    outb(0, TIMER);
    if (nic_start()) {
        print("NO-NIC\n");
        for (;;)
            __asm__ volatile("hlt");
    }
    uint16_t last = now();
    for (uint32_t pass = 1;; pass++) {
        while ((frame = nic_received(&size))) {
            if ((size = answer_frame(frame, size)))
                nic_send(frame, size);
            nic_release();
        }
        if (pass % LOOK_EVERY == 0 && (uint16_t)(last - now()) >= LINE_INTERVAL) {
            last = now();
            print_hex(pass);
        }
    }
}

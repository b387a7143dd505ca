/* What the parts of the micro guest share. Freestanding: 32 bits, no libc, no interrupts. */
#include <stddef.h>
#include <stdint.h>
#include <string.h> /* port/string.h */

#define FRAME 1514

static inline void outb(uint8_t value, uint16_t port)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outw(uint16_t value, uint16_t port)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outl(uint32_t value, uint16_t port)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint16_t inw(uint16_t port)
{
    uint16_t value;

    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

void halt(const char *why);                   /* says it on COM1 and stands still */

extern const uint8_t address[4];
extern uint8_t mac[6];
int nic_start(void);                          /* 0, or -1 where there is no virtio-net */
uint8_t *nic_received(size_t *size);          /* the next frame, or NULL */
void nic_release(void);                       /* gives back what nic_received returned last */
void nic_send(const uint8_t *frame, size_t size);

/* What is left of a line; each taker steps behind what it found, or says 0. */
struct text { const uint8_t *at, *end; };
struct text first_line(const uint8_t *data, size_t size); /* up to a newline or a zero */
int take_word(struct text *text, const char *word);
int take_number(struct text *text, uint64_t *value); /* decimal */
uint8_t *put_number(uint8_t *to, uint64_t value);    /* each putter returns the end, or how much it put */
uint8_t *put_hex(uint8_t *to, uint32_t value, int digits); /* and a blank */
size_t put_text(uint8_t *to, const char *text);
#define EINVAL "ERROR EINVAL\n"
#define EMSGSIZE "ERROR EMSGSIZE\n"

uint8_t side_letter(void);                    /* '?' where QEMU was told none */
size_t answer_counter(uint8_t *data, size_t size);
size_t answer_datagram(unsigned port, uint8_t *data, size_t size); /* answer's bytes, in place; 0: none */
void mark_ping(uint8_t *data, size_t size);   /* one that starts with DIFFER */
size_t answer_frame(uint8_t *frame, size_t size); /* the same of a whole frame */

void streams_start(void);
void streams_hear(const uint8_t *frame, size_t size); /* ARP and TCP */
void streams_age(void);                       /* let time pass; the milliseconds are sys_now's */

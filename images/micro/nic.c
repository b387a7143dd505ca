/* A virtio-net by its legacy I/O ports, polled: the rings are memory, so that only a notification leaves the guest. */
#include "micro.h"

#define PCI_ADDRESS 0xcf8
#define PCI_DATA 0xcfc
#define VIRTIO_NET 0x10001af4
#define IO_AND_MASTER 5

/* virtio 0.9.5, 2.2.2 and appendix C */
#define HOST_FEATURES 0
#define GUEST_FEATURES 4
#define QUEUE_ADDRESS 8
#define QUEUE_SIZE 12
#define QUEUE_SELECT 14
#define QUEUE_NOTIFY 16
#define STATUS 18
#define MAC 20
#define HAS_MAC (1u << 5)
#define ANY_LAYOUT (1u << 27)
#define ACKNOWLEDGED 1
#define DRIVER 2
#define DRIVER_OK 4
#define WRITABLE 2
#define NO_INTERRUPT 1
#define NO_NOTIFY 1
#define HEADER 10
#define SLOTS 256
#define BUFFER 1536
#define RECEIVE 0
#define SEND 1

#define PAGE 4096
#define ROUNDED(size) (((size) + PAGE - 1) / PAGE * PAGE)
#define USED(entries) ROUNDED(16 * (entries) + 6 + 2 * (entries)) /* 2.3: where this part of a queue begins */
#define MOST_ENTRIES 1024 /* QEMU's queues have 256, those of 10.0.13 have 1024 */

struct slot { uint64_t address; uint32_t length; uint16_t flags, next; };
struct avail { volatile uint16_t flags, index, entries[MOST_ENTRIES]; };
struct used { volatile uint16_t flags, index; volatile struct { uint32_t slot, length; } entries[MOST_ENTRIES]; };
struct ring {
    struct slot *slots;
    struct avail *avail;
    struct used *used;
    uint16_t size;
};

uint8_t mac[6];
static uint16_t ports;
static uint8_t memory[2][USED(MOST_ENTRIES) + ROUNDED(sizeof(struct used))] __attribute__((aligned(PAGE)));
static struct ring rings[2];
static uint8_t buffers[2][SLOTS][BUFFER];
static uint16_t seen, sent;

static uint32_t config(uint32_t device, uint32_t offset)
{
    outl(0x80000000u | device << 11 | offset, PCI_ADDRESS);
    return inl(PCI_DATA);
}

static void hand_over(int queue, uint16_t slot, uint32_t size)
{
    struct ring *ring = &rings[queue];

    ring->slots[slot].length = size;
    ring->avail->entries[ring->avail->index % ring->size] = slot;
    __asm__ volatile("" : : : "memory");
    ring->avail->index++;
    __sync_synchronize();
    if (!(ring->used->flags & NO_NOTIFY))
        outw((uint16_t)queue, ports + QUEUE_NOTIFY);
}

static int start_queue(int queue)
{
    struct ring *ring = &rings[queue];

    outw((uint16_t)queue, ports + QUEUE_SELECT);
    ring->size = inw(ports + QUEUE_SIZE);
    if (ring->size < SLOTS || ring->size > MOST_ENTRIES)
        return -1;
    ring->slots = (struct slot *)memory[queue];
    ring->avail = (struct avail *)(ring->slots + ring->size);
    ring->used = (struct used *)(memory[queue] + USED(ring->size));
    ring->avail->flags = NO_INTERRUPT;
    for (int i = 0; i < SLOTS; i++) {
        ring->slots[i].address = (uintptr_t)buffers[queue][i];
        ring->slots[i].length = BUFFER;
        ring->slots[i].flags = queue == RECEIVE ? WRITABLE : 0;
        ring->avail->entries[i] = (uint16_t)i;
    }
    ring->avail->index = queue == RECEIVE ? SLOTS : 0;
    outl((uintptr_t)memory[queue] / PAGE, ports + QUEUE_ADDRESS);
    return 0;
}

int nic_start(void)
{
    uint32_t device = 0;

    while (device < 32 && config(device, 0) != VIRTIO_NET)
        device++;
    if (device == 32)
        return -1;
    ports = (uint16_t)(config(device, 0x10) & ~3u);
    uint32_t command = config(device, 4);
    outl((command & 0xffff) | IO_AND_MASTER, PCI_DATA);
    outb(0, ports + STATUS);
    outb(ACKNOWLEDGED | DRIVER, ports + STATUS);
    outl(inl(ports + HOST_FEATURES) & (HAS_MAC | ANY_LAYOUT), ports + GUEST_FEATURES);
    for (int i = 0; i < 6; i++)
        mac[i] = inb((uint16_t)(ports + MAC + i));
    if (start_queue(RECEIVE) || start_queue(SEND))
        return -1;
    outb(ACKNOWLEDGED | DRIVER | DRIVER_OK, ports + STATUS);
    outw(RECEIVE, ports + QUEUE_NOTIFY);
    return 0;
}

uint8_t *nic_received(size_t *size)
{
    const struct ring *ring = &rings[RECEIVE];

    if (seen == ring->used->index)
        return NULL;
    __asm__ volatile("" : : : "memory");
    *size = ring->used->entries[seen % ring->size].length - HEADER;
    return buffers[RECEIVE][ring->used->entries[seen % ring->size].slot] + HEADER;
}

void nic_release(void)
{
    const struct ring *ring = &rings[RECEIVE];

    hand_over(RECEIVE, (uint16_t)ring->used->entries[seen++ % ring->size].slot, BUFFER);
}

void nic_send(const uint8_t *frame, size_t size)
{
    const struct ring *ring = &rings[SEND];
    uint16_t slot = sent++ % SLOTS;

    while ((uint16_t)(ring->avail->index - ring->used->index) >= SLOTS)
        ;
    memset(buffers[SEND][slot], 0, HEADER);
    memcpy(buffers[SEND][slot] + HEADER, frame, size);
    hand_over(SEND, slot, HEADER + size);
}

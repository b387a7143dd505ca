/* ICMP echo and UDP over IPv4, in place: an answer is its question turned round. */
#include "micro.h"

#define ETHERNET 14
#define IPV4 0x0800
#define ICMP 1
#define UDP 17
#define FRAGMENT 0x3fff
#define TTL 64

const uint8_t address[4] = {10, 77, 0, 10};

static uint32_t sum(uint32_t total, const uint8_t *data, size_t size)
{
    for (; size > 1; data += 2, size -= 2)
        total += get16(data);
    return size ? total + (uint32_t)(*data << 8) : total;
}

static uint16_t folded(uint32_t total)
{
    total = (total & 0xffff) + (total >> 16);
    return (uint16_t)~(total + (total >> 16));
}

static void swap(uint8_t *one, uint8_t *other, size_t size)
{
    for (; size; one++, other++, size--) {
        uint8_t kept = *one;
        *one = *other;
        *other = kept;
    }
}

static size_t answer_icmp(uint8_t *icmp, size_t size)
{
    if (size < 8 || icmp[0] != 8 || icmp[1] || folded(sum(0, icmp, size)))
        return 0;
    icmp[0] = 0;
    mark_ping(icmp + 8, size - 8);
    put16(icmp + 2, 0);
    put16(icmp + 2, folded(sum(0, icmp, size)));
    return size;
}

static size_t answer_udp(uint8_t *ip, uint8_t *udp, size_t size)
{
    uint32_t pseudo = sum(UDP, ip + 12, 8);

    if (size < 8 || get16(udp + 4) < 8 || get16(udp + 4) > size)
        return 0;
    size = get16(udp + 4);
    if (get16(udp + 6) && folded(sum(pseudo + size, udp, size)))
        return 0;
    size_t answered = answer_datagram(get16(udp + 2), udp + 8, size - 8);
    if (!answered)
        return 0;
    size = 8 + answered;
    swap(udp, udp + 2, 2);
    put16(udp + 4, size);
    put16(udp + 6, 0);
    uint16_t check = folded(sum(pseudo + size, udp, size));
    put16(udp + 6, check ? check : 0xffff);
    return size;
}

static size_t answer_ip(uint8_t *ip, size_t size)
{
    size_t header = (ip[0] & 15) * 4u, length = get16(ip + 2);

    if (size < 20 || ip[0] >> 4 != 4 || header < 20 || length < header || length > size)
        return 0;
    if (memcmp(ip + 16, address, 4) || get16(ip + 6) & FRAGMENT & ~0x4000u || folded(sum(0, ip, header)))
        return 0;
    if (header != 20)
        return 0;
    size_t answered = 0;
    if (ip[9] == ICMP)
        answered = answer_icmp(ip + 20, length - 20);
    else if (ip[9] == UDP)
        answered = answer_udp(ip, ip + 20, length - 20);
    if (!answered)
        return 0;
    swap(ip + 12, ip + 16, 4);
    put16(ip + 2, 20 + answered);
    put16(ip + 4, 0);
    ip[8] = TTL;
    put16(ip + 10, 0);
    put16(ip + 10, folded(sum(0, ip, 20)));
    return 20 + answered;
}

size_t answer_frame(uint8_t *frame, size_t size)
{
    size_t answered = 0;

    if (size < ETHERNET)
        return 0;
    if (get16(frame + 12) == IPV4)
        answered = answer_ip(frame + ETHERNET, size - ETHERNET);
    if (!answered)
        return 0;
    memcpy(frame, frame + 6, 6);
    memcpy(frame + 6, mac, 6);
    return ETHERNET + answered;
}

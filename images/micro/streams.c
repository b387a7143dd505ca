/* The services over TCP, by lwIP: echo, and those that answer lines. */
#include "lwip/etharp.h"
#include "lwip/init.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"

#include "micro.h"

#define MOST MEMP_NUM_TCP_PCB
#define ANSWER 1536 /* bytes of one, at most */
#define LINE 768    /* bytes of one, at most */
#define POLL 1      /* half seconds */

struct stream {
    struct tcp_pcb *pcb;
    struct pbuf *unread;
    unsigned port;
    int ended;
    size_t length;
    uint8_t line[ANSWER];
};

static const uint16_t services[] = {7, 9003, 9004};
static struct stream streams[MOST];
static struct netif card;

static size_t echo(struct stream *stream, const uint8_t *data, size_t size)
{
    size_t room = tcp_sndbuf(stream->pcb);

    size = size < room ? size : room;
    return size && tcp_write(stream->pcb, data, (uint16_t)size, TCP_WRITE_FLAG_COPY) == ERR_OK ? size : 0;
}

static size_t answer_line(struct stream *stream, const uint8_t *data, size_t size)
{
    size_t taken = 0, answered;

    if (tcp_sndbuf(stream->pcb) < ANSWER)
        return 0;
    while (taken < size && data[taken] != '\n')
        taken++;
    if (stream->length + taken <= LINE)
        memcpy(stream->line + stream->length, data, taken);
    stream->length += taken;
    if (taken == size)
        return size;
    answered = stream->length > LINE ? put_text(stream->line, EMSGSIZE)
                                     : answer_datagram(stream->port, stream->line, stream->length);
    stream->length = 0;
    if (tcp_write(stream->pcb, stream->line, (uint16_t)answered, TCP_WRITE_FLAG_COPY) != ERR_OK)
        halt("no memory for an answer");
    return taken + 1;
}

static void forget(struct stream *stream)
{
    if (stream->unread)
        pbuf_free(stream->unread);
    memset(stream, 0, sizeof *stream);
}

static void serve(struct stream *stream)
{
    size_t (*take)(struct stream *, const uint8_t *, size_t) = stream->port == services[0] ? echo : answer_line;
    size_t taken;

    while (stream->unread && (taken = take(stream, stream->unread->payload, stream->unread->len))) {
        tcp_recved(stream->pcb, (uint16_t)taken);
        stream->unread = pbuf_free_header(stream->unread, (uint16_t)taken);
    }
    tcp_output(stream->pcb);
    if (!stream->ended || stream->unread)
        return;
    tcp_arg(stream->pcb, NULL);
    if (tcp_close(stream->pcb) == ERR_OK)
        forget(stream);
    else
        tcp_arg(stream->pcb, stream);
}

static err_t heard(void *arg, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
    struct stream *stream = arg;

    (void)pcb, (void)error;
    if (!stream) {
        if (data)
            pbuf_free(data);
        return ERR_OK;
    }
    if (!data)
        stream->ended = 1;
    else if (stream->unread)
        pbuf_cat(stream->unread, data);
    else
        stream->unread = data;
    serve(stream);
    return ERR_OK;
}

static err_t sent(void *arg, struct tcp_pcb *pcb, uint16_t size)
{
    (void)pcb, (void)size;
    if (arg)
        serve(arg);
    return ERR_OK;
}

static err_t polled(void *arg, struct tcp_pcb *pcb)
{
    return sent(arg, pcb, 0);
}

static void broken(void *arg, err_t error)
{
    (void)error;
    if (arg)
        forget(arg);
}

static err_t accepted(void *arg, struct tcp_pcb *pcb, err_t error)
{
    struct stream *stream = streams;

    (void)arg;
    if (error != ERR_OK || !pcb)
        return ERR_VAL;
    while (stream < streams + MOST && stream->pcb)
        stream++;
    if (stream == streams + MOST)
        return ERR_MEM;
    stream->pcb = pcb;
    stream->port = pcb->local_port;
    tcp_arg(pcb, stream);
    tcp_nagle_disable(pcb);
    tcp_recv(pcb, heard);
    tcp_sent(pcb, sent);
    tcp_err(pcb, broken);
    tcp_poll(pcb, polled, POLL);
    return ERR_OK;
}

static err_t send_frame(struct netif *netif, struct pbuf *data)
{
    static uint8_t frame[FRAME];

    (void)netif;
    if (data->tot_len > FRAME)
        return ERR_BUF;
    nic_send(frame, pbuf_copy_partial(data, frame, data->tot_len, 0));
    return ERR_OK;
}

static err_t set_up_card(struct netif *netif)
{
    netif->output = etharp_output;
    netif->linkoutput = send_frame;
    netif->mtu = 1500;
    netif->hwaddr_len = sizeof mac;
    memcpy(netif->hwaddr, mac, sizeof mac);
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
    return ERR_OK;
}

void streams_start(void)
{
    ip4_addr_t here, mask, none;

    lwip_init();
    IP4_ADDR(&here, address[0], address[1], address[2], address[3]);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    ip4_addr_set_zero(&none);
    if (!netif_add(&card, &here, &mask, &none, NULL, set_up_card, ethernet_input))
        halt("no network interface");
    netif_set_default(&card);
    netif_set_up(&card);
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        struct tcp_pcb *pcb = tcp_new();
        if (!pcb || tcp_bind(pcb, IP_ANY_TYPE, services[i]) != ERR_OK || !(pcb = tcp_listen(pcb)))
            halt("nobody can listen");
        tcp_accept(pcb, accepted);
    }
}

void streams_hear(const uint8_t *frame, size_t size)
{
    struct pbuf *data = pbuf_alloc(PBUF_RAW, (uint16_t)size, PBUF_POOL);

    if (!data)
        return;
    pbuf_take(data, frame, (uint16_t)size);
    if (card.input(data, &card) != ERR_OK)
        pbuf_free(data);
}

void streams_age(void)
{
    sys_check_timeouts();
}

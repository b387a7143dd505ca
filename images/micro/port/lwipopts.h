/* lwIP for TCP alone: frames go in and come out in the main loop, ping and UDP are answered without it. */
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_STATS 0
#define LWIP_RAW 0
#define LWIP_UDP 0
#define LWIP_ICMP 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define LWIP_CHECKSUM_ON_COPY 1
#define MEM_ALIGNMENT 4
#define MEM_SIZE (512 * 1024)
#define PBUF_POOL_SIZE 256
#define MEMP_NUM_TCP_PCB 64
#define MEMP_NUM_TCP_PCB_LISTEN 4
#define MEMP_NUM_TCP_SEG 1024
#define TCP_MSS 1460
#define TCP_WND (8 * TCP_MSS)
#define TCP_SND_BUF (8 * TCP_MSS)
/* Like Linux's, a first number says nothing of another VM's: only a filter-rewriter makes up for it. */
#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port) initial_sequence()

#endif

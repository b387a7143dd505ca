/* The guest's services: what the clients of the suite talk to. The protocol is in images/README.md. */
#ifndef SERVICES_H
#define SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MAX_LINE 8192
#define DISKS 2
#define CHUNK 16384 /* a multiple of the 32 bytes of one text line */

/* options.c's answers, set once in main() */
struct options {
    const char *disks[DISKS]; /* block devices or files of the durable logs */
    char side;                /* 0: ask fw_cfg at each request */
    bool init;                /* we are PID 1 of a guest and may power it off */
};
extern struct options options;

/* stream.c: a TCP connection, buffered on the way in. Writing to a lost peer ends the process. */
struct stream {
    int fd;
    size_t begin, end;
    char buffer[CHUNK];
};
size_t stream_read(struct stream *stream, char *to, size_t size); /* short only at the peer's FIN */
bool stream_line(struct stream *stream, char line[MAX_LINE]);     /* without its newline; false at the end */
void stream_write(struct stream *stream, const char *data, size_t size);
void stream_print(struct stream *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));
void stream_error(struct stream *stream, int error); /* "ERROR <errno name>\n" */
void stream_finish(struct stream *stream);           /* FIN, then hear the peer out, so that nothing is reset */
void wait_us(unsigned us);

/* record.c: the deterministic content of all answers */
void record_lines(uint32_t seed, uint32_t record, uint32_t first_line, char *to, size_t size);
void record_send(struct stream *stream, uint32_t seed, uint32_t record, size_t size, long at, char letter);
uint32_t crc32(uint32_t crc, const char *data, size_t size);

/* side.c: which of the two VMs this is; the letter, or -errno */
int side_letter(void);

/* memory that all connections share */
void counter_setup(void);
void side_setup(void);
void dial_setup(void);
void dirty_setup(void);
void *shared_memory(size_t size);

/* the services: each serves one connection to its end, or one line (false: that was the last) */
void serve_echo(struct stream *stream);
void serve_http(struct stream *stream);
bool command_download(struct stream *stream, const char *line);
bool command_upload(struct stream *stream, const char *line);
bool command_counter(struct stream *stream, const char *line);
bool command_differ(struct stream *stream, const char *line);
bool command_disk(struct stream *stream, const char *line);
bool command_second_disk(struct stream *stream, const char *line);
bool command_dial(struct stream *stream, const char *line);
bool command_control(struct stream *stream, const char *line);

/* one datagram each: answer in place, return its length, 0 for no answer */
size_t datagram_echo(char *data, size_t size);
size_t datagram_counter(char *data, size_t size);
size_t datagram_differ(char *data, size_t size);
size_t datagram_control(char *data, size_t size);
size_t datagram_ping(char *data, size_t size);

#define MAX_DATAGRAM 65536

#endif

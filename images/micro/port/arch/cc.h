/* What lwIP wants to know of a machine without an operating system or a libc. */
#ifndef CC_H
#define CC_H

#define LWIP_NO_CTYPE_H 1
#define LWIP_NO_INTTYPES_H 1
#define LWIP_NO_LIMITS_H 1
#define LWIP_NO_UNISTD_H 1
#define INT_MAX __INT_MAX__
#define SSIZE_MAX __INT_MAX__
#define X8_F "02x"
#define U16_F "u"
#define S16_F "d"
#define X16_F "x"
#define U32_F "u"
#define S32_F "d"
#define X32_F "x"
#define SZT_F "u"
typedef int ssize_t;

void halt(const char *why);
unsigned initial_sequence(void);
#define LWIP_PLATFORM_DIAG(text) do {} while (0)
#define LWIP_PLATFORM_ASSERT(text) halt(text)
#define LWIP_RAND() initial_sequence()

#endif

/* What lwIP uses of a libc; images/micro/main.c has it. */
#ifndef STRING_H
#define STRING_H
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *one, const void *other, size_t size);
size_t strlen(const char *text);
int strncmp(const char *one, const char *other, size_t size); /* for a function that nobody calls */

#endif

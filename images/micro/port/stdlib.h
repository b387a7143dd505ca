/* lwIP's netif_find, which nobody calls, uses it; so it is declared and nowhere defined. */
int atoi(const char *text);

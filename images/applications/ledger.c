/* A bank in SQLite behind HTTP: a process for each connection, a transaction for each transfer. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "services.h"

#define PORT 8080
#define BACKLOG 64
#define PATIENCE_MS 60000
#define MAX_BODY (1 << 20)

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS accounts (number INTEGER PRIMARY KEY, balance INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS commits (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE);"
    "INSERT OR IGNORE INTO accounts VALUES"
    " (0, 1000), (1, 1000), (2, 1000), (3, 1000), (4, 1000), (5, 1000), (6, 1000), (7, 1000);"
    "COMMIT;";

/* FULL, the default, may roll the last commit back after a power cut: the journal's removal is not synced. */
static const char durable[] = "PRAGMA synchronous = EXTRA;";

static sqlite3 *bank;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "ledger: %s: %s\n", what, bank ? sqlite3_errmsg(bank) : "no memory");
    exit(1);
}

static void open_bank(const char *path)
{
    if (sqlite3_open(path, &bank) || sqlite3_busy_timeout(bank, PATIENCE_MS) || sqlite3_exec(bank, durable, NULL, NULL, NULL))
        die(path);
}

static void answer(struct stream *stream, const char *status, const char *body, size_t size)
{
    static char whole[MAX_BODY + 256];
    int head = snprintf(whole, sizeof whole, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
                        status, size);

    memcpy(whole + head, body, size);
    stream_write(stream, whole, (size_t)head + size);
}

/* All of it happens, or nothing; the answer is the commit's number. */
static void transfer(struct stream *stream, const char *id, int debit, int credit, int amount)
{
    char *order = sqlite3_mprintf("BEGIN IMMEDIATE;"
                                  "UPDATE accounts SET balance = balance - %d WHERE number = %d;"
                                  "UPDATE accounts SET balance = balance + %d WHERE number = %d;"
                                  "INSERT INTO commits (id) VALUES (%Q);"
                                  "COMMIT;",
                                  amount, debit, amount, credit, id);
    char body[64];
    int failed = sqlite3_exec(bank, order, NULL, NULL, NULL);

    sqlite3_free(order);
    if (failed) {
        snprintf(body, sizeof body, "%.60s\n", sqlite3_errmsg(bank));
        if (!sqlite3_get_autocommit(bank))
            sqlite3_exec(bank, "ROLLBACK", NULL, NULL, NULL);
        answer(stream, "500 Internal Server Error", body, strlen(body));
        return;
    }
    snprintf(body, sizeof body, "%lld\n", (long long)sqlite3_last_insert_rowid(bank));
    answer(stream, "200 OK", body, strlen(body));
}

/* A line of balances, then a line for each commit, all of one moment. */
static void audit(struct stream *stream)
{
    static char body[MAX_BODY];
    size_t size = 0;
    sqlite3_stmt *rows;
    const char *query = "SELECT group_concat(balance, ' ') FROM (SELECT balance FROM accounts ORDER BY number)"
                        " UNION ALL SELECT * FROM (SELECT id FROM commits ORDER BY number)";

    if (sqlite3_prepare_v2(bank, query, -1, &rows, NULL))
        die(query);
    while (sqlite3_step(rows) == SQLITE_ROW && size < sizeof body - MAX_LINE)
        size += (size_t)snprintf(body + size, MAX_LINE, "%s\n", sqlite3_column_text(rows, 0));
    if (sqlite3_finalize(rows))
        answer(stream, "500 Internal Server Error", "", 0);
    else
        answer(stream, "200 OK", body, size);
}

/* Take the header lines up to the empty one; false at the end of the connection. No request has a body. */
static bool headers(struct stream *stream)
{
    char line[MAX_LINE];

    while (stream_line(stream, line)) {
        line[strcspn(line, "\r")] = 0;
        if (!*line)
            return true;
    }
    return false;
}

static void serve(struct stream *stream)
{
    char line[MAX_LINE], id[64];

    while (stream_line(stream, line) && headers(stream)) {
        int debit, credit, amount, end = 0;

        line[strcspn(line, "\r")] = 0;
        sscanf(line, "POST /transfers/%63[-.a-z0-9]?from=%d&to=%d&amount=%d HTTP/1.1%n", id, &debit, &credit, &amount, &end);
        if (end && !line[end])
            transfer(stream, id, debit, credit, amount);
        else if (!strcmp(line, "GET /ledger HTTP/1.1"))
            audit(stream);
        else
            answer(stream, "404 Not Found", "not found\n", 10);
    }
}

int main(int count, char **arguments)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (count != 2)
        return 2;
    open_bank(arguments[1]);
    if (sqlite3_exec(bank, schema, NULL, NULL, NULL))
        die("schema");
    sqlite3_close(bank);
    signal(SIGCHLD, SIG_IGN);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&any, sizeof any) || listen(listener, BACKLOG)) {
        perror("ledger");
        return 1;
    }
    for (;;) {
        static struct stream stream;
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd >= 0 && fork() == 0) {
            close(listener);
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            stream.fd = fd;
            open_bank(arguments[1]); /* SQLite's connections do not outlive a fork */
            serve(&stream);
            stream_finish(&stream);
            exit(0);
        }
        if (fd >= 0)
            close(fd);
    }
}

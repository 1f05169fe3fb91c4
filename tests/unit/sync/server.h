/* What sync's tests share: a server in a thread that says what the test tells it to, and a client to ask it. */
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "../../support/assert_rc.h"
#include "base/limits.h"
#include "sync/http.h"

/* Answers to "METHOD /path", literally. NULL: the connection is cut; "": nothing is said and it stays open. */
struct page {
    const char *request;
    const char *answer;
};

struct server {
    const struct page *pages;
    size_t page_count;
    const size_t *lengths; /* of the pages' answers; NULL, or 0: it is a text */
    int listener, stop[2];
    unsigned short port;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    size_t connections, requests;
    char last_head[8192]; /* of the last request */
    char last_body[8192];
};

#define SERVER_CLIENTS 32

struct client {
    int fd;
    char data[65536];
    size_t len;
};

static inline void server_answer(struct server *server, struct client *client, size_t head, size_t body)
{
    (void)pthread_mutex_lock(&server->lock);
    server->requests++;
    (void)snprintf(server->last_head, sizeof(server->last_head), "%.*s", (int)head, client->data);
    (void)snprintf(server->last_body, sizeof(server->last_body), "%.*s", (int)body, client->data + head);
    (void)pthread_mutex_unlock(&server->lock);
    const char *answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    size_t answer_len = 0;
    for (size_t i = 0; i < server->page_count; i++) {
        size_t len = strlen(server->pages[i].request);
        if (strncmp(client->data, server->pages[i].request, len) == 0 && client->data[len] == ' ')
            answer = server->pages[i].answer, answer_len = server->lengths ? server->lengths[i] : 0;
    }
    memmove(client->data, client->data + head + body, client->len - head - body);
    client->len -= head + body;
    size_t len = answer && answer_len == 0 ? strlen(answer) : answer_len;
    if (!answer || send(client->fd, answer, len, MSG_NOSIGNAL) != (ssize_t)len || strstr(answer, "Connection: close")) {
        (void)close(client->fd);
        client->fd = -1;
    }
}

/* Answers the requests that are whole. */
static inline void server_work(struct server *server, struct client *client)
{
    for (char *end; client->fd >= 0 && (end = memmem(client->data, client->len, "\r\n\r\n", 4)) != NULL;) {
        size_t head = (size_t)(end - client->data) + 4, body = 0;
        const char *field = memmem(client->data, head, "Content-Length: ", 16);
        if (field)
            body = strtoul(field + 16, NULL, 10);
        if (client->len < head + body)
            return;
        server_answer(server, client, head, body);
    }
}

static inline void server_read(struct server *server, struct client *client)
{
    ssize_t got = recv(client->fd, client->data + client->len, sizeof(client->data) - client->len, 0);
    if (got > 0) {
        client->len += (size_t)got;
        server_work(server, client);
        return;
    }
    (void)close(client->fd);
    client->fd = -1;
}

static inline void server_accept(struct server *server, struct client *clients)
{
    int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    for (size_t i = 0; fd >= 0 && i < SERVER_CLIENTS; i++)
        if (clients[i].fd < 0) {
            (void)pthread_mutex_lock(&server->lock);
            server->connections++;
            (void)pthread_mutex_unlock(&server->lock);
            clients[i].fd = fd;
            clients[i].len = 0;
            return;
        }
}

static inline void *server_serve(void *context)
{
    struct server *server = context;
    struct client *clients = calloc(SERVER_CLIENTS, sizeof(*clients));
    struct pollfd fds[SERVER_CLIENTS + 2];
    for (size_t i = 0; i < SERVER_CLIENTS; i++)
        clients[i].fd = -1;
    for (;;) {
        for (size_t i = 0; i < SERVER_CLIENTS; i++)
            fds[i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
        fds[SERVER_CLIENTS] = (struct pollfd){.fd = server->listener, .events = POLLIN};
        fds[SERVER_CLIENTS + 1] = (struct pollfd){.fd = server->stop[0], .events = POLLIN};
        if (poll(fds, SERVER_CLIENTS + 2, -1) < 0 || fds[SERVER_CLIENTS + 1].revents)
            break;
        for (size_t i = 0; i < SERVER_CLIENTS; i++)
            if (clients[i].fd >= 0 && fds[i].revents)
                server_read(server, &clients[i]);
        if (fds[SERVER_CLIENTS].revents)
            server_accept(server, clients);
    }
    for (size_t i = 0; i < SERVER_CLIENTS; i++)
        closep(&clients[i].fd);
    free(clients);
    return NULL;
}

static inline void server_start(struct server *server, const struct page *pages, size_t page_count)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);

    *server = (struct server){.pages = pages, .page_count = page_count};
    assert_int_equal(pthread_mutex_init(&server->lock, NULL), 0);
    assert_int_equal(pipe(server->stop), 0);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(server->listener, 16), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, server_serve, server), 0);
}

static inline void server_stop(struct server *server)
{
    assert_int_equal(write(server->stop[1], "x", 1), 1);
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    closep(&server->listener);
    closep(&server->stop[0]);
    closep(&server->stop[1]);
    (void)pthread_mutex_destroy(&server->lock);
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

/* What a request ended with. */
struct outcome {
    bool done;
    int status;
    bool html;
    char url[256], type[64];
    char error_body[256];
    struct sg_err err;
    struct sg_err as_error; /* of the answer by sg_http_fail() */
    struct sg_buf body;
};

static inline void outcome_take(void *context, const struct sg_http_answer *answer, struct sg_slice error_body,
                                const struct sg_err *err)
{
    struct outcome *outcome = context;

    assert_false(outcome->done);
    outcome->done = true;
    if (err) {
        assert_null(answer);
        outcome->err = *err;
        return;
    }
    outcome->status = answer->status;
    outcome->html = answer->html;
    const char *type = sg_http_header(answer, "content-type");
    (void)snprintf(outcome->url, sizeof(outcome->url), "%s", answer->url);
    (void)snprintf(outcome->type, sizeof(outcome->type), "%s", type ? type : "");
    (void)snprintf(outcome->error_body, sizeof(outcome->error_body), "%.*s", (int)error_body.len, error_body.data);
    (void)sg_http_fail(answer, error_body, "The test asked in vain", &outcome->as_error);
}

static inline enum sg_rc outcome_write(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    struct outcome *outcome = context;
    return sg_buf_append(&outcome->body, data, len, err);
}

static inline struct sg_http *open_http(int64_t timeout, size_t parallel)
{
    struct sg_http_settings settings = {.proxy = "none", .timeout = timeout, .budget = 60, .parallel = parallel};
    struct sg_http *http = NULL;

    assert_done(sg_http_new(&settings, &http, &err));
    return http;
}

static inline void run_all(struct sg_http *http)
{
    while (sg_http_pending(http) > 0)
        assert_done(sg_http_run(http, 1000, -1, &err));
}

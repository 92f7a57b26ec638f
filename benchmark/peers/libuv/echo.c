/* An echo server on libuv with a loop per worker, each with its own listener.
 *
 * Bytes are written at once from the loop's one buffer. Bytes that cannot be written are copied, and nothing
 * more is read from that connection until they are written. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum { BACKLOG = 4096 };

/* Maximum number of bytes that are read at once. */
static size_t buffer_len = 256 * 1024;

struct worker {
    uv_loop_t loop;
    uv_tcp_t listener;
    char *buffer;
};

struct connection {
    uv_tcp_t socket;
    uv_write_t write;
    char *unsent;
};

static void on_read(uv_stream_t *stream, ssize_t received, const uv_buf_t *buffer);

static void fail(const char *what, int error) {
    fprintf(stderr, "error: %s: %s\n", what, uv_strerror(error));
    exit(1);
}

static void check(const char *what, int result) {
    if (result < 0) fail(what, result);
}

static void check_errno(const char *what, int result) {
    if (result < 0) fail(what, uv_translate_sys_error(errno));
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    (void)suggested;
    struct worker *worker = handle->loop->data;
    *buffer = uv_buf_init(worker->buffer, buffer_len);
}

static void on_close(uv_handle_t *handle) {
    struct connection *connection = handle->data;
    free(connection->unsent);
    free(connection);
}

static void close_connection(struct connection *connection) {
    uv_handle_t *handle = (uv_handle_t *)&connection->socket;
    if (!uv_is_closing(handle)) uv_close(handle, on_close);
}

static void on_written(uv_write_t *write, int status) {
    struct connection *connection = write->data;
    free(connection->unsent);
    connection->unsent = NULL;
    uv_stream_t *stream = (uv_stream_t *)&connection->socket;
    if (status < 0 || uv_read_start(stream, on_alloc, on_read) < 0) close_connection(connection);
}

static int write_later(struct connection *connection, const char *bytes, size_t len) {
    connection->unsent = malloc(len);
    if (connection->unsent == NULL) return UV_ENOMEM;
    memcpy(connection->unsent, bytes, len);
    uv_stream_t *stream = (uv_stream_t *)&connection->socket;
    uv_read_stop(stream);
    uv_buf_t rest = uv_buf_init(connection->unsent, len);
    connection->write.data = connection;
    return uv_write(&connection->write, stream, &rest, 1, on_written);
}

static int echo(struct connection *connection, char *bytes, size_t len) {
    uv_buf_t all = uv_buf_init(bytes, len);
    int sent = uv_try_write((uv_stream_t *)&connection->socket, &all, 1);
    if (sent == UV_EAGAIN) sent = 0;
    if (sent < 0) return sent;
    if ((size_t)sent == len) return 0;
    return write_later(connection, bytes + sent, len - sent);
}

static void on_read(uv_stream_t *stream, ssize_t received, const uv_buf_t *buffer) {
    struct connection *connection = stream->data;
    if (received < 0 || echo(connection, buffer->base, received) < 0) close_connection(connection);
}

static void on_connection(uv_stream_t *listener, int status) {
    struct connection *connection = status < 0 ? NULL : calloc(1, sizeof *connection);
    if (connection == NULL) return;
    uv_stream_t *stream = (uv_stream_t *)&connection->socket;
    connection->socket.data = connection;
    uv_tcp_init(listener->loop, &connection->socket);
    if (uv_accept(listener, stream) < 0 || uv_read_start(stream, on_alloc, on_read) < 0)
        close_connection(connection);
}

/* libuv has no SO_REUSEPORT before 1.49, so the socket is made here. */
static int bound_socket(int port, int is_shared) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    check_errno("socket", fd);
    check_errno("SO_REUSEADDR", setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    check_errno("SO_REUSEPORT",
                setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &is_shared, sizeof is_shared));
    /* Connections inherit this option. */
    check_errno("TCP_NODELAY", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    check_errno("bind", bind(fd, (struct sockaddr *)&address, sizeof address));
    return fd;
}

static void prepare(struct worker *worker, int port, int is_shared) {
    worker->buffer = malloc(buffer_len);
    if (worker->buffer == NULL) fail("buffer", UV_ENOMEM);
    check("loop", uv_loop_init(&worker->loop));
    worker->loop.data = worker;
    check("listener", uv_tcp_init(&worker->loop, &worker->listener));
    check("listener", uv_tcp_open(&worker->listener, bound_socket(port, is_shared)));
    check("listen", uv_listen((uv_stream_t *)&worker->listener, BACKLOG, on_connection));
}

static void run(void *worker) {
    uv_run(&((struct worker *)worker)->loop, UV_RUN_DEFAULT);
}

static void end(int signal) {
    (void)signal;
    _exit(0);
}

static void raise_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv) {
    int port = 0, workers = 1;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--port") == 0) port = atoi(argv[i + 1]);
        if (strcmp(argv[i], "--workers") == 0) workers = atoi(argv[i + 1]);
        if (strcmp(argv[i], "--buffer-size") == 0) buffer_len = strtoul(argv[i + 1], NULL, 10);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, end);
    signal(SIGTERM, end);
    raise_limit();
    struct worker *all = calloc(workers, sizeof *all);
    if (all == NULL) fail("workers", UV_ENOMEM);
    for (int i = 0; i < workers; i++) prepare(&all[i], port, workers > 1);
    for (int i = 1; i < workers; i++) {
        uv_thread_t thread;
        check("thread", uv_thread_create(&thread, run, &all[i]));
    }
    run(&all[0]);
}

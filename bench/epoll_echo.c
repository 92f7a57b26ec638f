/*
 * epoll_echo: the yardstick. A bare, fairly tuned echo server: one thread, level-triggered epoll,
 * per event one recv and one send, no epoll_ctl unless a send comes up short. It knows no lines and
 * has no limits, logs or timeouts: what it spends per message is what the kernel asks for.
 *
 *     cc -O2 -o epoll_echo epoll_echo.c
 *     ./epoll_echo PORT [-b BUFFER_BYTES]     (port 0: a free one; prints `listening 127.0.0.1:PORT`)
 *
 * A connection whose send came up short is not read from until the rest is out. EOF closes.
 * SIGTERM and SIGINT end it with code 0.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
#define MAX_EVENTS 1024

/* What a short send left behind; NULL nearly always. */
struct rest {
    char *bytes;
    size_t start, end;
};

static struct rest *rests; /* by descriptor; only pages that are used become resident */
static size_t max_descriptors;
static char *buffer;
static size_t buffer_len = 64 * 1024;
static int poller, listener;

static void fail(const char *action) {
    fprintf(stderr, "epoll_echo: %s: %s\n", action, strerror(errno));
    exit(1);
}

static void stop(int signal) {
    (void)signal;
    _exit(0);
}

static void watch(int operation, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(poller, operation, fd, &event) < 0)
        fail("watch a socket");
}

static void close_connection(int fd) {
    free(rests[fd].bytes);
    rests[fd] = (struct rest){0};
    close(fd);
}

static int blocked(void) {
    return errno == EAGAIN || errno == EINTR;
}

static void accept_all(void) {
    int on = 1;
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EAGAIN)
                return;
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            fail("accept");
        }
        if ((size_t)fd >= max_descriptors) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    }
}

static void echo(int fd) {
    ssize_t received = recv(fd, buffer, buffer_len, 0);
    if (received <= 0) {
        if (received == 0 || !blocked())
            close_connection(fd);
        return;
    }
    ssize_t sent = send(fd, buffer, received, MSG_NOSIGNAL);
    if (sent == received)
        return;
    if (sent < 0) {
        if (!blocked()) {
            close_connection(fd);
            return;
        }
        sent = 0;
    }
    struct rest *rest = &rests[fd];
    *rest = (struct rest){.bytes = malloc(received - sent), .end = received - sent};
    if (!rest->bytes)
        fail("keep the rest of a short send");
    memcpy(rest->bytes, buffer + sent, rest->end);
    watch(EPOLL_CTL_MOD, fd, EPOLLOUT);
}

static void send_rest(int fd) {
    struct rest *rest = &rests[fd];
    ssize_t sent = send(fd, rest->bytes + rest->start, rest->end - rest->start, MSG_NOSIGNAL);
    if (sent < 0) {
        if (!blocked())
            close_connection(fd);
        return;
    }
    rest->start += sent;
    if (rest->start < rest->end)
        return;
    free(rest->bytes);
    *rest = (struct rest){0};
    watch(EPOLL_CTL_MOD, fd, EPOLLIN);
}

static void listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t address_len = sizeof address;
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0)
        fail("create a socket");
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0)
        fail("bind");
    if (listen(listener, BACKLOG) < 0)
        fail("listen");
    getsockname(listener, (struct sockaddr *)&address, &address_len);
    printf("listening 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
}

static void reserve(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    max_descriptors = limit.rlim_max < (1 << 20) ? limit.rlim_max : (1 << 20);
    rests = calloc(max_descriptors, sizeof *rests);
    buffer = malloc(buffer_len);
    if (!rests || !buffer)
        fail("reserve memory");
}

static int usage(void) {
    fprintf(stderr, "usage: epoll_echo PORT [-b BUFFER_BYTES]\n");
    return 2;
}

int main(int argc, char **argv) {
    static struct epoll_event events[MAX_EVENTS];
    char *end;
    if (argc != 2 && !(argc == 4 && strcmp(argv[2], "-b") == 0))
        return usage();
    long port = strtol(argv[1], &end, 10);
    if (*end || end == argv[1] || port < 0 || port > 65535)
        return usage();
    if (argc == 4 && (buffer_len = strtoul(argv[3], NULL, 10)) == 0)
        return usage();
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    reserve();
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0)
        fail("create an epoll");
    listen_on(port);
    watch(EPOLL_CTL_ADD, listener, EPOLLIN);
    for (;;) {
        int count = epoll_wait(poller, events, MAX_EVENTS, -1);
        if (count < 0 && errno != EINTR)
            fail("wait for events");
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener)
                accept_all();
            else if (rests[fd].bytes)
                send_rest(fd);
            else
                echo(fd);
        }
    }
}

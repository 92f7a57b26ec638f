/*
 * bare_loader: the least that a load on an echo server can cost. Each of CONNECTIONS connections has DEPTH
 * lines in flight. When complete lines come back, one send returns the same number of lines. The program
 * checks and times nothing, and counts only bytes.
 *
 *     cc -O2 -o bare_loader bare_loader.c
 *     ./bare_loader HOST PORT CONNECTIONS SIZE DEPTH MESSAGES
 *
 * SIZE includes the '\n'. After a warm-up of one round, the program measures MESSAGES messages and prints
 * their CPU time per message in nanoseconds. Exit codes: 0 done; 1 a call failed; 2 usage.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_EVENTS 1024
#define CHUNK_LEN (256 * 1024)

struct connection {
    int fd;
    uint64_t partial; /* received bytes of the line that is not complete yet */
};

static char lines[CHUNK_LEN], chunk[CHUNK_LEN];

static void fail(const char *action) {
    perror(action);
    exit(1);
}

static uint64_t cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void send_lines(int fd, size_t len) {
    if (send(fd, lines, len, MSG_NOSIGNAL) != (ssize_t)len)
        fail("send");
}

int main(int argc, char **argv) {
    if (argc != 7) {
        fprintf(stderr, "usage: bare_loader HOST PORT CONNECTIONS SIZE DEPTH MESSAGES\n");
        return 2;
    }
    uint64_t count = strtoull(argv[3], NULL, 10), size = strtoull(argv[4], NULL, 10),
             depth = strtoull(argv[5], NULL, 10), messages = strtoull(argv[6], NULL, 10);
    if (size == 0 || depth == 0 || size * depth > CHUNK_LEN) {
        fprintf(stderr, "bare_loader: SIZE times DEPTH is 1 to %d\n", CHUNK_LEN);
        return 2;
    }
    memset(lines, 'x', sizeof lines);
    for (uint64_t end = size; end <= sizeof lines; end += size)
        lines[end - 1] = '\n';
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1)
        fail("parse the address");
    int poller = epoll_create1(0), on = 1;
    struct connection *connections = calloc(count, sizeof *connections);
    for (uint64_t i = 0; i < count; i++) {
        int fd = connections[i].fd = socket(AF_INET, SOCK_STREAM, 0);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
            epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
            fail("connect");
    }
    for (uint64_t i = 0; i < count; i++)
        send_lines(connections[i].fd, depth * size);
    uint64_t back = 0, start_ns = 0, first = count * depth, last = first + messages;
    struct epoll_event events[MAX_EVENTS];
    while (back < last) {
        int ready = epoll_wait(poller, events, MAX_EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            ssize_t len = recv(connection->fd, chunk, sizeof chunk, 0);
            if (len <= 0)
                fail("receive");
            uint64_t whole = (connection->partial + len) / size;
            connection->partial = (connection->partial + len) % size;
            back += whole;
            if (whole > 0)
                send_lines(connection->fd, whole * size);
        }
        if (start_ns == 0 && back >= first) {
            start_ns = cpu_ns();
            last = back + messages;
        }
    }
    printf("%.1f\n", (double)(cpu_ns() - start_ns) / (messages + (back - last)));
    return 0;
}

/*
 * loader: a closed-loop load on an echo server that checks every byte. N connections, each with D
 * lines in flight; as whole replies come back, as many new lines go out in one send.
 *
 *     cc -O2 -o loader loader.c
 *     ./loader HOST PORT --connections N --size BYTES --depth D --messages M [--warmup W]
 *                        [--handshake] [--timeout SECONDS]
 *
 * BYTES counts the '\n'. The warm-up is at least one full round (N x D messages), so that every
 * connection has been accepted. Prints one JSON line about the M measured messages. A latency is
 * that of a batch, the lines that went out together, to its last byte; with depth 1 that is a
 * message. It is a closed loop: a server that stalls is asked less in the meantime, so the
 * percentiles compare two servers under the same load; they do not describe an open one.
 *
 * --handshake: prints `warm` after the warm-up and waits for a line on stdin; waits for another
 * after the JSON line. In both pauses nothing is in flight, so the server can be sampled.
 *
 * At the end each connection finishes sending and must see EOF and not one byte more.
 * Exit codes: 0 all came back unaltered; 1 it did not, or a connection broke; 2 usage or timeout.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MAX_EVENTS 1024
#define CHUNK_LEN (256 * 1024) /* of one recv, and of one send */
#define TEXT_COUNT 65521       /* different line contents; a prime */

struct batch {
    uint64_t end; /* the stream position at which it is complete */
    uint64_t sent_at;
};

/* Positions count the bytes of the connection's stream; what stands at one is a pure function. */
struct connection {
    int fd;
    uint32_t number;
    uint64_t owed, sent, received;
    struct batch *batches; /* a ring of `depth` */
    uint64_t first_batch, end_batch;
    bool watches_write;
};

static uint64_t connection_count, size, depth = 1, message_count, warmup_count, timeout_s = 60;
static bool handshake;
static struct connection *connections;
static uint64_t unsent, echoed, differing; /* messages, messages, bytes */
static volatile sig_atomic_t expired;
static char *texts, chunk[CHUNK_LEN];
static int poller;

/* --- latencies: 32 buckets per power of two, named by their middle, so within 1.6 % --- */

static uint64_t buckets[64 * 64], latency_count, latency_max;

static void record(uint64_t ns) {
    int shift = ns < 64 ? 0 : 58 - __builtin_clzll(ns);
    buckets[shift * 64 + (ns >> shift)]++;
    latency_count++;
    if (ns > latency_max)
        latency_max = ns;
}

static double percentile_us(double part) {
    uint64_t rank = (uint64_t)(part * latency_count), seen = 0;
    for (uint64_t i = 0; i < 64 * 64; i++) {
        seen += buckets[i];
        if (seen > rank) {
            uint64_t shift = i / 64, ns = ((i % 64) << shift) + ((1ull << shift) >> 1);
            return (double)(ns < latency_max ? ns : latency_max) / 1000;
        }
    }
    return (double)latency_max / 1000;
}

/* --- ends --- */

static void give_up(void) {
    if (differing) {
        fprintf(stderr, "loader: %llu bytes came back altered\n", (unsigned long long)differing);
        exit(1);
    }
    fprintf(stderr, "loader: timed out after %llu s with %llu messages echoed in this part\n",
            (unsigned long long)timeout_s, (unsigned long long)echoed);
    exit(2);
}

static void fail(const char *action, const struct connection *connection) {
    if (errno == EINTR && expired)
        give_up();
    fprintf(stderr, "loader: %s", action);
    if (connection)
        fprintf(stderr, " connection %u", connection->number);
    fprintf(stderr, ": %s\n", strerror(errno));
    exit(1);
}

static void expire(int signal) {
    (void)signal;
    expired = 1;
}

/* Fires again and again, so that a wait which starts just after the signal ends too. */
static void expire_in(uint64_t seconds) {
    struct itimerval timer = {.it_value.tv_sec = seconds, .it_interval.tv_usec = 100000};
    setitimer(ITIMER_REAL, &timer, NULL);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* --- content: a line is a slice of random text at a place that varies, and '\n' --- */

static void make_texts(void) {
    uint64_t random = 88172645463325252u;
    texts = malloc(TEXT_COUNT + size);
    if (!texts)
        fail("reserve memory", NULL);
    for (uint64_t i = 0; i < TEXT_COUNT + size; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        texts[i] = '!' + (random >> 32) % ('~' - '!' + 1);
    }
}

static const char *text_of(const struct connection *connection, uint64_t line) {
    return texts + (connection->number * 7919ull + line * 104729ull) % TEXT_COUNT;
}

static void write_stream(const struct connection *connection, uint64_t position, size_t len) {
    uint64_t line = position / size, at = position % size;
    for (char *to = chunk; len > 0; line++, at = 0) {
        size_t part = len < size - at ? len : size - at;
        memcpy(to, text_of(connection, line) + at, part);
        if (at + part == size)
            to[part - 1] = '\n';
        to += part;
        len -= part;
    }
}

static bool is_altered(const char *text, uint64_t at, size_t part, const char *came) {
    size_t text_part = at + part == size ? part - 1 : part;
    return memcmp(text + at, came, text_part) != 0 || (text_part < part && came[text_part] != '\n');
}

static void count_differing(const struct connection *connection, uint64_t line, uint64_t at,
                            size_t part, const char *came) {
    for (size_t i = 0; i < part; i++) {
        char expected = at + i == size - 1 ? '\n' : text_of(connection, line)[at + i];
        if (came[i] == expected)
            continue;
        if (differing++ == 0) {
            fprintf(stderr,
                    "loader: connection %u message %llu byte %llu: expected 0x%02x, received 0x%02x\n",
                    connection->number, (unsigned long long)line, (unsigned long long)(at + i),
                    (unsigned char)expected, (unsigned char)came[i]);
            expire_in(1); /* a lost byte stalls the loop: count a second longer, not to the timeout */
        }
    }
}

static void check_stream(const struct connection *connection, size_t len) {
    uint64_t line = connection->received / size, at = connection->received % size;
    for (const char *came = chunk; len > 0; line++, at = 0) {
        size_t part = len < size - at ? len : size - at;
        if (is_altered(text_of(connection, line), at, part, came))
            count_differing(connection, line, at, part, came);
        came += part;
        len -= part;
    }
}

static void surplus(const struct connection *connection, size_t len) {
    fprintf(stderr, "loader: connection %u received %zu bytes that were never sent\n",
            connection->number, len);
    exit(1);
}

/* --- the loop --- */

static void watch(int operation, struct connection *connection, bool write) {
    struct epoll_event event = {.events = write ? EPOLLIN | EPOLLOUT : EPOLLIN,
                                .data.ptr = connection};
    if (epoll_ctl(poller, operation, connection->fd, &event) < 0)
        fail("watch", connection);
    connection->watches_write = write;
}

static void send_owed(struct connection *connection) {
    while (connection->sent < connection->owed) {
        uint64_t open = connection->owed - connection->sent;
        size_t len = open < CHUNK_LEN ? open : CHUNK_LEN;
        write_stream(connection, connection->sent, len);
        ssize_t sent = send(connection->fd, chunk, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN)
            fail("send on", connection);
        connection->sent += sent > 0 ? sent : 0;
        if (sent < (ssize_t)len) {
            if (!connection->watches_write)
                watch(EPOLL_CTL_MOD, connection, true);
            return;
        }
    }
    if (connection->watches_write)
        watch(EPOLL_CTL_MOD, connection, false);
}

/* Gives the connection up to `lines` of what is still to be sent in this part, as one batch. */
static void give(struct connection *connection, uint64_t lines, uint64_t now) {
    if (lines > unsent)
        lines = unsent;
    if (lines == 0)
        return;
    unsent -= lines;
    connection->owed += lines * size;
    connection->batches[connection->end_batch++ % depth] = (struct batch){connection->owed, now};
    send_owed(connection);
}

static void take(struct connection *connection) {
    ssize_t len = recv(connection->fd, chunk, CHUNK_LEN, 0);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len < 0)
        fail("receive on", connection);
    if (len == 0) {
        fprintf(stderr, "loader: the server closed connection %u with %llu bytes outstanding\n",
                connection->number, (unsigned long long)(connection->owed - connection->received));
        exit(1);
    }
    uint64_t now = now_ns();
    if ((uint64_t)len > connection->sent - connection->received)
        surplus(connection, len - (connection->sent - connection->received));
    check_stream(connection, len);
    uint64_t lines = (connection->received + len) / size - connection->received / size;
    connection->received += len;
    echoed += lines;
    while (connection->first_batch < connection->end_batch) {
        struct batch *batch = &connection->batches[connection->first_batch % depth];
        if (batch->end > connection->received)
            break;
        record(now - batch->sent_at);
        connection->first_batch++;
    }
    give(connection, lines, now);
}

static void run_part(uint64_t messages) {
    static struct epoll_event events[MAX_EVENTS];
    unsent = messages;
    echoed = 0;
    for (uint64_t i = 0; i < connection_count; i++)
        give(&connections[i], depth, now_ns());
    while (echoed < messages) {
        int count = epoll_wait(poller, events, MAX_EVENTS, -1);
        if (expired)
            give_up();
        if (count < 0 && errno != EINTR)
            fail("wait for events", NULL);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                send_owed(connection);
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                take(connection);
        }
    }
}

/* --- beginning and end --- */

static void open_connections(const char *host, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *address;
    int on = 1, error = getaddrinfo(host, port, &hints, &address);
    if (error) {
        fprintf(stderr, "loader: resolve %s port %s: %s\n", host, port, gai_strerror(error));
        exit(1);
    }
    for (uint64_t i = 0; i < connection_count; i++) {
        struct connection *connection = &connections[i];
        connection->number = i;
        connection->batches = calloc(depth, sizeof *connection->batches);
        connection->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (!connection->batches || connection->fd < 0 ||
            connect(connection->fd, address->ai_addr, address->ai_addrlen) < 0)
            fail("open", connection);
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        fcntl(connection->fd, F_SETFL, O_NONBLOCK);
        watch(EPOLL_CTL_ADD, connection, false);
    }
    freeaddrinfo(address);
}

static void close_connections(void) {
    for (uint64_t i = 0; i < connection_count; i++)
        shutdown(connections[i].fd, SHUT_WR);
    for (uint64_t i = 0; i < connection_count; i++) {
        struct pollfd wait = {.fd = connections[i].fd, .events = POLLIN};
        if (poll(&wait, 1, -1) < 0)
            fail("wait for the end of", &connections[i]);
        ssize_t len = recv(wait.fd, chunk, CHUNK_LEN, 0);
        if (len < 0)
            fail("see the end of", &connections[i]);
        if (len > 0)
            surplus(&connections[i], len);
        close(wait.fd);
    }
}

static void wait_for_line(void) {
    char byte = 0;
    while (handshake && byte != '\n') {
        ssize_t len = read(STDIN_FILENO, &byte, 1);
        if (len < 0)
            fail("read the handshake", NULL);
        if (len == 0)
            exit(2); /* whoever started this is gone */
    }
}

static void usage(void) {
    fprintf(stderr, "usage: loader HOST PORT --connections N --size BYTES --depth D --messages M "
                    "[--warmup W] [--handshake] [--timeout SECONDS]\n");
    exit(2);
}

static uint64_t number(const char *text, uint64_t max) {
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || value > max)
        usage();
    return value;
}

static void read_options(int argc, char **argv) {
    static const struct option options[] = {
        {"connections", 1, 0, 'c'}, {"size", 1, 0, 's'},     {"depth", 1, 0, 'd'},
        {"messages", 1, 0, 'm'},    {"warmup", 1, 0, 'w'},   {"handshake", 0, 0, 'h'},
        {"timeout", 1, 0, 't'},     {0, 0, 0, 0}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'c': connection_count = number(optarg, 1000000); break;
        case 's': size = number(optarg, 1 << 30); break;
        case 'd': depth = number(optarg, 1 << 20); break;
        case 'm': message_count = number(optarg, 1ull << 40); break;
        case 'w': warmup_count = number(optarg, 1ull << 40); break;
        case 't': timeout_s = number(optarg, 3600); break;
        case 'h': handshake = true; break;
        default: usage();
        }
    }
    if (argc - optind != 2 || !connection_count || !size || !depth || !message_count || !timeout_s)
        usage();
    if (warmup_count < connection_count * depth)
        warmup_count = connection_count * depth;
}

int main(int argc, char **argv) {
    struct sigaction on_timer = {.sa_handler = expire}; /* no SA_RESTART: waits end with EINTR */
    struct rlimit limit;
    read_options(argc, argv);
    sigaction(SIGALRM, &on_timer, NULL);
    expire_in(timeout_s);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    connections = calloc(connection_count, sizeof *connections);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!connections || poller < 0)
        fail("start", NULL);
    make_texts();
    open_connections(argv[optind], argv[optind + 1]);

    run_part(warmup_count);
    if (handshake) {
        puts("warm");
        fflush(stdout);
    }
    wait_for_line();
    memset(buckets, 0, sizeof buckets);
    latency_count = latency_max = 0;
    uint64_t start = now_ns();
    run_part(message_count);
    double seconds = (double)(now_ns() - start) / 1e9;
    printf("{\"messages\": %llu, \"seconds\": %.6f, \"messages_per_s\": %.0f, \"p50_us\": %.1f, "
           "\"p99_us\": %.1f, \"max_us\": %.1f, \"differing_bytes\": %llu}\n",
           (unsigned long long)message_count, seconds, (double)message_count / seconds,
           percentile_us(0.50), percentile_us(0.99), (double)latency_max / 1000,
           (unsigned long long)differing);
    fflush(stdout);
    wait_for_line();
    if (differing)
        give_up();
    close_connections();
    return 0;
}

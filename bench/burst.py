#!/usr/bin/env python3
"""How long simultaneous connects take, and how many waited for a SYN retransmission (1 s).

    bench/burst.py                                  our server, built here
    bench/burst.py --command 'target/bench/epoll_echo {port}'
    bench/burst.py --port 9000                      a server that runs already, on 127.0.0.1

All connects are started without waiting; each is timed from connect() until its socket is writable.
Then each connection must echo one line: none may be lost. The kernel's own count of connections
refused by full accept queues (of the whole machine) is printed beside it.

A server that accepts fast enough gets by with a short backlog, by luck. So after the usual rounds one
more is run with the server stopped (SIGSTOP) until all connects are under way: then the backlog alone
must hold them. Not with --port.
"""

import argparse
import errno
import os
import select
import signal
import socket
import time
from pathlib import Path

import kit

SLOW_S = 0.9
DEADLINE_S = 30
KERNEL_COUNTS = ("ListenOverflows", "ListenDrops", "TCPSynRetrans")


def kernel_counts():
    lines = Path("/proc/net/netstat").read_text().splitlines()
    for names, values in zip(lines[::2], lines[1::2]):
        if names.startswith("TcpExt:"):
            table = dict(zip(names.split()[1:], map(int, values.split()[1:])))
            return {name: table.get(name, 0) for name in KERNEL_COUNTS}
    return dict.fromkeys(KERNEL_COUNTS, 0)


def start_connects(port, count, poller):
    pending = {}
    for _ in range(count):
        connection = socket.socket()
        connection.setblocking(False)
        started = time.monotonic()
        code = connection.connect_ex(("127.0.0.1", port))
        if code not in (0, errno.EINPROGRESS):
            raise kit.BenchError(f"connect to port {port}: {errno.errorcode.get(code, code)}")
        poller.register(connection, select.EPOLLOUT)
        pending[connection.fileno()] = (connection, started)
    return pending


def start_connects_unheard(port, count, poller, pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        return start_connects(port, count, poller)
    finally:
        os.kill(pid, signal.SIGCONT)


def burst(port, count, stop_pid):
    """Returns the open connections and the seconds each took."""
    poller = select.epoll()
    if stop_pid:
        pending = start_connects_unheard(port, count, poller, stop_pid)
    else:
        pending = start_connects(port, count, poller)
    deadline = time.monotonic() + DEADLINE_S
    connections, seconds = [], []
    while pending:
        events = poller.poll(max(0, deadline - time.monotonic()), count)
        now = time.monotonic()
        if not events:
            raise kit.BenchError(f"{len(pending)} of {count} connects took over {DEADLINE_S} s")
        for descriptor, _ in events:
            connection, started = pending.pop(descriptor)
            poller.unregister(descriptor)
            code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise kit.BenchError(f"connect to port {port}: {errno.errorcode.get(code, code)}")
            connections.append(connection)
            seconds.append(now - started)
    return connections, seconds


def check_served(connections):
    for i, connection in enumerate(connections):
        connection.settimeout(DEADLINE_S)
        kit.echo_once(connection, f"{i}\n".encode())


def measure(port, count, stop_pid=None):
    before = kernel_counts()
    connections, seconds = burst(port, count, stop_pid)
    check_served(connections)
    kernel = {name: now - before[name] for name, now in kernel_counts().items()}
    for connection in connections:
        connection.close()
    seconds.sort()
    return {
        "connections": count,
        "server": "stopped" if stop_pid else "running",
        "median_ms": seconds[count // 2] * 1000,
        "p99_ms": seconds[min(count - 1, count * 99 // 100)] * 1000,
        "slowest_ms": seconds[-1] * 1000,
        "slow": sum(one > SLOW_S for one in seconds),
        "kernel": kernel,
    }


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, help="of a server that runs already")
    parser.add_argument("--command", help="the server, with {port} (default: build and run ours)")
    parser.add_argument("--connections", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE")
    return parser.parse_args()


def print_row(one):
    kernel = " ".join(f"{name}={count}" for name, count in one["kernel"].items())
    print(f"{one['server']:8}{one['median_ms']:>10.1f}{one['p99_ms']:>10.1f}{one['slowest_ms']:>12.1f}"
          f"{one['slow']:>12}   {kernel}", flush=True)
    return one


def run_rounds(port, options, stop_pid=None):
    queue = Path("/proc/sys/net/core/somaxconn").read_text().strip()
    print(f"the kernel allows accept queues of {queue} (net.core.somaxconn)\n")
    print(f"{'server':8}{'median ms':>10}{'p99 ms':>10}{'slowest ms':>12}{'over 0.9 s':>12}   kernel")
    count = options.connections
    rounds = [print_row(measure(port, count)) for _ in range(options.rounds)]
    if stop_pid:
        rounds.append(print_row(measure(port, count, stop_pid)))
    kit.save(options.json, {"rounds": rounds})


def main():
    options = parse()
    kit.raise_descriptor_limit(options.connections + 100)
    command = None if options.port else options.command or kit.our_command()
    kit.print_machine()
    print(f"{command or f'port {options.port}'}: {options.connections:,} connects at once, all served")
    if options.port:
        run_rounds(options.port, options)
    else:
        with kit.Server(command) as server:
            run_rounds(server.port, options, server.pid)


if __name__ == "__main__":
    kit.run_main(main)

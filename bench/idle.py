#!/usr/bin/env python3
"""Memory per idle connection of a server, and whether its threads sleep while nothing happens.

    bench/idle.py                                       our server, built here
    bench/idle.py --command 'target/bench/epoll_echo {port}'
    bench/idle.py --connections 5000 --json FILE

Memory is the process's own (Rss and Private_Dirty of /proc/PID/smaps_rollup), without the kernel's
socket buffers, against a baseline taken after 100 connections came, echoed and went: once with all
connections open and silent, once after each has echoed one line and all stay open. Pages are 4 KiB, so
a figure is good to a byte or so at 10,000 connections. Then all is quiet for some seconds: CPU time
and voluntary context switches (a thread that woke went to sleep again) of each thread.
"""

import argparse
import os
import re
import time
from pathlib import Path

import kit

OUR_FLAGS = "--port {port}"
WARM_UP_CONNECTIONS = 100
PER_SOURCE = 5000  # connections from one 127.0.0.x; each has some 28,000 ports
SETTLE_S = 0.5


def memory(pid):
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {name: int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1]) * 1024
            for name in ("Rss", "Private_Dirty")}


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def settle(server, expected, what):
    """Waits until the server has so many descriptors; the clients know only of the kernel's queue."""
    kit.wait_until(lambda: descriptors(server.pid) == expected, what)
    time.sleep(SETTLE_S)


def open_all(port, count):
    return [kit.connect(port, f"127.0.0.{2 + i // PER_SOURCE}") for i in range(count)]


def echo_all(connections, size):
    for i, connection in enumerate(connections):
        kit.echo_once(connection, f"{i:d} ".encode().ljust(size - 1, b"x") + b"\n")


def measure_memory(server, count, size):
    before_any = descriptors(server.pid)
    warm_up = open_all(server.port, WARM_UP_CONNECTIONS)
    echo_all(warm_up, size)
    for connection in warm_up:
        connection.close()
    settle(server, before_any, "the server closed the warm-up connections")
    stages = {"baseline": memory(server.pid)}
    connections = open_all(server.port, count)
    settle(server, before_any + count, f"the server accepted {count} connections")
    stages["opened"] = memory(server.pid)
    echo_all(connections, size)
    time.sleep(SETTLE_S)
    stages["echoed"] = memory(server.pid)
    return connections, stages


def watch_threads(server, seconds):
    before = kit.threads(server.pid)
    time.sleep(seconds)
    after = kit.threads(server.pid)
    return [
        {"name": now["name"], "cpu_ns": now["cpu_ns"] - before[tid]["cpu_ns"],
         "wakeups": now["switches"] - before[tid]["switches"]}
        for tid, now in sorted(after.items()) if tid in before
    ]


def print_memory(stages, count):
    print(f"{'':10}{'Rss':>12}{'bytes/conn':>12}{'Private_Dirty':>16}{'bytes/conn':>12}")
    for stage, now in stages.items():
        grown = {name: (now[name] - stages["baseline"][name]) / count for name in now}
        print(f"{stage:10}{now['Rss']:>12,}{grown['Rss']:>12.1f}"
              f"{now['Private_Dirty']:>16,}{grown['Private_Dirty']:>12.1f}")


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--command", help="the server, with {port} (default: build and run ours)")
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=128, help="bytes of the line that each echoes")
    parser.add_argument("--quiet-seconds", type=float, default=5)
    parser.add_argument("--json", metavar="FILE")
    return parser.parse_args()


def main():
    options = parse()
    if options.size < 10:
        raise kit.BenchError("--size must be at least 10")
    kit.raise_descriptor_limit(options.connections + 100)
    command = options.command or kit.our_command(flags=OUR_FLAGS)
    kit.print_machine()
    print(f"{command}: {options.connections:,} connections\n")
    with kit.Server(command) as server:
        connections, stages = measure_memory(server, options.connections, options.size)
        print_memory(stages, options.connections)
        threads = watch_threads(server, options.quiet_seconds)
        for connection in connections:
            connection.close()
    print(f"\n{options.quiet_seconds:g} s without traffic:")
    for thread in threads:
        print(f"  {thread['name']:16}{thread['cpu_ns']:>12,} ns on CPU{thread['wakeups']:>6} wake-ups")
    kit.save(options.json, {"server": command, "connections": options.connections,
                            "memory": stages, "threads": threads})


if __name__ == "__main__":
    kit.run_main(main)

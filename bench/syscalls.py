#!/usr/bin/env python3
"""System calls per message of a server: 50 connections, 128 bytes, one line in flight each.

    bench/syscalls.py                               our server, built here
    bench/syscalls.py --command 'target/bench/epoll_echo {port}'
    bench/syscalls.py --depth 32 --size 64

Counted twice over the measured part alone (attached after the warm-up): by `strace -c -f`, which
slows the server, so that more connections are ready at each epoll_wait than in real life; and by
`perf stat` on the kernel's tracepoints, which hardly disturbs, where perf may be used. For
epoll_wait believe perf, and only on a quiet machine: where the loader waits for its core, the server
runs dry and calls epoll_wait more often. That share of the time is the last column. Our server uses
recv and send for its sockets; write is its log, and read its wakers.
"""

import argparse
import re
import shutil
import signal
import subprocess
import tempfile
import time

import kit

GROUPS = {
    "recv": ("recvfrom", "recvmsg", "readv"),
    "send": ("sendto", "sendmsg", "writev"),
    "read": ("read",),
    "write": ("write",),
    "epoll_wait": ("epoll_wait", "epoll_pwait", "epoll_pwait2"),
    "epoll_ctl": ("epoll_ctl",),
}
ATTACH_TIMEOUT_S = 10


class Strace:
    name = "strace"

    def __init__(self, pid):
        self.table = tempfile.NamedTemporaryFile(mode="r")
        self.messages = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            ["strace", "-c", "-f", "-o", self.table.name, "-p", str(pid)], stderr=self.messages
        )
        # One line, once all threads are attached.
        kit.wait_until(self._is_attached, "strace attached", ATTACH_TIMEOUT_S)

    def _is_attached(self):
        self.messages.seek(0)
        said = self.messages.read()
        if self.process.poll() is not None:
            raise kit.BenchError(f"strace could not attach: {said.strip()}")
        return "attached" in said

    def counts(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(ATTACH_TIMEOUT_S)
        rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?([a-z]\w*)$",
                          self.table.read(), re.M)
        return {name: int(calls) for calls, name in rows if name != "total"}


class Perf:
    name = "perf"

    def __init__(self, pid):
        self.table = tempfile.NamedTemporaryFile(mode="r")
        calls = [call for group in GROUPS.values() for call in group]
        events = ["raw_syscalls:sys_enter", *(f"syscalls:sys_enter_{call}" for call in calls)]
        self.process = subprocess.Popen(
            ["perf", "stat", "-x", ",", "-o", self.table.name, "-e", ",".join(events), "-p", str(pid)],
            stderr=subprocess.DEVNULL,
        )
        time.sleep(1)  # it says nothing when it has attached
        if self.process.poll() is not None:
            raise kit.BenchError("perf may not count system calls here")

    def counts(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(ATTACH_TIMEOUT_S)
        rows = re.findall(r"^(\d+),[^,]*,\w+:sys_enter_?(\w*)", self.table.read(), re.M)
        counts = {name: int(calls) for calls, name in rows}
        everything = counts.pop("")
        counts["not named by perf"] = everything - sum(counts.values())
        return counts


def count(counter, command, loader_program, load):
    """Calls by name while the measured messages were echoed, and the loader's share of waiting."""
    with kit.Server(command, kit.SERVER_CORE) as server:
        with kit.Loader(loader_program, server.port, load) as loader:
            attached = counter(server.pid)
            try:
                queued_before = loader.times()[1]
                seconds = loader.measure()["seconds"]
                queued_ns = loader.times()[1] - queued_before
                return attached.counts(), queued_ns / 1e9 / seconds
            finally:
                if attached.process.poll() is None:
                    attached.process.terminate()
                loader.finish()


def print_counts(name, counts, waited, messages):
    grouped = {group: sum(counts.get(call, 0) for call in calls) for group, calls in GROUPS.items()}
    others = sum(counts.values()) - sum(grouped.values())
    cells = "".join(f"{number / messages:>12.4f}" for number in (*grouped.values(), others))
    grouped_calls = {call for calls in GROUPS.values() for call in calls}
    rare = ", ".join(f"{call} {calls}" for call, calls in counts.items()
                     if call not in grouped_calls and calls)
    print(f"{name:8}{cells}{waited:>12.1%}   {rare}", flush=True)
    return {**grouped, "others": others, "loader_waited": waited}


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--command", help="the server, with {port} (default: build and run ours)")
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--depth", type=int, default=1)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--json", metavar="FILE")
    return parser.parse_args()


def main():
    options = parse()
    kit.check_cores()
    load = {name: getattr(options, name) for name in ("connections", "size", "depth", "messages")}
    loader_program = kit.build_c() / "loader"
    command = options.command or kit.our_command()
    kit.print_machine()
    print(f"{command}\nper message, over {options.messages:,}:\n")
    print(f"{'':8}" + "".join(f"{name:>12}" for name in (*GROUPS, "others", "disturbed")))
    results = {}
    for counter, runs in ((Strace, 1), (Perf, 3)):
        if not shutil.which(counter.name):
            print(f"{counter.name:8}    is not installed")
            continue
        try:
            results[counter.name] = [
                print_counts(counter.name, *count(counter, command, loader_program, load), options.messages)
                for _ in range(runs)
            ]
        except kit.BenchError as error:
            print(f"{counter.name:8}    {error}")
    kit.save(options.json, {"server": command, "load": load, "calls": results})
    if not results:
        raise kit.BenchError("neither strace nor perf could count")


if __name__ == "__main__":
    kit.run_main(main)

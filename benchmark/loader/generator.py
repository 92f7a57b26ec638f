#!/usr/bin/env python3
"""Measures what the load tester itself costs: its CPU time per message, compared with a bare loop.

    benchmark/loader/generator.py                 builds everything; 7 rounds of each load
    benchmark/loader/generator.py --rounds 3 --json FILE

Our server runs on core 0. The two loads take turns on core 1, in the order A B B A, each with fresh
connections. The CPU time is that of the load, kernel time included; for `loadtest` it is taken from the
report. `loadtest` checks every byte and records every latency, `bare_loader` does neither. The ratio is the
price of this.
"""

import argparse
import contextlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
SERVER_CORE, LOADER_CORE = 0, 1

LOADS = {
    "50 connections": (50, 128, 1, 150_000),
    "1,000 connections": (1000, 128, 1, 150_000),
    "50 connections, 32 in flight": (50, 64, 32, 3_000_000),
}

# The exit code of the verdict GENERATOR-LIMITED. Here the load is meant to be the limit.
EXIT_NOT_VALID = 3


class BenchError(Exception):
    """A sentence for the user."""


def output(command, codes=(0,), **options):
    """Returns what the command prints."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=1200, **options)
    except (OSError, subprocess.SubprocessError) as error:
        raise BenchError(f"run {command[0]}: {error}") from None
    if run.returncode not in codes:
        raise BenchError(f"{command[0]} failed with code {run.returncode}: {run.stderr}")
    return run.stdout


def build():
    """Builds the bare load, the load tester and our server, and returns their paths."""
    bare = TARGET / "bench" / "bare_loader"
    bare.parent.mkdir(parents=True, exist_ok=True)
    output(["cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-o", bare, ROOT / "benchmark/loader/bare_loader.c"])
    output(["cargo", "build", "--release", "--bin", "loadtest", "--bin", "server"], cwd=ROOT)
    return {"bare": bare, "ours": TARGET / "release/loadtest", "server": TARGET / "release/server"}


def pinned_to(core):
    return {"preexec_fn": lambda: os.sched_setaffinity(0, {core})}


@contextlib.contextmanager
def server(program):
    """Runs our server on a free port, which its first log record names."""
    command = [program, "--port=0", "--num-workers=1", "--report-interval=0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **pinned_to(SERVER_CORE)) as process:
        try:
            said = process.stderr.readline()
            address = re.search(r"listening address=127\.0\.0\.1:(\d+)", said)
            if not address:
                raise BenchError(f"{program} does not listen: {said.strip()}")
            yield int(address[1])
        finally:
            process.terminate()
            process.communicate(timeout=20)


def bare_ns(program, port, load):
    command = [program, "127.0.0.1", *map(str, (port, *load))]
    return float(output(command, **pinned_to(LOADER_CORE)))


def our_ns(program, port, load):
    connections, size, depth, messages = load
    flags = f"--connections {connections} --size {size} --depth {depth} --count {messages}"
    command = [program, "run", f"127.0.0.1:{port}", *flags.split(), "--threads=1", "--warmup=100ms",
               "--quiet", "--json=-"]
    report = json.loads(output(command, (0, EXIT_NOT_VALID), **pinned_to(LOADER_CORE)))
    return report["generator"]["cpu_per_message_ns"]


def measure(programs, port, load, rounds):
    ratios, costs = [], {"bare": [], "ours": []}
    for _ in range(rounds):
        now = {"bare": 0.0, "ours": 0.0}
        for side in ("bare", "ours", "ours", "bare"):
            of = bare_ns if side == "bare" else our_ns
            now[side] += of(programs[side], port, load) / 2
        for side, cost in now.items():
            costs[side].append(cost)
        ratios.append(now["ours"] / now["bare"])
    return {"ratios": ratios, **costs}


def machine():
    """Returns the machine and the date, which every figure needs."""
    names = re.findall(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    cpu = names[0] if names else platform.machine()
    date = time.strftime("%Y-%m-%d", time.gmtime())
    return f"{cpu}, {os.cpu_count()} cores, Linux {platform.release()}, {date}"


def spread(values, digits):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} [{low:.{digits}f}..{high:.{digits}f}]"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", metavar="FILE", type=Path)
    options = parser.parse_args()
    if not {SERVER_CORE, LOADER_CORE} <= os.sched_getaffinity(0):
        raise BenchError("cores 0 and 1 are needed, one for the server and one for the load")
    programs = build()
    print(f"{machine()}\n{options.rounds} rounds, median [min..max]\n")
    print(f"{'':30} {'bare ns/message':>24} {'ours ns/message':>24} {'ratio':>20}")
    results = {}
    with server(programs["server"]) as port:
        for name, load in LOADS.items():
            of = results[name] = measure(programs, port, load, options.rounds)
            print(f"{name:30} {spread(of['bare'], 0):>24} {spread(of['ours'], 0):>24} "
                  f"{spread(of['ratios'], 3):>20}", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "loads": results}, indent=2) + "\n")


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"error: {error}")

#!/usr/bin/env python3
"""What the load tester itself costs: CPU time per message, against a loop that checks and times nothing.

    bench/generator.py                 builds everything; 7 rounds of each load
    bench/generator.py --rounds 3 --json FILE

Our server runs on core 0, the two loads take turns on core 1, A B B A, each with fresh connections. The
CPU time is the load's own, kernel time included; for `loadtest` the one of its report. It checks every
byte and records every latency meanwhile, `bare_loader` does neither: the ratio is the price of that.
"""

import argparse
import json
import statistics
import subprocess

import kit

LOADS = {
    "50 connections": (50, 128, 1, 150_000),
    "1,000 connections": (1000, 128, 1, 150_000),
    "50 connections, 32 in flight": (50, 64, 32, 3_000_000),
}


# The verdict GENERATOR-LIMITED: here the load is meant to be the limit.
EXIT_NOT_VALID = 3


def output(command):
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, timeout=120,
            preexec_fn=kit.pin_to(kit.LOADER_CORE),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise kit.BenchError(f"run {command[0]}: {error}") from None
    if run.returncode not in (0, EXIT_NOT_VALID):
        raise kit.BenchError(f"{command[0]} failed with code {run.returncode}: {run.stderr}")
    return run.stdout


def bare_ns(program, port, load):
    connections, size, depth, messages = map(str, load)
    return float(output([program, "127.0.0.1", str(port), connections, size, depth, messages]))


def our_ns(program, port, load):
    connections, size, depth, messages = load
    flags = f"--connections {connections} --size {size} --depth {depth} --count {messages}"
    command = [program, "run", f"127.0.0.1:{port}", *flags.split(), "--threads=1", "--warmup=100ms",
               "--quiet", "--json=-"]
    return json.loads(output(command))["generator"]["cpu_per_message_ns"]


def measure(programs, port, load, rounds):
    ratios, costs = [], {"bare": [], "ours": []}
    for number in range(rounds):
        now = {"bare": 0.0, "ours": 0.0}
        for side in ("bare", "ours", "ours", "bare"):
            of = bare_ns if side == "bare" else our_ns
            now[side] += of(programs[side], port, load) / 2
        for side, cost in now.items():
            costs[side].append(cost)
        ratios.append(now["ours"] / now["bare"])
    return {"ratios": ratios, **costs}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    kit.check_cores()
    built = kit.build_c()
    kit.run(["cargo", "build", "--quiet", "--release", "--bin", "loadtest"], cwd=kit.ROOT)
    programs = {"bare": built / "bare_loader", "ours": kit.cargo_target() / "release" / "loadtest"}
    kit.print_machine()
    print(f"{options.rounds} rounds, median [min..max]\n")
    print(f"{'':30} {'bare ns/message':>24} {'ours ns/message':>24} {'ratio':>20}")
    results = {}
    with kit.Server(kit.our_command(), kit.SERVER_CORE) as server:
        for name, load in LOADS.items():
            results[name] = measure(programs, server.port, load, options.rounds)
            of = results[name]
            print(f"{name:30} {kit.spread(of['bare'], 0):>24} {kit.spread(of['ours'], 0):>24} "
                  f"{kit.spread(of['ratios'], 3):>20}", flush=True)
    kit.save(options.json, {"loads": results})


if __name__ == "__main__":
    kit.run_main(main)

#!/usr/bin/env python3
"""CPU time per message and throughput: our server against the yardstick, in one interleaved run.

    bench/compare.py                          builds everything; ping and pipeline, 7 rounds
    bench/compare.py --all --json FILE        also 1,000 connections, and lines of 64 KiB
    bench/compare.py --ours PATH [--log-level WARN]
    bench/compare.py --ours-command 'old/server --port {port}' --theirs-command 'new/server --port {port}'

Both servers run all the time, pinned to core 0; the loader runs on core 1 against one at a time. A
round measures both in several short slices, A B B A A B B A, each with fresh connections, and gives one
ratio of the sums: a machine that drifts drifts under both. The CPU time is the scheduler's
(/proc/PID/task/*/schedstat, all threads, kernel time included), taken just before and after the
measured part, with nothing in flight. Messages per second are bounded by the loader as well; the CPU
time is the figure that compares servers. `large` falls into several stable rhythms, by how TCP sized
the windows of this very run: trust it only to some 20 %.
"""

import argparse
import statistics
import time

import kit

# One slice each; a round has `SLICES` of them per server.
SCENARIOS = {
    "ping": {"connections": 50, "size": 128, "depth": 1, "messages": 50_000, "warmup": 10_000},
    "pipeline": {"connections": 50, "size": 64, "depth": 32, "messages": 750_000, "warmup": 100_000},
    "many": {"connections": 1000, "size": 128, "depth": 1, "messages": 50_000, "warmup": 10_000},
    "large": {"connections": 8, "size": 65_536, "depth": 16, "messages": 5_000, "warmup": 1_000},
}
SLICES = 4
SETTLE_S = 0.02  # from the last reply until the server's threads sleep and their time is booked
DISTURBED = 0.02  # part of the time that a process may wait for its core before we mention it


def measure_slice(server, loader_program, load):
    with kit.Loader(loader_program, server.port, load) as loader:
        time.sleep(SETTLE_S)
        cpu_before, queued_before = server.times()
        loader_queued_before = loader.times()[1]
        result = loader.measure()
        time.sleep(SETTLE_S)
        cpu_after, queued_after = server.times()
        result["cpu_ns"] = cpu_after - cpu_before
        result["queued_ns"] = queued_after - queued_before
        result["loader_queued_ns"] = loader.times()[1] - loader_queued_before
        loader.finish()
    return result


def summary(slices):
    total = {key: sum(one[key] for one in slices) for key in slices[0]}
    queued_ns = max(total["queued_ns"], total["loader_queued_ns"])
    return {
        "cpu_us": total["cpu_ns"] / 1000 / total["messages"],
        "messages_per_s": total["messages"] / total["seconds"],
        "p99_us": statistics.median(one["p99_us"] for one in slices),
        "waited_for_core": queued_ns / 1e9 / total["seconds"],
        "slices": slices,
    }


def run_round(servers, loader_program, load, number):
    slices = {name: [] for name in servers}
    for i in range(SLICES):
        for name in servers if (i + number) % 2 == 0 else reversed(servers):
            slices[name].append(measure_slice(servers[name], loader_program, load))
    results = {name: summary(slices[name]) for name in servers}
    results["ratio"] = results["ours"]["cpu_us"] / results["theirs"]["cpu_us"]
    return results


def print_row(cells):
    print("{:9} {:>22} {:>22} {:>19} {:>11} {:>11} {:>9} {:>9}".format(*cells), flush=True)


def print_scenario(name, rounds):
    def of(side, key):
        return [one[side][key] for one in rounds]

    def middle(side, key):
        return f"{statistics.median(of(side, key)):,.0f}"

    print_row([
        name,
        kit.spread(of("ours", "cpu_us"), 3),
        kit.spread(of("theirs", "cpu_us"), 3),
        kit.spread([one["ratio"] for one in rounds], 3),
        middle("ours", "messages_per_s"),
        middle("theirs", "messages_per_s"),
        middle("ours", "p99_us"),
        middle("theirs", "p99_us"),
    ])
    waited = max(of("ours", "waited_for_core") + of("theirs", "waited_for_core"))
    if waited > DISTURBED:
        print(f"{'':9} disturbed: in the worst round a process waited {waited:.0%} of the time for its core")


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ours", metavar="PATH", help="our server's binary (default: build it)")
    parser.add_argument("--ours-command", help="a whole command line instead, with {port}")
    parser.add_argument("--theirs-command", help="another yardstick than epoll_echo, with {port}")
    parser.add_argument("--log-level", default="INFO", help="of our server (default INFO)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=["ping", "pipeline"])
    parser.add_argument("--all", action="store_true", help="all scenarios")
    parser.add_argument("--target-dir", help="for the C programs (default target/bench)")
    parser.add_argument("--json", metavar="FILE")
    return parser.parse_args()


def main():
    options = parse()
    kit.check_cores()
    built = kit.build_c(options.target_dir)
    flags = kit.OUR_FLAGS.replace("INFO", options.log_level)
    ours = options.ours_command or kit.our_command(options.ours, flags)
    theirs = options.theirs_command or f"{built / 'epoll_echo'} {{port}}"
    kit.print_machine()
    print(f"ours:   {ours}\ntheirs: {theirs}\n{options.rounds} rounds, median [min..max]\n")
    print_row(["", "ours CPU us/message", "theirs CPU us/message", "ratio per round",
               "ours msg/s", "theirs", "ours p99", "theirs us"])
    results = {}
    with (
        kit.Server(ours, kit.SERVER_CORE) as our_server,
        kit.Server(theirs, kit.SERVER_CORE) as their_server,
    ):
        servers = {"ours": our_server, "theirs": their_server}
        for name in SCENARIOS if options.all else options.scenarios:
            load = SCENARIOS[name]
            rounds = [run_round(servers, built / "loader", load, i) for i in range(options.rounds)]
            results[name] = {"load": load, "rounds": rounds}
            print_scenario(name, rounds)
    kit.save(options.json, {"ours": ours, "theirs": theirs, "scenarios": results})


if __name__ == "__main__":
    kit.run_main(main)

"""What the measuring scripts share: build, start and pin processes, drive the loader, read /proc.

Linux only. Not run by itself.
"""

import json
import os
import platform
import re
import resource
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVER_CORE, LOADER_CORE = 0, 1
START_TIMEOUT_S = 10
OUR_FLAGS = "--port {port} --num-workers 1 --log_level INFO --report-interval 0"


class BenchError(Exception):
    """A sentence for the user; the scripts print it and exit with code 1."""


def run_main(main):
    try:
        main()
    except (BenchError, OSError) as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


# --- building ---


def run(command, **options):
    try:
        subprocess.run(command, check=True, **options)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BenchError(f"run {shlex.join(map(str, command))}: {error}") from None


def cargo_target():
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def build_c(target_dir=None):
    """Builds the C programs and returns the directory they are in."""
    target = Path(target_dir or cargo_target() / "bench")
    target.mkdir(parents=True, exist_ok=True)
    for name in ("epoll_echo", "loader", "bare_loader"):
        source = Path(__file__).with_name(f"{name}.c")
        run(["cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-o", target / name, source])
    return target


def build_ours():
    run(["cargo", "build", "--quiet", "--release", "--bin", "server"], cwd=ROOT)
    return cargo_target() / "release" / "server"


def our_command(path=None, flags=OUR_FLAGS):
    """The command line of our server, built unless its path is given."""
    return f"{shlex.quote(str(path or build_ours()))} {flags}"


# --- processes ---


def pin_to(core):
    """For preexec_fn; threads and children inherit it. None leaves the process where it is."""
    return None if core is None else lambda: os.sched_setaffinity(0, {core})


def check_cores():
    if not {SERVER_CORE, LOADER_CORE} <= os.sched_getaffinity(0):
        raise BenchError("cores 0 and 1 are needed, one for the server and one for the loader")


def raise_descriptor_limit(needed):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise BenchError(f"{needed} descriptors are needed, but the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Server:
    """A server process: `{port}` in the command becomes 0, the kernel tells which port it got."""

    def __init__(self, command, core=None):
        self.command = command
        self.output = tempfile.TemporaryFile()
        words = [word.replace("{port}", "0") for word in shlex.split(command)]
        self.process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            preexec_fn=pin_to(core),
        )
        self.pid = self.process.pid
        try:
            self.port = self._wait_for_port()
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _wait_for_port(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise BenchError(f"`{self.command}` ended at once: {self.said()}")
            port = listening_port(self.pid)
            if port:
                return port
            time.sleep(0.02)
        raise BenchError(f"`{self.command}` did not listen within {START_TIMEOUT_S} s: {self.said()}")

    def said(self):
        self.output.seek(0)
        return self.output.read()[-500:].decode(errors="replace").strip() or "it printed nothing"

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.output.close()

    def times(self):
        if self.process.poll() is not None:
            raise BenchError(f"`{self.command}` ended during the measurement: {self.said()}")
        return times(self.pid)


class Loader:
    """A loader that has warmed up and waits; `measure` runs the part that counts."""

    def __init__(self, program, port, load, core=LOADER_CORE, timeout_s=60):
        options = [f"--{name}={value}" for name, value in load.items()]
        self.process = subprocess.Popen(
            [program, "127.0.0.1", str(port), *options, "--handshake", f"--timeout={timeout_s}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=pin_to(core),
            text=True,
        )
        self._expect(lambda line: line == "warm\n")

    def _expect(self, is_right):
        line = self.process.stdout.readline()
        if not is_right(line):
            if line:
                self.process.kill()  # it still talks, but not as agreed
            raise BenchError(f"the loader failed with code {self.process.wait()}; see its message above")
        return line

    def _release(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def measure(self):
        self._release()
        return json.loads(self._expect(lambda line: line.startswith("{")))

    def times(self):
        return times(self.process.pid)

    def finish(self):
        """Lets it close its connections; it fails if more came back than was sent."""
        self._release()
        if self.process.wait() != 0:
            raise BenchError("the loader found a fault at the end; see its message above")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


# --- /proc ---


def listening_port(pid):
    """The port of a listening TCP socket of this process, or None."""
    own = set()
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            own.update(re.findall(r"^socket:\[(\d+)\]$", os.readlink(entry.path)))
    except FileNotFoundError:
        return None  # a descriptor closed under our eyes; ask again
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in own:
                return int(fields[1].rsplit(":", 1)[1], 16)
    return None


def threads(pid):
    """By thread id: its name, time on a CPU and queued for one, and voluntary context switches."""
    found = {}
    for tid in map(int, os.listdir(f"/proc/{pid}/task")):
        task = Path(f"/proc/{pid}/task/{tid}")
        try:
            status = (task / "status").read_text()
            cpu_ns, queued_ns, _ = map(int, (task / "schedstat").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended
        switches = int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.M)[1])
        name = (task / "comm").read_text().strip()
        found[tid] = {"name": name, "cpu_ns": cpu_ns, "queued_ns": queued_ns, "switches": switches}
    return found


def times(pid):
    """Nanoseconds of all threads on a CPU, kernel time included, and queued for one that was taken.

    The scheduler's own accounting; exact while the threads sleep.
    """
    all_threads = threads(pid).values()
    return tuple(sum(thread[key] for thread in all_threads) for key in ("cpu_ns", "queued_ns"))


def wait_until(is_reached, what, timeout_s=30):
    deadline = time.monotonic() + timeout_s
    while not is_reached():
        if time.monotonic() > deadline:
            raise BenchError(f"waited {timeout_s} s in vain until {what}")
        time.sleep(0.01)


def machine():
    """What a figure must carry: the machine, the date and the command."""
    names = re.findall(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }


def print_machine():
    facts = machine()
    print(f"{facts['command']}   ({facts['cpu']}, {facts['cores']} cores, "
          f"Linux {facts['kernel']}, {facts['date']})")


def spread(values, digits):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} [{low:.{digits}f}..{high:.{digits}f}]"


def save(path, result):
    if path:
        Path(path).write_text(json.dumps({"machine": machine(), **result}, indent=2) + "\n")


def connect(port, source=None):
    return socket.create_connection(
        ("127.0.0.1", port), timeout=30, source_address=(source, 0) if source else None
    )


def echo_once(connection, message):
    """Sends one line and waits for it to come back."""
    connection.sendall(message)
    received = b""
    while len(received) < len(message):
        part = connection.recv(len(message) - len(received))
        if not part:
            raise BenchError(f"the server closed after {len(received)} of {len(message)} bytes")
        received += part
    if received != message:
        raise BenchError(f"sent {message!r}, received {received!r}")

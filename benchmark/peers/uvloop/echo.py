"""An echo server on uvloop, with a protocol instead of streams. Several workers are several processes.

uvloop sends without delay, and reads up to 256 KiB."""

import argparse
import asyncio
import os
import resource
import signal
import socket
import sys

import uvloop

BACKLOG = 4096


class Echo(asyncio.Protocol):
    """Echoes. When the peer finishes, the transport sends the remaining bytes and closes."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


def listen(port, is_shared):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, is_shared)
    listener.bind(("127.0.0.1", port))
    listener.listen(BACKLOG)
    return listener


async def serve(listener, parent):
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, os._exit, 0)
    if parent is not None:
        # The parent's end of the pipe is closed when the parent ends, for whatever reason.
        loop.add_reader(parent, os._exit, 0)
    server = await loop.create_server(Echo, sock=listener, backlog=BACKLOG)
    await server.serve_forever()


def serve_in_children(listeners):
    """Runs a process per listener until one of them or this one ends. Then all of them end."""
    parent, ours = os.pipe()
    for listener in listeners:
        if os.fork() == 0:
            os.close(ours)
            for other in listeners:
                if other is not listener:
                    other.close()
            return uvloop.run(serve(listener, parent))
    for listener in listeners:
        listener.close()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    os.wait()
    sys.exit("error: a worker ended")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # All listeners exist before the first connection.
    listeners = [listen(args.port, args.workers > 1) for _ in range(args.workers)]
    if args.workers == 1:
        uvloop.run(serve(listeners[0], None))
    else:
        serve_in_children(listeners)


if __name__ == "__main__":
    main()

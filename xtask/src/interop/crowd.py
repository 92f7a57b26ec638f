"""Runs concurrent conversations, compares every byte, and prints the number of bytes.

Arguments: address, port, connections, lines per connection, bytes that the first one sends at once.
"""

import asyncio
import random
import sys

HOST = sys.argv[1]
PORT, CONNECTIONS, LINES, BULK = map(int, sys.argv[2:])
REST = b"a rest without newline \0"


def same(received, sent):
    if received != sent:
        sys.exit(f"received {len(received)} bytes, which differ from the {len(sent)} that were sent")


def line(index):
    length = 0 if index % 4 == 0 else random.randrange(300)
    return random.randbytes(length).replace(b"\n", b"\r") + b"\n"


async def exchange(reader, writer, sent):
    writer.write(sent)
    received, _ = await asyncio.gather(reader.readexactly(len(sent)), writer.drain())
    same(received, sent)
    return len(sent)


async def converse(stream, bulk):
    reader, writer = stream
    total = len(REST)
    for index in range(LINES):
        total += await exchange(reader, writer, line(index))
    total += await exchange(reader, writer, random.randbytes(bulk) + b"\n")
    writer.write(REST)
    writer.write_eof()
    same(await reader.read(), REST)
    writer.close()
    await writer.wait_closed()
    return total


async def main():
    opening = (asyncio.open_connection(HOST, PORT) for _ in range(CONNECTIONS))
    streams = await asyncio.gather(*opening)
    bulks = [BULK] + [0] * (CONNECTIONS - 1)
    print(sum(await asyncio.gather(*map(converse, streams, bulks))))


asyncio.run(main())

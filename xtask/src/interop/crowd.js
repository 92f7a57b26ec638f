// Runs concurrent conversations, compares every byte, and prints the number of bytes.
//
// Arguments: address, port, connections, lines per connection, bytes that the first one sends at once.

"use strict";

const { randomBytes, randomInt } = require("node:crypto");
const { once } = require("node:events");
const net = require("node:net");

const [HOST, ...numbers] = process.argv.slice(1);
const [PORT, CONNECTIONS, LINES, BULK] = numbers.map(Number);
const REST = Buffer.from("a rest without newline \0");

function line(index) {
  const bytes = randomBytes(index % 4 === 0 ? 0 : randomInt(300));
  const content = bytes.map((byte) => (byte === 10 ? 13 : byte));
  return Buffer.concat([content, Buffer.from("\n")]);
}

async function receive(chunks, sent) {
  for (let at = 0; at < sent.length; ) {
    const { value, done } = await chunks.next();
    if (done) throw new Error(`the stream ended after ${at} of ${sent.length} bytes`);
    if (!value.equals(sent.subarray(at, at + value.length))) {
      throw new Error(`a wrong byte among the ${value.length} bytes from byte ${at} on`);
    }
    at += value.length;
  }
  return sent.length;
}

async function open() {
  const socket = net.connect({ host: HOST, port: PORT, allowHalfOpen: true, noDelay: true });
  await once(socket, "connect");
  return socket;
}

async function converse(socket, bulk) {
  const chunks = socket[Symbol.asyncIterator]();
  let total = 0;
  for (let index = 0; index < LINES; index += 1) {
    const sent = line(index);
    socket.write(sent);
    total += await receive(chunks, sent);
  }
  const sent = Buffer.concat([randomBytes(bulk), Buffer.from("\n")]);
  socket.write(sent);
  total += await receive(chunks, sent);
  socket.end(REST);
  total += await receive(chunks, REST);
  if (!(await chunks.next()).done) throw new Error("received more than was sent");
  return total;
}

async function main() {
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, open));
  const bulk = (index) => (index === 0 ? BULK : 0);
  const totals = await Promise.all(sockets.map((socket, index) => converse(socket, bulk(index))));
  console.log(totals.reduce((sum, total) => sum + total));
}

main();

// An echo server on Node's net module. Several workers are several processes, and the first process hands
// connections to them in turn.
//
// Node itself raises the limit on open files.
"use strict";

const cluster = require("node:cluster");
const net = require("node:net");
const { parseArgs } = require("node:util");

const { values } = parseArgs({
  options: {
    port: { type: "string" },
    workers: { type: "string", default: "1" },
  },
});
const workers = Number(values.workers);

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));

function serve() {
  const server = net.createServer({ noDelay: true }, (socket) => {
    // `pipe` waits for a slow reader, and ends when the peer does.
    socket.pipe(socket);
    socket.on("error", () => socket.destroy());
  });
  server.on("error", (error) => {
    console.error(`error: ${error.message}`);
    process.exit(1);
  });
  server.listen({ host: "127.0.0.1", port: Number(values.port), backlog: 4096 });
}

// Starts all workers. They listen at the same time, so that the first one does not get all connections.
function start() {
  let missing = workers;
  const online = () => {
    missing -= 1;
    if (missing > 0) return;
    for (const worker of Object.values(cluster.workers)) worker.send("listen");
  };
  cluster.on("message", online);
  cluster.on("exit", (_worker, code) => process.exit(code || 1));
  for (let i = 0; i < workers; i++) cluster.fork();
}

if (cluster.isWorker) {
  process.once("message", serve);
  process.send("online");
} else if (workers > 1) {
  start();
} else {
  serve();
}

// A hub on the official Socket.IO server: tells on stdout what it hears, sends what it is told on stdin, a line each.
"use strict";

const { createServer } = require("node:http");
const readline = require("node:readline");
const { Server } = require("socket.io");

const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");

const http = createServer();
const io = new Server(http, { pingInterval: 300, pingTimeout: 8000 });
const plugins = io.of("/plugin");

plugins.on("connection", (socket) => {
  say({ what: "connection", transport: socket.conn.transport.name, protocol: socket.conn.protocol });
  socket.onAny((event, data) => say({ what: event, data }));
  socket.on("disconnect", (reason) => say({ what: "disconnect", reason }));
});

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const told = JSON.parse(line);
  if (told.job) plugins.emit("plugin", told.job);
  if (told.drop) plugins.disconnectSockets(told.drop === "transport");
}).on("close", () => process.exit(0));

http.listen(Number(process.argv[2] || 0), "127.0.0.1", () => say({ what: "listening", port: http.address().port }));

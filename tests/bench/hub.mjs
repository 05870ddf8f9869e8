// A hub on the official Socket.IO server that times its plugins. Commands come as JSON lines on stdin, each is answered
// with one line on stdout; the end of stdin ends it. Times are milliseconds from the event to its response.
import { createServer } from "node:http";
import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";

const [modules, assets] = process.argv.slice(2);
const { Server } = createRequire(join(modules, "package.json"))("socket.io");

// A file asked for with `?wait=300` comes so many milliseconds later, as from far away.
const http = createServer(async (request, response) => {
  if (request.url.startsWith("/socket.io/")) return;
  const wait = Number(new URL(request.url, "http://hub").searchParams.get("wait"));
  if (wait) await new Promise((resolve) => setTimeout(resolve, wait));
  const name = basename(request.url.split("?")[0]);
  const headers = { "Content-Type": "image/jpeg", ETag: `"${name}"` };
  if (request.headers["if-none-match"] === headers.ETag) {
    response.writeHead(304, headers).end();
    return;
  }
  const file = createReadStream(join(assets, name));
  file.on("open", () => {
    response.writeHead(200, headers);
    file.pipe(response);
  });
  file.on("error", () => response.writeHead(404).end());
});
const io = new Server(http, { maxHttpBufferSize: 1e8 });
const plugins = new Map();
const running = new Map();
const expected = new Map();
let sessions = 0;

io.of("/plugin").on("connection", (socket) => {
  socket.on("heartbeat", ({ id }) => {
    plugins.set(id, socket);
    expected.get(id)?.();
    expected.delete(id);
  });
  socket.on("disconnect", () => {
    for (const [id, known] of plugins) if (known === socket) plugins.delete(id);
  });
  socket.on("response", (response) => {
    const session = running.get(response.session);
    if (!session) return;
    running.delete(response.session);
    session(response);
  });
});

function job(plugin, asset) {
  const session = `s${++sessions}`;
  const event = {
    session,
    projectId: "project",
    orgId: "organisation",
    runBy: "person",
    apiKey: "key-of-the-person",
    dataURL: `http://127.0.0.1:${http.address().port}/${asset}`,
    assetId: `asset-${asset}`,
    taskId: `task-${sessions}`,
    categorySchema: null,
    configJSON: null,
    batches: [],
    workflow: false,
  };
  return new Promise((resolve) => {
    const began = performance.now();
    running.set(session, (response) => {
      const objects = response.response?.objects ?? response.response?.answer?.objects;
      resolve({ ms: performance.now() - began, error: response.error === true, objects: objects?.length ?? 0 });
    });
    plugins.get(plugin).emit("plugin", event);
  });
}

const operations = {
  // One job after the other, as people click: with a pause after each.
  async latency({ plugin, count, assets, pause }) {
    const jobs = [];
    for (let i = 0; i < count; i++) {
      jobs.push(await job(plugin, assets[i % assets.length]));
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    return { jobs };
  },
  // All jobs at once, dealt out to the plugins in turn.
  async burst({ plugins, count, assets }) {
    const began = performance.now();
    const all = Array.from({ length: count }, (_, i) => job(plugins[i % plugins.length], assets[i % assets.length]));
    const jobs = await Promise.all(all);
    return { jobs, wall: performance.now() - began };
  },
  // Jobs at an even pace, dealt out to the plugins in turn, whatever comes back.
  async stream({ plugins, rate, seconds, assets }) {
    const began = performance.now();
    const all = [];
    while (performance.now() - began < seconds * 1000) {
      const due = ((performance.now() - began) / 1000) * rate;
      while (all.length < due) all.push(job(plugins[all.length % plugins.length], assets[all.length % assets.length]));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const jobs = await Promise.all(all);
    return { jobs, wall: performance.now() - began };
  },
  async online({ plugin }) {
    if (!plugins.has(plugin)) await new Promise((resolve) => expected.set(plugin, resolve));
    return {};
  },
};

http.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: http.address().port })));
createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const command = JSON.parse(line);
    try {
      console.log(JSON.stringify(await operations[command.op](command)));
    } catch (error) {
      console.log(JSON.stringify({ failed: String(error) }));
    }
  })
  .on("close", () => process.exit(0));

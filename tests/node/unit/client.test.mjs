/** A client and its session, against a server that a test plays. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CaptionClient } from "../../../web_demo/client/client.js";
import { NOWHERE, ScriptedServer, settle } from "./scripted-socket.mjs";

const LIMIT = { timeout: 10_000 };

/**
 * @param {ScriptedServer} server
 * @param {any} [start]
 * @param {any} [options]
 */
function clientOf({ WebSocket }, start, options) {
  return new CaptionClient(NOWHERE, start, { WebSocket, ...options });
}

/** @param {any} socket on which a client looks for a session that is lost */
function forget(socket) {
  socket.open();
  socket.say({ type: "error", seq: 1, code: "unknown_session", message: "Who?", fatal: true });
  socket.end(4404);
}

test("an update of nothing changes nothing, nor for the next session", LIMIT, async () => {
  const server = new ScriptedServer();
  const client = clientOf(server, { language: "en", prompt: "before" });
  void client.connect();
  const first = await server.next();
  first.greet();
  const options = { language: undefined, partials: null, prompt: "after" };
  client.update(/** @type {any} */ (options));
  assert.deepEqual(first.sent.at(-1), { type: "update", prompt: "after" });
  client.send(new Int16Array(800));
  first.say({ type: "ack", received: 1600, safe: 1600 });
  first.end();
  forget(await server.next());
  const third = await server.next();
  third.open();
  const [start] = third.sent;
  assert.deepEqual([start.type, start.language, start.prompt], ["start", "en", "after"]);
  assert.ok(!("partials" in start));
  client.close();
});

test("who closes a client while it begins to connect opens no connection", LIMIT, async () => {
  const server = new ScriptedServer();
  const client = clientOf(server);
  client.addEventListener("state", ({ detail }) => {
    if (detail.state === "connecting") client.close();
  });
  await assert.rejects(client.connect(), { code: "closed" });
  await settle();
  assert.deepEqual([client.state, server.sockets.length], ["closed", 0]);
});

test("who closes a client while a token is fetched opens no connection", LIMIT, async () => {
  for (const later of [false, true]) {
    const server = new ScriptedServer();
    const client = clientOf(
      server,
      {},
      {
        access: () => {
          client.close();
          return later ? Promise.resolve("t") : "t";
        },
      },
    );
    await assert.rejects(client.connect(), { code: "closed" });
    await settle();
    assert.deepEqual([client.state, server.sockets.length], ["closed", 0]);
  }
});

test("who closes a client when it comes back does so for good", LIMIT, async () => {
  const server = new ScriptedServer();
  const client = clientOf(server);
  /** @type {string[]} */
  const states = [];
  client.addEventListener("state", ({ detail: { state } }) => {
    states.push(state);
    if (state === "reconnecting") client.close();
  });
  void client.connect();
  const first = await server.next();
  first.greet();
  first.end();
  await assert.rejects(client.stop(), { code: "closed" });
  await new Promise((resolve) => setTimeout(resolve, 300)); // longer than the first wait
  assert.deepEqual(states, ["connecting", "ready", "reconnecting", "closed"]);
  assert.equal(server.sockets.length, 1);
});

test("a first handshake that nobody answers ends", LIMIT, async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const server = new ScriptedServer();
  const client = clientOf(server);
  const connected = client.connect();
  const socket = await server.next();
  t.mock.timers.tick(14_000);
  await settle();
  assert.equal(client.state, "connecting");
  t.mock.timers.tick(2000);
  await assert.rejects(connected, { code: "unreachable", message: /^No answer from 127\.0\.0\.1:9\./ });
  assert.ok(socket.left);
});

test("a token that does not come ends the first attempt", LIMIT, async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const client = clientOf(new ScriptedServer(), {}, { access: () => new Promise(() => {}) });
  const connected = client.connect();
  await settle();
  t.mock.timers.tick(16_000);
  await assert.rejects(connected, { code: "no_token" });
});

test("what a program does with its options later is its own affair", LIMIT, async () => {
  const server = new ScriptedServer();
  const start = { language: "en" };
  const client = clientOf(server, start);
  start.language = "de";
  void client.connect();
  const socket = await server.next();
  socket.open();
  assert.equal(socket.sent[0].language, "en");
  client.close();
});

test("samples are copied from where they lie", LIMIT, async () => {
  const server = new ScriptedServer();
  const client = clientOf(server);
  void client.connect();
  const socket = await server.next();
  const samples = new Int16Array(new SharedArrayBuffer(8), 2, 2).fill(258);
  assert.ok(client.send(samples));
  samples.fill(0);
  socket.greet();
  assert.deepEqual(socket.sent.at(-1), Uint8Array.of(2, 1, 2, 1));
  assert.ok(socket.sent.at(-1).buffer instanceof ArrayBuffer);
  client.close();
});

test("samples of any length are sent in frames that the server takes", LIMIT, async () => {
  const server = new ScriptedServer();
  const client = clientOf(server);
  void client.connect();
  const socket = await server.next();
  socket.greet();
  client.send(new Int16Array(1 << 20)); // 2 MiB; a server takes 1 MiB
  const sizes = socket.sent.slice(1).map(({ byteLength }) => byteLength);
  assert.equal(socket.audioBytes, 1 << 21);
  assert.ok(Math.max(...sizes) <= 1 << 16);
  client.close();
});

for (const code of ["idle", "busy"]) {
  test(`without patience, “${code}” is told as the error that ends the session`, LIMIT, async () => {
    const server = new ScriptedServer();
    const client = clientOf(server, {}, { patienceMs: 0 });
    /** @type {string[]} */
    const errors = [];
    client.addEventListener("error", ({ detail }) => errors.push(detail.code));
    void client.connect();
    const socket = await server.next();
    socket.greet();
    socket.say({ type: "error", seq: 2, code, message: "No.", fatal: true });
    socket.end(1013);
    await assert.rejects(client.stop(), { code });
    assert.deepEqual(errors, [code]);
  });
}

/**
 * @param {number} seq
 * @param {"final" | "revised"} type
 * @param {number} utterance
 * @param {string} text
 * @param {number} start_ms
 */
function said(seq, type, utterance, text, start_ms) {
  return { seq, type, utterance, text, start_ms, end_ms: start_ms + 50, confidence: 0.9 };
}

test("a better text is asked for, told, and not told again by who comes back", LIMIT, async () => {
  const server = new ScriptedServer();
  const client = clientOf(server, { revisions: true });
  /** @type {any[]} */
  const heard = [];
  for (const type of ["final", "revised"]) {
    client.addEventListener(type, (event) => {
      const { utterance, text } = /** @type {CustomEvent} */ (event).detail;
      heard.push([type, utterance, text]);
    });
  }
  void client.connect();
  const first = await server.next();
  first.greet();
  assert.equal(first.sent[0].revisions, true);
  client.send(new Int16Array(1600)); // 100 ms
  first.say(said(2, "final", 1, "A kernel", 0));
  first.say(said(3, "final", 2, "agrees.", 50));
  first.say(said(4, "revised", 1, "A colonel", 0));
  first.end();
  const second = await server.next();
  second.goOn(3200);
  assert.equal(second.sent[0].last_seq, 4);
  second.say(said(5, "revised", 2, "", 50));
  assert.deepEqual(heard, [
    ["final", 1, "A kernel"],
    ["final", 2, "agrees."],
    ["revised", 1, "A colonel"],
    ["revised", 2, ""],
  ]);
  client.close();
});

test("a better text answers no audio, and its numbers go on in another session", LIMIT, async () => {
  const server = new ScriptedServer();
  const client = clientOf(server, { revisions: true });
  /** @type {any[]} */
  const revised = [];
  client.addEventListener("revised", ({ detail }) => revised.push(detail));
  void client.connect();
  const first = await server.next();
  first.greet();
  client.send(new Int16Array(1600));
  client.send(new Int16Array(1600));
  first.say(said(2, "final", 1, "A kernel", 50)); // answers the first 100 ms
  first.say(said(3, "revised", 1, "A colonel", 150)); // as no server would
  first.end();
  forget(await server.next());
  const third = await server.next();
  third.greet("t");
  assert.equal(third.sent[0].revisions, true);
  assert.equal(third.audioBytes, 3200);
  third.say(said(2, "final", 1, "agrees.", 0));
  third.say(said(3, "revised", 1, "a grease.", 0));
  assert.deepEqual(
    revised.map(({ utterance, start_ms, end_ms }) => [utterance, start_ms, end_ms]),
    [
      [1, 150, 200],
      [2, 100, 150],
    ],
  );
  client.close();
});

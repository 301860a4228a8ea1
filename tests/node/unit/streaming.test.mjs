/** A source of sound, joined to a client. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CaptionClient } from "../../../web_demo/client/client.js";
import { openSamples } from "../../../web_demo/client/samples-source.js";
import { ScriptedServer, NOWHERE, until } from "./scripted-socket.mjs";

const LIMIT = { timeout: 10_000 };

test("samples wait for a server that is away, and none is lost", LIMIT, async () => {
  const server = new ScriptedServer();
  const client = new CaptionClient(NOWHERE, {}, { keepMs: 1000, WebSocket: server.WebSocket });
  /** @type {object[]} */
  const gaps = [];
  client.addEventListener("gap", ({ detail }) => gaps.push(detail));
  const samples = Int16Array.from({ length: 30 * 16_000 }, (_, i) => (i % 30_000) + 1);
  const over = client.stream(openSamples(samples, 16_000, { pace: 100 }));
  const first = await server.next();
  first.greet();
  await until(() => first.audioBytes > 0);
  first.end();
  const received = first.audioBytes;
  const second = await server.next(); // after a hundred milliseconds, in which all is due
  second.goOn(received);
  await until(() => second.types.includes("stop"));
  assert.deepEqual(gaps, []);
  const sent = [...first.sent, ...second.sent].filter((data) => data instanceof Uint8Array);
  const heard = new Int16Array(new Uint8Array(sent.flatMap((data) => [...data])).buffer);
  assert.deepEqual(heard, samples);
  second.say({ type: "ended", seq: 2, audio_ms: 30_000 });
  await over;
});

test("samples wait for answers, too, where they come faster than those", LIMIT, async () => {
  const server = new ScriptedServer();
  const client = new CaptionClient(NOWHERE, {}, { keepMs: 1000, WebSocket: server.WebSocket });
  const over = client.stream(openSamples(new Int16Array(70 * 8000), 8000, { pace: 1000 }));
  const socket = await server.next();
  socket.greet();
  const minute = 60 * 16_000;
  await until(() => socket.audioBytes >= minute); // an utterance may need so much
  assert.ok(socket.audioBytes < minute + 2 * 1600);
  socket.say({ type: "ack", received: minute, safe: minute });
  await until(() => socket.types.includes("stop"));
  assert.equal(socket.audioBytes, 70 * 16_000);
  socket.say({ type: "ended", seq: 2, audio_ms: 70_000 });
  await over;
});

test("a source that cannot be stopped closes the session", LIMIT, async () => {
  const server = new ScriptedServer();
  const client = new CaptionClient(NOWHERE, {}, { WebSocket: server.WebSocket });
  const source = openSamples(new Int16Array(160), 16_000, { pace: 20 });
  source.stop = () => Promise.reject(new Error("It hangs."));
  const over = client.stream(source);
  const socket = await server.next();
  socket.greet();
  await assert.rejects(over, { message: "It hangs." });
  assert.equal(client.state, "closed");
  assert.ok(socket.left);
});

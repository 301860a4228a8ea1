/** A viewer of a channel, against a server that a test plays. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ChannelViewer } from "../../../web_demo/client/viewer.js";
import { NOWHERE, ScriptedServer, settle } from "./scripted-socket.mjs";

const LIMIT = { timeout: 10_000 };

for (const state of ["connecting", "reconnecting"]) {
  test(`who closes a viewer when it is ${state} does so for good`, LIMIT, async () => {
    const server = new ScriptedServer();
    const viewer = new ChannelViewer(NOWHERE, /** @type {any} */ ({ WebSocket: server.WebSocket }));
    /** @type {string[]} */
    const states = [];
    const closed = new Promise((resolve) => {
      viewer.addEventListener("state", ({ detail }) => {
        states.push(detail.state);
        if (detail.state === state) viewer.close();
        if (detail.state === "closed") resolve(undefined);
      });
    });
    const connected = viewer.connect();
    if (state === "reconnecting") (await server.next()).end();
    await closed;
    await assert.rejects(connected, { code: "closed" });
    await settle();
    await new Promise((resolve) => setTimeout(resolve, 300)); // longer than the first wait
    assert.equal(server.sockets.length, state === "connecting" ? 0 : 1);
    assert.deepEqual(states, [...new Set(["connecting", state, "closed"])]);
    assert.equal(viewer.state, "closed");
  });
}

test("who closes a viewer while a token is fetched opens no connection", LIMIT, async () => {
  const server = new ScriptedServer();
  const options = /** @type {any} */ ({
    WebSocket: server.WebSocket,
    access: () => {
      viewer.close();
      return "t";
    },
  });
  const viewer = new ChannelViewer(NOWHERE, options);
  await assert.rejects(viewer.connect(), { code: "closed" });
  await settle();
  assert.deepEqual(server.sockets, []);
});

/** @param {string} session */
function now(session) {
  return { type: "channel", channel: "c", state: "live", session, viewers: 1 };
}

/** @param {string} session */
function before(session) {
  return { ...now(session), state: "waiting" };
}

/**
 * @param {"final" | "revised"} type
 * @param {number} utterance
 * @param {string} text
 */
function said(type, utterance, text) {
  const times = { start_ms: 0, end_ms: 900 };
  const language = type === "final" ? { language: "en", language_probability: 1 } : {};
  return { type, seq: utterance, utterance, text, ...times, ...language, confidence: 0.5 };
}

/** A viewer of a server, what it passes on, and how its connections begin. */
function watching() {
  const server = new ScriptedServer();
  const viewer = new ChannelViewer(NOWHERE, /** @type {any} */ ({ WebSocket: server.WebSocket }));
  /** @type {any[]} */
  const heard = [];
  viewer.addEventListener("message", ({ detail }) => heard.push(detail));
  void viewer.connect();
  const opened = async (/** @type {object[]} */ ...messages) => {
    const socket = await server.next();
    socket.open();
    for (const message of messages) socket.say(message);
    return socket;
  };
  return { viewer, heard, opened };
}

test("a better text is passed on, once, where its final was", LIMIT, async () => {
  const { viewer, heard, opened } = watching();
  /** @type {string[]} */
  const events = [];
  viewer.addEventListener("revised", ({ detail }) => events.push(detail.text));
  const [final, revised] = [said("final", 1, "A kernel"), said("revised", 1, "A colonel")];
  const unheard = said("revised", 2, "agrees."); // of what came before this viewer did
  const socket = await opened(now("s1"), final, now("s1"), revised, unheard);
  socket.end();
  await opened(now("s1"), { ...final, text: "A colonel" }, now("s1"));
  assert.deepEqual(
    heard.filter(({ type }) => type !== "channel"),
    [final, revised],
  );
  assert.deepEqual(events, ["A colonel"]);
  viewer.close();
});

test("what was revised while a viewer was away comes as such", LIMIT, async () => {
  const { viewer, heard, opened } = watching();
  const finals = [said("final", 1, "A kernel"), said("final", 2, "agrees."), said("final", 3, "Yes.")];
  (await opened(now("s1"), ...finals)).end();
  await opened(
    now("s2"),
    before("s1"),
    { ...finals[0], text: "A colonel", words: [] },
    finals[1],
    { ...finals[2], text: "" },
    now("s2"),
  );
  assert.deepEqual(heard, [
    now("s1"),
    ...finals,
    now("s2"),
    before("s1"),
    { ...said("revised", 1, "A colonel"), words: [] },
    said("revised", 3, ""),
    now("s2"),
  ]);
  viewer.close();
});

/** Why a connection ended, and whether it makes sense to connect again. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { closePasses, explainEnd, refusalPasses } from "../../../web_demo/client/reasons.js";
import { ChannelViewer } from "../../../web_demo/client/viewer.js";
import { table } from "../../conformance/tables.mjs";
import { NOWHERE, ScriptedServer } from "./scripted-socket.mjs";

const LIMIT = { timeout: 10_000 };
const { signal } = new AbortController();

/** Answers with the status that its path names, in words of its own or in those of a proxy. */
const refusing = createServer(({ url }, response) => {
  const [, status, words] = /** @type {string} */ (url).split("/");
  if (words === "own") {
    response.writeHead(Number(status), { "content-type": "application/json" }).end('{"error": "No."}');
  } else {
    response.writeHead(Number(status), { "content-type": "text/html" });
    if (words === "endless") response.write("<h1>");
    else response.end("<h1>No.</h1>");
  }
});
refusing.listen(0, "127.0.0.1");
await once(refusing, "listening");
after(() => refusing.close());

/**
 * @param {number} status
 * @param {"own" | "other"} words
 */
function urlOf(status, words) {
  const { port } = /** @type {any} */ (refusing.address());
  return new URL(`ws://127.0.0.1:${port}/${status}/${words}`);
}

for (const { name, status, close, passes } of table("refusals")) {
  test(`table: ${name}`, LIMIT, async () => {
    if (close) {
      assert.equal(closePasses(close), passes);
      const end = { code: close, opened: true };
      assert.equal((await explainEnd(end, new URL(NOWHERE), "", signal)).passes, passes);
      return;
    }
    assert.equal(refusalPasses(status), passes);
    if (status === 426) return; // see below
    for (const words of /** @type {const} */ (["own", "other"])) {
      const end = { code: 1006, opened: false };
      const refusal = await explainEnd(end, urlOf(status, words), "", signal);
      assert.deepEqual([refusal.error.code, refusal.passes], ["refused", passes]);
    }
  });
}

test("a question that is told to ask for a WebSocket was refused none", LIMIT, async () => {
  const end = { code: 1006, opened: false };
  const { error, passes } = await explainEnd(end, urlOf(426, "other"), "", signal);
  assert.deepEqual([error.code, passes], ["refused", true]);
});

test("an answer that nobody reads is let go", { timeout: 4000 }, async () => {
  const left = once(refusing, "request").then(([, response]) => once(response, "close"));
  const end = { code: 1006, opened: false };
  await explainEnd(end, urlOf(200, "endless"), "", signal);
  await left;
});

for (const [what, status, state] of /** @type {const} */ ([
  ["that passes", 520, "reconnecting"],
  ["for good", 400, "closed"],
])) {
  test(`a viewer that gets a refusal ${what}`, LIMIT, async () => {
    const { told, viewer, server } = watching(urlOf(status, "own"));
    (await server.next()).end();
    assert.deepEqual(await told, [state, "refused"]);
    viewer.close();
  });
}

for (const [code, state] of /** @type {const} */ ([
  [1012, "reconnecting"],
  [1008, "closed"],
])) {
  test(`a viewer whose connection is closed with ${code}`, LIMIT, async () => {
    const { told, viewer, server } = watching(NOWHERE);
    const socket = await server.next();
    socket.open();
    socket.end(code);
    assert.deepEqual(await told, [state, `closed_${code}`]);
    viewer.close();
  });
}

/** @param {string | URL} url */
function watching(url) {
  const server = new ScriptedServer();
  const viewer = new ChannelViewer(url, /** @type {any} */ ({ WebSocket: server.WebSocket }));
  /** @type {Promise<[string, string]>} the first state with an error, and its code */
  const told = new Promise((resolve) => {
    viewer.addEventListener("state", ({ detail: { state, error } }) => {
      if (error) resolve([state, error.code]);
    });
  });
  void viewer.connect().catch(() => {});
  return { told, viewer, server };
}

/** What the preload scripts expose, and that both sides name the same channels. */

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { WEB } from "./common.mjs";

/**
 * Run a preload script with an Electron of our own.
 *
 * @param {string} name
 */
function preload(name) {
  const ipc = Object.assign(new EventEmitter(), { sent: /** @type {any[]} */ ([]) });
  const ipcRenderer = {
    on: ipc.on.bind(ipc),
    send: (/** @type {any[]} */ ...values) => void ipc.sent.push(values),
  };
  /** @type {Record<string, any>} */
  const world = {};
  const contextBridge = {
    exposeInMainWorld: (/** @type {string} */ key, /** @type {any} */ api) => (world[key] = api),
  };
  const code = readFileSync(join(WEB, "electron", "preload", name), "utf8");
  new Function("require", code)((/** @type {string} */ module) => {
    assert.equal(module, "electron"); // a sandboxed script gets no other
    return { contextBridge, ipcRenderer };
  });
  return { world, ipc };
}

/**
 * The stand-in that the pages are tested with.
 *
 * @param {string} page
 */
function standIn(page) {
  const window = /** @type {any} */ ({});
  const code = readFileSync(new URL("../hosts.js", import.meta.url), "utf8");
  new Function("window", "location", "BroadcastChannel", code)(
    window,
    { pathname: `/${page}` },
    class {
      postMessage() {}
    },
  );
  return window.host;
}

test("the preload scripts expose one object each, as the pages' tests have it", () => {
  for (const [script, page] of [
    ["control.cjs", "control.html"],
    ["subtitles.cjs", "subtitles.html"],
  ]) {
    const { world } = preload(script);
    assert.deepEqual(Object.keys(world), ["host"]);
    const shape = (/** @type {any} */ host) =>
      Object.entries(host)
        .map(([name, value]) => [name, typeof value])
        .sort();
    assert.deepEqual(shape(world.host), shape(standIn(page)));
  }
});

test("what a page asks goes to the channel that the main process listens to", () => {
  const { world, ipc } = preload("control.cjs");
  world.host.showCaption({ type: "clear" });
  world.host.setMovable(true);
  world.host.placeAt("top");
  world.host.quit();
  /** @type {any[]} */
  const states = [];
  world.host.onServer((/** @type {any[]} */ ...values) => states.push(values));
  assert.deepEqual(ipc.sent, [
    ["caption", { type: "clear" }],
    ["movable", true],
    ["place", "top"],
    ["quit"],
    ["control:ready"],
  ]);
  ipc.emit("server", { sender: "never handed on" }, { state: "ready" });
  assert.deepEqual(states, [[{ state: "ready" }]]);

  const other = preload("subtitles.cjs");
  other.world.host.setPointerOver(true);
  other.world.host.drag(1, 2, true);
  assert.deepEqual(other.ipc.sent, [
    ["pointer-over", true],
    ["drag", 1, 2, true],
  ]);
  /** @type {any[]} */
  const heard = [];
  other.world.host.onCaption((/** @type {any[]} */ ...values) => heard.push(values));
  other.world.host.onMovable((/** @type {any[]} */ ...values) => heard.push(values));
  other.ipc.emit("caption", {}, { type: "clear" });
  other.ipc.emit("movable", {}, true);
  assert.deepEqual(heard, [[{ type: "clear" }], [true]]);

  const main = readFileSync(join(WEB, "electron", "main.js"), "utf8");
  for (const [channel] of [...ipc.sent, ...other.ipc.sent]) {
    assert.match(main, new RegExp(`^ +"?${channel}"?: \\[`, "m"), String(channel));
  }
});

test("the windows have every protection that Electron has", () => {
  const main = readFileSync(join(WEB, "electron", "main.js"), "utf8");
  for (const option of ["contextIsolation: true", "sandbox: true", "nodeIntegration: false"]) {
    assert.ok(main.includes(option), option);
  }
  assert.doesNotMatch(main, /webSecurity|allowRunningInsecureContent|bypassCSP|@electron\/remote/);
});

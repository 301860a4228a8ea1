/** What pages may do. */

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import {
  admits,
  guardContents,
  guardSession,
  systemAudio,
} from "../../../web_demo/electron/main/guard.js";
import { isOwn } from "../../../web_demo/electron/main/own-pages.js";
import { OWN, STRANGERS } from "./common.mjs";

test("our pages are those of our scheme and host", () => {
  assert.ok(isOwn(OWN));
  assert.ok(isOwn("surtitle://app"));
  for (const url of STRANGERS) assert.equal(isOwn(url), false, url);
});

const own = { isMainFrame: true, requestingUrl: OWN };

test("a page of ours gets sound, and the way to the server", () => {
  assert.ok(admits("media", { ...own, mediaTypes: ["audio"] }));
  assert.ok(admits("media", { ...own, mediaType: "audio" })); // a check names one kind
  assert.ok(admits("display-capture", { ...own, mediaTypes: ["video", "audio"] }));
  assert.ok(admits("loopback-network", own));
});

test("it gets no camera, and nothing else", () => {
  for (const mediaTypes of [["video"], ["audio", "video"], []]) {
    assert.equal(admits("media", { ...own, mediaTypes }), false);
  }
  assert.equal(admits("media", { ...own, mediaType: "unknown" }), false);
  assert.equal(admits("media", own), false);
  for (const permission of [
    "geolocation",
    "notifications",
    "clipboard-read",
    "openExternal",
    "fileSystem",
    "hid",
    "unknown",
    "local-network",
  ]) {
    assert.equal(admits(permission, own), false, permission);
  }
});

test("another page gets nothing, nor does a frame", () => {
  for (const requestingUrl of STRANGERS) {
    assert.equal(admits("media", { isMainFrame: true, requestingUrl, mediaTypes: ["audio"] }), false);
  }
  assert.equal(admits("media", { ...own, isMainFrame: false, mediaTypes: ["audio"] }), false);
});

test("where a page asks for the display it gets the sound of the machine", () => {
  const frame = { url: OWN, parent: null };
  const asked = { frame, audioRequested: true };
  const given = systemAudio(asked);
  assert.deepEqual(given, { video: frame, audio: "loopback" });
  assert.equal(given?.video, frame); // Electron knows it by identity
  assert.equal(systemAudio({ frame, audioRequested: false }), null);
  assert.equal(systemAudio({ frame: null, audioRequested: true }), null);
  for (const url of ["https://app/", "surtitle://other/"]) {
    assert.equal(systemAudio({ ...asked, frame: { url, parent: null } }), null);
  }
  assert.equal(systemAudio({ ...asked, frame: { url: OWN, parent: frame } }), null);
});

test("the session is given these answers", () => {
  /** @type {Record<string, any>} */
  const set = {};
  const session = new Proxy(
    {},
    { get: (_, name) => (/** @type {any} */ f) => (set[String(name)] = f) },
  );
  guardSession(/** @type {any} */ (session));

  const decide = (/** @type {string} */ permission, /** @type {any} */ details) => {
    /** @type {boolean[]} */
    const decided = [];
    set.setPermissionRequestHandler(
      null,
      permission,
      (/** @type {boolean} */ yes) => decided.push(yes),
      details,
    );
    return decided;
  };
  assert.deepEqual(decide("media", { ...own, mediaTypes: ["audio"] }), [true]);
  assert.deepEqual(decide("media", { ...own, mediaTypes: ["video"] }), [false]);
  // A check that is not made for a document has its origin alone.
  const details = { isMainFrame: true, mediaType: "audio" };
  assert.equal(set.setPermissionCheckHandler(null, "media", "surtitle://app/", details), true);
  assert.equal(set.setPermissionCheckHandler(null, "media", "https://evil.example/", details), false);
  /** @type {any[]} */
  const granted = [];
  const frame = { url: OWN, parent: null };
  for (const audioRequested of [true, false]) {
    const grant = (/** @type {any} */ streams) => granted.push(streams);
    set.setDisplayMediaRequestHandler({ frame, audioRequested }, grant);
  }
  assert.deepEqual(granted, [{ video: frame, audio: "loopback" }, null]);
});

test("no page leads elsewhere", () => {
  const contents = new EventEmitter();
  /** @type {any} */
  let onOpen;
  Object.assign(contents, { setWindowOpenHandler: (/** @type {any} */ handler) => (onOpen = handler) });
  guardContents(/** @type {any} */ (contents));
  assert.deepEqual(onOpen({ url: OWN }), { action: "deny" });
  for (const event of [
    "will-navigate",
    "will-frame-navigate",
    "will-redirect",
    "will-attach-webview",
  ]) {
    let prevented = false;
    contents.emit(event, { preventDefault: () => (prevented = true) });
    assert.ok(prevented, event);
  }
});

/** What the scheme of the application serves. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { answer } from "../../../web_demo/electron/main/assets.js";
import { WEB } from "./common.mjs";

/** @param {string} path */
const get = (path, method = "GET") => answer(WEB, new Request(`surtitle://app${path}`, { method }));

test("pages and the modules they share are served, under a strict policy", async () => {
  for (const [path, type] of [
    ["/electron/renderer/control.html", "text/html; charset=utf-8"],
    ["/electron/renderer/subtitles.css", "text/css; charset=utf-8"],
    ["/client/client.js", "text/javascript; charset=utf-8"],
    ["/block-view.js", "text/javascript; charset=utf-8"],
  ]) {
    const page = await get(path);
    assert.equal(page.status, 200, path);
    assert.equal(page.headers.get("content-type"), type);
    const policy = page.headers.get("content-security-policy") ?? "";
    assert.match(policy, /^default-src 'none'; script-src 'self';/);
    assert.doesNotMatch(policy, /unsafe|\*(?!;)(?! http)|data:/);
  }
});

test("nothing else is", async () => {
  for (const path of [
    "/",
    "/electron/main.js",
    "/electron/package.json",
    "/electron/preload/control.cjs",
    "/electron/renderer/../main/guard.js",
    "/electron/renderer/%2e%2e/main.js",
    "/electron/renderer/..%2fmain.js",
    "/..%2f..%2fetc/passwd",
    "/../tests/electron/hosts.js",
    "/..%2ftests/electron/hosts.js",
    "/sample.flac",
    "/missing.js",
    "/%ff.js",
    "/a%00.js",
    "/client",
  ]) {
    assert.equal((await get(path)).status, 404, path);
  }
  assert.equal((await get("/electron/renderer/control.html", "POST")).status, 404);
});

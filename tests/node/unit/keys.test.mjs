/** What keys mean to somebody who writes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isForInputMethod, isListenKey, isMac } from "../../../web_demo/keys.js";

test("Macs are known by their platform", () => {
  const platforms = ["MacIntel", "iPad", "iPhone", "Win32", "Linux x86_64", "Linux armv81", ""];
  assert.deepEqual(platforms.map(isMac), [true, true, true, false, false, false, false]);
});

test("an Enter that takes a proposal of an input method does not save", () => {
  assert.ok(isForInputMethod({ isComposing: true, keyCode: 229 })); // Chromium, Firefox
  assert.ok(isForInputMethod({ isComposing: false, keyCode: 229 })); // Safari
  assert.ok(!isForInputMethod({ isComposing: false, keyCode: 13 }));
});

test("keys that write a letter are not taken", () => {
  const withKeys = (/** @type {string[]} */ ...keys) => ({
    code: "KeyN",
    altKey: keys.includes("alt"),
    ctrlKey: keys.includes("ctrl"),
  });
  assert.ok(isListenKey(withKeys("alt"), false));
  assert.ok(!isListenKey(withKeys("ctrl", "alt"), false)); // AltGr on Windows
  assert.ok(isListenKey(withKeys("ctrl", "alt"), true));
  assert.ok(!isListenKey(withKeys("alt"), true)); // the tilde of "ñ"
  assert.ok(!isListenKey(withKeys(), false));
  assert.ok(!isListenKey({ ...withKeys("alt"), code: "KeyM" }, false));
});

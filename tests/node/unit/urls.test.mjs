/** Addresses, and what a balancer tells clients apart by. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { toWebSocketUrl, withAffinity } from "../../../web_demo/client/urls.js";

const asked = (query, channel) =>
  withAffinity(new URL(`ws://host/v1/captions${query}`), channel).search;

test("a session names its channel", () => {
  assert.equal(asked("", "main-hall"), "?affinity=main-hall");
  assert.equal(asked("?a=1", "main-hall"), "?a=1&affinity=main-hall");
});

test("without one it names something random, another one each time", () => {
  for (const channel of [undefined, null, ""]) {
    assert.match(asked("", channel), /^\?affinity=\w{5,}$/);
    assert.notEqual(asked("", channel), asked("", channel));
  }
});

test("an address that has an affinity keeps it", () => {
  assert.equal(asked("?affinity=x", "main-hall"), "?affinity=x");
});

test("what was given is not changed", () => {
  const given = toWebSocketUrl("https://host/v1/captions");
  withAffinity(given, "main-hall");
  assert.equal(given.href, "wss://host/v1/captions");
});

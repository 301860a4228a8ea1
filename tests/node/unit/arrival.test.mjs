/** Where the past of a channel ends for who comes to it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Arrival } from "../../../web_demo/arrival.js";
import { channel, final, partial } from "./messages.mjs";

const [ONE, TWO] = [final(1, 0, 1000, "One."), final(2, 0, 1000, "Two.")];

test("with the session that is told a second time", () => {
  assert.deepEqual(over([channel("b"), ONE, channel("b"), TWO]), [false, false, true, true]);
});

test("with the first session, when it comes again after others", () => {
  const messages = [channel("b"), channel("a"), ONE, channel("b")];
  assert.deepEqual(over(messages), [false, false, false, true]);
});

test("with a partial: that is now", () => {
  assert.deepEqual(over([channel(""), channel("a"), partial(1, "On")]), [false, false, true]);
  assert.deepEqual(over([channel("a"), partial(1, "On"), ONE]), [false, true, true]);
});

/** @param {import("./messages.mjs").Message[]} messages */
function over(messages) {
  const arrival = new Arrival();
  return messages.map((message) => arrival.take(message));
}

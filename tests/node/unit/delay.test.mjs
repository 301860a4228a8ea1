/** The delay that the page shows. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Delay } from "../../../web_demo/delay.js";

test("it is from the end of what a caption covers to when it came", () => {
  assert.deepEqual(shown([["partial", 1000, 1800, 0]]), [800]);
});

test("only captions have one", () => {
  const notes = /** @type {Note[]} */ ([
    ["speech", 1000, 1800, 0],
    ["ack", 0, 1800, 0],
  ]);
  assert.deepEqual(shown(notes), [null, null]);
});

test("a final without new words says nothing: they were read before", () => {
  assert.deepEqual(
    shown([
      ["partial", 1000, 1800, 0],
      ["final", 1000, 3000, 9000],
    ]),
    [800, null],
  );
  assert.deepEqual(
    shown([
      ["partial", 1000, 1800, 0],
      ["final", 1200, 3000, 9000],
    ]),
    [800, 1800],
  );
});

test("it is calm: no change within two seconds, and one late caption is not the figure", () => {
  const notes = [100, 200, 300, 400].map((at) => {
    return /** @type {Note} */ (["partial", at, at + (at === 300 ? 5000 : 700), at * 10]);
  });
  assert.deepEqual(shown(notes), [700, null, 700, null]);
});

test("it is never below nothing: the clock of the sound runs in steps of 100 ms", () => {
  assert.deepEqual(shown([["partial", 1000, 900, 0]]), [0]);
});

/**
 * @typedef {[type: string, end_ms: number, sentMs: number, nowMs: number]} Note
 * @param {Note[]} notes
 */
function shown(notes) {
  const delay = new Delay();
  return notes.map(([type, end_ms, sentMs, nowMs]) => {
    return delay.note(/** @type {any} */ ({ type, end_ms }), sentMs, nowMs);
  });
}

/** The newest captions. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Recent } from "../../../web_demo/recent.js";
import { channel, final, partial, revised, STATUS } from "./messages.mjs";

const [ONE, TWO] = [said(1, "One."), partial(2, "Two")];
const VOID = partial(2, "Void");

test("a final takes the place of its partials", () => {
  assert.deepEqual(texts([partial(1, "On"), said(1, "One."), TWO]), ["One.", "Two"]);
});

test("what is no speech, or failed, goes", () => {
  assert.deepEqual(texts([partial(1, "On"), { type: "suppressed", utterance: 1 }]), []);
  assert.deepEqual(texts([partial(1, "On"), { type: "failed", utterance: 1 }]), []);
});

test("a line that is on screen stays as it is, whatever better text comes", () => {
  const recent = new Recent();
  for (const message of [ONE, TWO]) recent.apply(message);
  assert.equal(recent.apply(revised(1, "Won.")), false);
  assert.deepEqual(textsOf(recent), ["One.", "Two"]);
});

test("in another session what grew is void, and its numbers are others' now", () => {
  assert.deepEqual(texts([channel("a"), ONE, VOID, channel("b")]), ["One."]);
  assert.deepEqual(texts([channel("a"), ONE, channel("b"), said(1, "Two.")]), ["One.", "Two."]);
});

test("what grows stays while its session is told again, and goes when nobody speaks", () => {
  assert.deepEqual(texts([channel("a"), partial(1, "On"), channel("a")]), ["On"]);
  assert.deepEqual(texts([channel("a"), partial(1, "On"), channel("a", "waiting")]), []);
});

test("finals can be forgotten", () => {
  const recent = new Recent();
  for (const message of [ONE, TWO]) recent.apply(message);
  recent.forgetFinals();
  assert.deepEqual(textsOf(recent), ["Two"]);
});

test("there are twelve of them", () => {
  const finals = Array.from({ length: 99 }, (_, i) => said(i + 1, `${i + 1}.`));
  assert.deepEqual(
    texts(finals),
    Array.from({ length: 12 }, (_, i) => `${i + 88}.`),
  );
});

test("other messages say nothing", () => {
  assert.deepEqual(texts([STATUS]), []);
});

/**
 * @param {number} utterance
 * @param {string} text
 */
function said(utterance, text) {
  return final(utterance, 0, 1000, text);
}

/** @param {import("./messages.mjs").Message[]} messages */
function texts(messages) {
  const recent = new Recent();
  for (const message of messages) recent.apply(message);
  return textsOf(recent);
}

/** @param {Recent} recent */
function textsOf(recent) {
  return recent.captions.map(({ stable, unstable }) => stable + unstable);
}

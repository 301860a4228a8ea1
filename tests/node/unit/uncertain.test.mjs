/** A text is cut at its uncertain words. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { stretches } from "../../../web_demo/uncertain.js";

// The text, its words, and what it is cut into: a pair needs a mark.
/** @type {[string, [string, number][], (string | [string, number])[]][]} */
// biome-ignore format: a table
const CASES = [
  ["All is well.", [["All", 0.9], ["is", 0.9], ["well.", 0.9]], ["All is well."]],
  ["It may be.", [["It", 0.9], ["may", 0.2], ["be.", 0.9]], ["It ", ["may", 0.2], " be."]],
  ["may", [[" may", 0.49]], [["may", 0.49]]],
  ["the the", [["the", 0.9], ["the", 0.1]], ["the ", ["the", 0.1]]],
  ["你好世界", [["你好", 0.9], ["世界", 0.3]], ["你好", ["世界", 0.3]]],
  // Words whose text is not there (a correction, another spelling) leave the text as it is.
  ["Twenty euros.", [["20", 0.1], ["euros.", 0.9]], ["Twenty euros."]],
  ["No words.", [], ["No words."]],
  ["Odd.", [["", 0.1], [" ", 0.1]], ["Odd."]],
  ["", [], []],
];

for (const [text, words, expected] of CASES) {
  test(`“${text}” with ${words.length} words`, () => {
    const timed = words.map(([text, confidence]) => ({ text, startMs: 0, endMs: 1, confidence }));
    const found = stretches(text, timed);
    assert.deepEqual(
      found,
      expected.map((part) => {
        const [text, confidence] = typeof part === "string" ? [part, null] : part;
        return { text, confidence };
      }),
    );
    assert.equal(found.map((stretch) => stretch.text).join(""), text);
  });
}

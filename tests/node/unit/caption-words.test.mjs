/** The words that are shown of a caption. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { growingWords, shownUnstable, wordsOf } from "../../../web_demo/caption-words.js";

test("marks that end a sentence are seen once they are stable", () => {
  for (const [unstable, shown] of [
    [" and vote.", " and vote"],
    [" vote. And", " vote. And"],
    [" political...", " political"],
    [" 行きました。", " 行きました"],
    [" كيف حالك؟", " كيف حالك"],
    [".", ""],
    [" one,", " one,"],
  ]) {
    assert.equal(shownUnstable(unstable), shown);
  }
  assert.equal(read("Vote.", ""), "Vote.");
  assert.equal(read("Vote", "."), "Vote");
});

test("words know what is settled, and characters where there are no spaces", () => {
  assert.equal(read("Good", " even"), "Good [even]");
  assert.equal(read("", "Good"), "[Good]");
  assert.equal(read("inter", "national"), "[international]");
  assert.equal(read("字幕", "です"), "字幕[で][す]");
});

test("a final has its uncertain words", () => {
  const words = [
    { text: "Captions", startMs: 0, endMs: 1, confidence: 0.9 },
    { text: "on", startMs: 1, endMs: 2, confidence: 0.2 },
  ];
  const entry = /** @type {const} */ ({ kind: "final", stable: "", unstable: "", words });
  const found = wordsOf({ ...entry, text: " Captions  on demand." });
  assert.deepEqual(
    found.map(({ text, confidence }) => [text, confidence]),
    [
      ["Captions", null],
      ["on", 0.2],
      ["demand.", null],
    ],
  );
});

/**
 * @param {string} stable
 * @param {string} unstable
 */
function read(stable, unstable) {
  return growingWords(stable, unstable)
    .map(({ text, spaced, settled }) => (spaced ? " " : "") + (settled ? text : `[${text}]`))
    .join("");
}

/** Captions in blocks. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Block } from "../../../web_demo/block.js";
import { Transcript } from "../../../web_demo/transcript.js";
import { final, partial, suppressed } from "./messages.mjs";

test("a block fills without a word that moves, and is then replaced", () => {
  const text =
    "After months of spirited debate and vigorous campaigning, the time has come for Americans " +
    "to make important decisions about our nation's future, and to go to the polls and vote.";
  const spoken = text.split(" ");
  const grown = spoken.map((_, n) => partial(1, spoken.slice(0, n + 1).join(" ")));
  const shown = shownAfterEach([...grown, final(1, 0, 9000, text)]);
  const full = [];
  for (const [at, after] of shown.slice(1).entries()) {
    const before = shown[at];
    assert.ok(after.length === 1 || after.length === 2);
    for (const line of after) assert.ok(line.length <= 42, line);
    if (!after.join("\n").startsWith(before.join("\n"))) full.push(before);
  }
  assert.deepEqual(
    [...full, shown.at(-1)],
    [
      ["After months of spirited debate and", "vigorous campaigning, the time has come"],
      ["the time has come for Americans to make", "important decisions about our nation's"],
      ["to make important decisions about our", "nation's future, and to go to the polls"],
      ["and to go to the polls and vote."],
    ],
  );
});

test("a block goes on with the next utterance, and anew after silence", () => {
  const shown = shownAfterEach([
    final(1, 0, 1000, "One."),
    { type: "speech", utterance: 2, start_ms: 1500 },
    { ...partial(2, "", "Two"), start_ms: 1500, end_ms: 2000 },
    final(2, 1500, 2500, "Two."),
    { type: "speech", utterance: 3, start_ms: 9000 },
    final(3, 9000, 9900, "Three."),
    suppressed(4),
  ]);
  const [one, two] = [["One. Two."], ["Three."]];
  assert.deepEqual(shown, [["One."], ["One."], ["One. [Two]"], one, one, two, two]);
});

/**
 * The lines after each message; what is not settled is in brackets.
 *
 * @param {import("./messages.mjs").Message[]} messages
 */
function shownAfterEach(messages) {
  const transcript = new Transcript();
  const block = new Block();
  return messages.map((message) => {
    transcript.apply(message);
    return block
      .lines(transcript.entries)
      .map((line) => line.map(({ text, settled }) => (settled ? text : `[${text}]`)).join(""));
  });
}

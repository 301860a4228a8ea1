/** Captions in blocks. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Block } from "../../../web_demo/block.js";
import { Transcript } from "../../../web_demo/transcript.js";
import { final, partial, suppressed } from "./messages.mjs";

test("what was left behind does not come again, and nothing is left out", () => {
  const { block, transcript, hear } = started();
  hear(partial(1, "After months of", " spirited debate"));
  block.leave(block.words(transcript.entries)[3]);
  assert.equal(shown(block, transcript), "[spirited] [debate]");
  hear(partial(1, "After months of spirited", " debates and"));
  assert.equal(shown(block, transcript), "spirited [debates] [and]");
  hear(final(1, 0, 2000, "After months of spirited debate."), final(2, 2100, 3000, "And."));
  assert.equal(shown(block, transcript), "spirited debate. And.");
});

test("a correction of what has gone moves nothing into what is seen, or out of it", () => {
  for (const [text, seen] of [
    ["Months of spirited debate.", "spirited debate."],
    ["After many long months of spirited debate.", "spirited debate."],
    ["After the months, of spirited debate.", "spirited debate."],
    ["After months spirited debate.", "spirited debate."],
    ["After months have inspired debate.", "inspired debate."],
  ]) {
    const { block, transcript, hear } = started();
    hear(partial(1, "After months of spirited debate"));
    block.leave(block.words(transcript.entries)[3]);
    hear(final(1, 0, 2000, text));
    assert.equal(shown(block, transcript), seen);
  }
});

test("a block goes on with the next utterance, and anew after silence", () => {
  const { block, transcript, hear } = started();
  hear(final(1, 0, 1000, "One."), { ...partial(2, "", "Two"), start_ms: 1500, end_ms: 2000 });
  assert.equal(shown(block, transcript), "One. [Two]");
  hear(final(2, 1500, 2500, "Two."), { type: "speech", utterance: 3, start_ms: 9000 });
  assert.equal(shown(block, transcript), "One. Two.");
  hear(final(3, 9000, 9900, "Three."), suppressed(4));
  assert.equal(shown(block, transcript), "One. Two. | Three.");
  block.leave(block.words(transcript.entries)[2]);
  assert.equal(shown(block, transcript), "Three.");
});

test("a block is read one way", () => {
  const { block, transcript, hear } = started();
  hear(final(1, 0, 1000, "One."), final(2, 1100, 2000, "أهلا بكم."), final(3, 2100, 3000, "5."));
  hear(final(4, 3100, 4000, "نعم."), final(5, 4100, 5000, "Two."), final(6, 9000, 9900, "Three."));
  assert.equal(shown(block, transcript), "One. | أهلا بكم. 5. نعم. | Two. | Three.");
  const begins = block.words(transcript.entries).map(({ apart }) => apart);
  assert.deepEqual(begins, ["", "direction", "", "", "", "direction", "silence"]);
  block.leave(block.words(transcript.entries)[4]);
  assert.equal(shown(block, transcript), "نعم. | Two. | Three.");
});

function started() {
  const transcript = new Transcript();
  const hear = (/** @type {import("./messages.mjs").Message[]} */ ...messages) => {
    for (const message of messages) transcript.apply(message);
  };
  return { block: new Block(), transcript, hear };
}

/**
 * What is to be seen; what is not settled is in brackets, and before a new block stands a line.
 *
 * @param {Block} block
 * @param {Transcript} transcript
 */
function shown(block, transcript) {
  return block
    .words(transcript.entries)
    .map(({ text, spaced, settled, apart }) => {
      const word = settled ? text : `[${text}]`;
      return (apart ? " |" : "") + (spaced ? ` ${word}` : word);
    })
    .join("")
    .trim();
}

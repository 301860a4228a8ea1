/** Messages that wait for a loop. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageQueue } from "../../../web_demo/client/message-queue.js";
import { table } from "../../conformance/tables.mjs";

for (const { name, put, left } of table("inbox")) {
  test(`table: ${name}`, async () => {
    /** @type {MessageQueue<any>} */
    const queue = new MessageQueue();
    for (const [place, [type, utterance]] of put.entries()) queue.push({ type, utterance, place });
    queue.end();
    const heard = [];
    for await (const { place } of queue.messages()) heard.push(place);
    assert.deepEqual(heard, left);
  });
}

test("a loop that falls behind misses partials alone", async () => {
  const queue = new MessageQueue();
  const push = (/** @type {string[]} */ ...words) => {
    for (const word of words) {
      const [type, utterance, text] = word.split(" ");
      queue.push(/** @type {any} */ ({ type, utterance: Number(utterance), text }));
    }
  };
  push("partial 1 a", "partial 1 b", "ack", "ack", "partial 2 c", "partial 3 d");
  push("final 1 e", "final 2 f", "partial 3 g", "final 3 h");
  const texts = [];
  for await (const { type, text } of /** @type {AsyncIterable<any>} */ (queue.messages())) {
    texts.push(text ?? type);
    if (text === "h") {
      push("partial 4 i", "partial 4 j");
      queue.end();
      push("final 4 k"); // too late
      queue.end(new Error("too late"));
    }
  }
  assert.deepEqual(texts, ["b", "ack", "c", "e", "f", "g", "h", "j"]);
});

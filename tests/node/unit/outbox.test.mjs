/** What the client keeps to send again. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Outbox } from "../../../web_demo/client/outbox.js";
import { table } from "../../conformance/tables.mjs";

for (const { name, max_bytes, most_bytes, steps } of table("outbox")) {
  test(`table: ${name}`, () => {
    const outbox = new Outbox(max_bytes ?? Infinity);
    for (const [what, value, expected] of steps) {
      if (what === "audio") outbox.addAudio(new Uint8Array(value));
      else if (what === "forget") assert.deepEqual(words(outbox.forgetBefore(value)), expected);
      else if (what === "number_at") assert.equal(outbox.numberAt(value), expected);
      else if (what === "kept") assert.deepEqual(kept(outbox), value);
      else if (what === "go_back") outbox.goBack(value);
      else if (what === "take") assert.deepEqual(told(outbox.take(most_bytes)), value);
      else if (what === "gap") assert.deepEqual(outbox.takeGap(), value);
      else outbox.addCommand({ type: what });
    }
  });
}

test("all is sent again from a byte in the middle of a frame", () => {
  const outbox = new Outbox(Infinity);
  hear(outbox, "abcd");
  outbox.addCommand({ type: "flush" });
  hear(outbox, "efgh");
  outbox.addCommand({ type: "stop" });
  assert.deepEqual(from(outbox, 0), ["abcdefgh", [4, "flush"], [8, "stop"]]);
  assert.deepEqual(from(outbox, 2), ["cdefgh", [4, "flush"], [8, "stop"]]);
  assert.deepEqual(from(outbox, 6), ["gh", [8, "stop"]]);
});

test("a command right at the byte may not have come", () => {
  const outbox = new Outbox(Infinity);
  hear(outbox, "abcd");
  outbox.addCommand({ type: "flush" });
  assert.deepEqual(from(outbox, 4), ["", [4, "flush"]]);
  assert.deepEqual(outbox.forgetBefore(4), []);
  assert.deepEqual(from(outbox, 4), ["", [4, "flush"]]);
});

test("commands before a safe byte are told once", () => {
  const outbox = new Outbox(Infinity);
  hear(outbox, "ab");
  outbox.addCommand({ type: "update", language: "de" });
  hear(outbox, "cdef");
  assert.deepEqual(outbox.forgetBefore(1), []);
  assert.deepEqual(outbox.forgetBefore(3), [{ type: "update", language: "de" }]);
  assert.deepEqual(outbox.forgetBefore(3), []);
  assert.deepEqual(kept(outbox), [3, 3, 6]);
  assert.deepEqual(from(outbox, 3), ["def"]);
});

test("too much drops the oldest audio but no command", () => {
  const outbox = new Outbox(6);
  hear(outbox, "abc");
  outbox.addCommand({ type: "update", language: "de" });
  hear(outbox, "def");
  assert.deepEqual(kept(outbox), [0, 0, 6]);
  hear(outbox, "ghi");
  assert.deepEqual(kept(outbox), [0, 3, 9]);
  hear(outbox, "jkl");
  assert.deepEqual(kept(outbox), [0, 6, 12]);
  assert.deepEqual(from(outbox, 0), ["ghijkl", [3, "de"]]);
  assert.deepEqual(words(outbox.forgetBefore(6)), ["de"]);
  assert.deepEqual(from(outbox, 6), ["ghijkl"]);
});

test("of a recording the rest of a part is taken", async () => {
  const outbox = new Outbox(Infinity);
  outbox.addAudio(new Blob(["abcdef"]));
  outbox.goBack(4);
  const piece = /** @type {any} */ (outbox.take(99));
  assert.equal(await piece.data.text(), "ef");
  assert.deepEqual([outbox.sent, outbox.unsent, outbox.take(99)], [6, 0, null]);
});

test("of a recording a part is taken in pieces", async () => {
  const outbox = new Outbox(Infinity);
  outbox.addAudio(new Blob(["abcde"]));
  const texts = [outbox.take(2), outbox.take(2), outbox.take(2)].map((piece) =>
    /** @type {any} */ (piece).data.text(),
  );
  assert.deepEqual(await Promise.all(texts), ["ab", "cd", "e"]);
  assert.equal(outbox.take(2), null);
});

test("one frame is kept whatever its size", () => {
  const outbox = new Outbox(6);
  hear(outbox, "abc");
  hear(outbox, "d".repeat(20));
  assert.deepEqual(kept(outbox), [0, 3, 23]);
  assert.deepEqual(from(outbox, 3), ["d".repeat(20)]);
});

test("no more is forgotten than there is", () => {
  const outbox = new Outbox(Infinity);
  hear(outbox, "abc");
  assert.deepEqual(outbox.forgetBefore(9), []);
  assert.deepEqual(kept(outbox), [3, 3, 3]);
  assert.deepEqual(outbox.forgetBefore(1), []);
  assert.deepEqual(kept(outbox), [3, 3, 3]);
});

/**
 * @param {Outbox} outbox
 * @param {string} text each letter a byte
 */
function hear(outbox, text) {
  outbox.addAudio(new TextEncoder().encode(text));
}

/** @param {any[]} commands */
function words(commands) {
  return commands.map((command) => command.language ?? command.type);
}

/**
 * What is sent, as the table has it.
 *
 * @param {any} piece
 */
function told(piece) {
  if (piece === null) return null;
  if ("data" in piece) return ["audio", piece.data.length];
  return "silence" in piece ? ["silence", piece.silence] : [piece.command.type];
}

/** @param {Outbox} outbox */
function kept({ safe, start, end }) {
  return [safe, start, end];
}

/**
 * What a server that has all before a byte is sent: audio, and commands with their places.
 *
 * @param {Outbox} outbox
 * @param {number} byte
 */
function from(outbox, byte) {
  let audio = "";
  const commands = [];
  let item = /** @type {any} */ (outbox.next(outbox.numberAt(byte)));
  for (; item; item = outbox.next(item.number + 1)) {
    if (item.command) commands.push([item.start, ...words([item.command])]);
    else audio += new TextDecoder().decode(item.data.slice(Math.max(byte - item.start, 0)));
  }
  return [audio, ...commands];
}

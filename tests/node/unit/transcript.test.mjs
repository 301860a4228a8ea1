/** Transcripts, and the files that are made of them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { kept, toSrt, toText, toVtt, Transcript } from "../../../web_demo/transcript.js";
import { channel, failed, final, partial, revised, STATUS, suppressed } from "./messages.mjs";

/** @typedef {import("./messages.mjs").Message} Message */

test("text has one line an utterance", () => {
  const entries = entriesOf([
    { type: "speech", utterance: 1, start_ms: 0 },
    final(1, 0, 1000, " One. "),
    suppressed(2),
    STATUS,
    final(3, 2000, 3000, "Three."),
  ]);
  assert.equal(toText(entries), "One.\nThree.\n");
});

test("what is still open is not written", () => {
  assert.equal(toText(entriesOf([final(1, 0, 1, "One."), partial(2, "Two", " is")])), "One.\n");
});

test("gaps are marked", () => {
  const messages = [failed(1, 0, 900), partial(2, "Half a", " sentence"), failed(2, 0, 900)];
  assert.equal(
    toText(entriesOf(messages)),
    "[caption missing]\nHalf a sentence [caption incomplete]\n",
  );
});

test("a broken session leaves its open caption incomplete", () => {
  const entries = entriesOf([partial(1, "Half a", " sentence")], [final(1, 0, 500, "Again.")]);
  assert.equal(toText(entries), "Half a sentence [caption incomplete]\nAgain.\n");
});

test("what follows a session whose length nobody knows begins after its last caption", () => {
  const transcript = new Transcript();
  transcript.apply(final(1, 2000, 4000, "One."));
  transcript.endSession(0, "lost");
  transcript.apply(final(1, 500, 1000, "Two."));
  assert.deepEqual(
    transcript.entries.map(({ startMs, endMs }) => [startMs, endMs]),
    [
      [2000, 4000],
      [4500, 5000],
    ],
  );
});

test("what was lost has a line of its own where it was", () => {
  const before = [final(1, 0, 900, "Before.")];
  const gaps = [
    { start_ms: 2000, end_ms: 4000 },
    { start_ms: 4000, end_ms: 6040 }, // one after the other: one gap
  ];
  const after = [final(2, 1900, 2500, "Up to it."), final(3, 9000, 9900, "After.")];
  const entries = goneOn(before, gaps, after);
  assert.equal(
    toText(entries),
    "Before.\nUp to it.\n[4 s lost while the connection was down]\nAfter.\n",
  );
  assert.equal(
    toSrt(entries),
    "1\n00:00:00,000 --> 00:00:01,000\nBefore.\n\n" +
      "2\n00:00:01,900 --> 00:00:06,040\nUp to it.\n[4 s lost while the connection was down]\n\n" +
      "3\n00:00:09,000 --> 00:00:10,000\nAfter.\n\n",
  );
});

test("what another session says anew does not come twice", () => {
  const before = [final(1, 0, 900, "One."), partial(2, "Half a", " sent"), partial(3, "", "An")];
  const after = [final(2, 1000, 1900, "A sentence.")];
  assert.equal(toText(goneOn(before, [], after)), "One.\nA sentence.\n");
});

test("SRT and WebVTT of a second session go on after the first", () => {
  const entries = entriesOf(
    [final(1, 40, 1240, "R&D, <quickly>.")],
    [final(1, 3_600_005, 3_601_100, "Later.")],
  );
  assert.equal(
    toSrt(entries),
    "1\n00:00:00,040 --> 00:00:01,240\nR&D, <quickly>.\n\n" +
      "2\n01:00:10,005 --> 01:00:11,100\nLater.\n\n",
  );
  assert.equal(
    toVtt(entries),
    "WEBVTT\n\n" +
      "00:00:00.040 --> 00:00:01.240\nR&amp;D, &lt;quickly&gt;.\n\n" +
      "01:00:10.005 --> 01:00:11.100\nLater.\n\n",
  );
});

test("cues have the times of their words", () => {
  const words = [
    { text: "Late.", start_ms: 300, end_ms: 700, confidence: 1 },
    { text: "Later.", start_ms: 2500, end_ms: 4000, confidence: 1 },
  ];
  assert.equal(
    toSrt(entriesOf([], [{ ...final(1, 0, 4300, "Late. Later."), words }])),
    "1\n00:00:10,300 --> 00:00:11,300\nLate.\n\n2\n00:00:12,500 --> 00:00:14,000\nLater.\n\n",
  );
});

test("an empty transcript makes valid files", () => {
  assert.equal(toText([]), "");
  assert.equal(toSrt([]), "");
  assert.equal(toVtt([]), "WEBVTT\n\n");
});

// -- better texts ------------------------------------------------------------------------------

test("files have the better text, in the time of its final", () => {
  const entries = entriesOf([
    final(1, 0, 1000, "A kernel"),
    final(2, 1200, 2400, "agrees."),
    revised(1, " A colonel "),
  ]);
  assert.equal(toText(entries), "A colonel\nagrees.\n");
  assert.equal(toSrt(entries), "1\n00:00:00,000 --> 00:00:02,400\nA colonel agrees.\n\n");
  assert.match(toVtt(entries), /^A colonel agrees\.$/m);
});

test("both texts are there, and the language and times of the final", () => {
  const [entry] = entriesOf([final(1, 40, 1000, "A kernel"), revised(1, "A colonel")]);
  assert.deepEqual([entry.text, entry.revised?.text], ["A kernel", "A colonel"]);
  const { text, language, startMs, endMs, kind } = kept(entry);
  assert.deepEqual([text, language, startMs, endMs, kind], ["A colonel", "en", 40, 1000, "final"]);
});

test("what has no better text is kept as it is", () => {
  const [entry] = entriesOf([final(1, 0, 1000, "One.")]);
  assert.equal(kept(entry), entry);
});

test("what was all part of its neighbours' words is in no file", () => {
  const transcript = new Transcript();
  for (const message of [final(1, 0, 900, "Colonel"), final(2, 950, 1400, "L.")]) {
    transcript.apply(message);
  }
  transcript.apply(revised(2, ""));
  assert.equal(toText(transcript.entries), "Colonel\n");
  assert.doesNotMatch(toSrt(transcript.entries), /L\./);
  assert.ok(!transcript.isEmpty);
  transcript.apply(revised(1, " "));
  assert.ok(transcript.isEmpty);
});

test("the words of a better text have times of the transcript", () => {
  const words = [
    { text: "Later.", start_ms: 2500, end_ms: 4000, confidence: 1 },
    { text: "Still.", start_ms: 6500, end_ms: 7000, confidence: 1 },
  ];
  const messages = [final(1, 0, 8000, "Late her."), { ...revised(1, "Later. Still."), words }];
  assert.equal(
    toSrt(entriesOf([], messages)),
    "1\n00:00:12,500 --> 00:00:14,000\nLater.\n\n2\n00:00:16,500 --> 00:00:17,500\nStill.\n\n",
  );
});

test("only a final has a better text", () => {
  const transcript = new Transcript();
  for (const message of [partial(1, "Half a"), suppressed(2), failed(3, 0, 900)]) {
    transcript.apply(message);
  }
  const before = structuredClone(transcript.entries);
  for (const utterance of [1, 2, 3, 4]) {
    assert.equal(transcript.apply(revised(utterance, "A colonel")), null);
  }
  assert.deepEqual(transcript.entries, before);
});

// -- the sessions of a channel -----------------------------------------------------------------

test("sessions of a channel follow one another", () => {
  const told = ofChannel([
    channel("a"),
    final(1, 0, 1000, "One."),
    partial(2, "Void"),
    channel("b"),
    final(1, 0, 1000, "Two."),
    partial(2, "Grows"),
    channel("b"), // the number of viewers has changed
    channel("a"), // the history, told again
    final(1, 0, 1000, "One."),
    channel("b"),
    final(2, 1000, 2000, "Two and a half."),
  ]);
  assert.deepEqual(
    told.filter(([kind]) => kind !== "suppressed"),
    [
      ["final", 0, "One."],
      ["final", 1000, "Two."],
      ["final", 2000, "Two and a half."],
    ],
  );
});

test("the history of a channel comes before what is said now", () => {
  const told = ofChannel([
    channel("b"), // how it is
    channel("a"),
    final(1, 0, 1000, "One."),
    channel("b"),
    final(1, 500, 1500, "Two."),
    channel("b"),
    final(2, 2000, 3000, "Three."),
  ]);
  assert.deepEqual(told, [
    ["final", 0, "One."],
    ["final", 1500, "Two."],
    ["final", 3000, "Three."],
  ]);
});

test("a better text belongs to the session that was entered", () => {
  const told = ofChannel([
    channel("a"),
    final(1, 0, 1000, "One."),
    channel("b"),
    final(1, 0, 1000, "Two."),
    channel("a"), // revised while the viewer was away
    revised(1, "Won."),
    channel("b"),
    revised(1, "To."),
  ]);
  assert.deepEqual(told, [
    ["final", 0, "Won."],
    ["final", 1000, "To."],
  ]);
});

/**
 * The entries of sessions, of which every one but the last takes 10 s.
 *
 * @param {Message[][]} sessions
 */
function entriesOf(...sessions) {
  const transcript = new Transcript();
  sessions.forEach((messages, index) => {
    if (index) transcript.endSession(10_000, "lost");
    for (const message of messages) transcript.apply(message);
  });
  return transcript.entries;
}

/**
 * @param {Message[]} before
 * @param {{start_ms: number, end_ms: number}[]} gaps
 * @param {Message[]} after of another session
 */
function goneOn(before, gaps, after) {
  const transcript = new Transcript();
  for (const message of before) transcript.apply(message);
  for (const gap of gaps) transcript.lose(gap);
  transcript.withdrawOpen();
  for (const message of after) transcript.apply(message);
  transcript.endSession(10_000, "lost");
  return transcript.entries;
}

/** @param {Message[]} messages */
function ofChannel(messages) {
  const transcript = new Transcript();
  for (const message of messages) {
    if (message.type === "channel") transcript.enterSession(message.session);
    else transcript.apply(message);
  }
  return transcript.entries
    .map(kept)
    .map(({ kind, startMs, text, stable }) => [kind, startMs, text || stable]);
}

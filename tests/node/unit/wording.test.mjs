/** Texts in a language, with their values; and what is understood of English sentences. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Wording } from "../../../web_demo/wording.js";

const ENGLISH = {
  only: "Only in English",
  viewers: { one: "{count} viewer", other: "{count} viewers" },
  delay: "{tenths} s",
  saved: "Saved at {when}",
  label: "Captioning “{label}”",
  "problem.full": "The server is full.",
  "problem.again": "{sentence} Try again in {count} s.",
  "problem.host": "No answer from {host}. Is it (still) running?",
};
const GERMAN = {
  viewers: { one: "{count} Person", other: "{count} Personen" },
  delay: "{tenths} s",
  saved: "Gesichert: {when}",
  label: "„{label}“",
  "problem.full": "Der Server ist voll.",
  "problem.again": "{sentence} In {count} s noch einmal.",
  "problem.host": "Keine Antwort von {host}.",
};
const ARABIC = {
  viewers: {
    zero: "0",
    one: "1",
    two: "2",
    few: "{count} few",
    many: "{count} many",
    other: "{count}",
  },
  label: "«{label}»",
};

const german = new Wording("de", GERMAN, ENGLISH);
const arabic = new Wording("ar", ARABIC, ENGLISH);

test("a text has its values, in the numbers and dates of the language", () => {
  assert.equal(german.say("viewers", { count: 1 }), "1 Person");
  assert.equal(german.say("viewers", { count: 12_345 }), "12.345 Personen");
  assert.equal(german.say("delay", { tenths: 2 }), "2,0 s");
  const when = new Date(2026, 2, 1, 14, 5).getTime();
  assert.equal(german.say("saved", { when }), "Gesichert: 01.03.2026, 14:05");
});

test("what a language lacks is said in English, and what nobody knows by its key", () => {
  assert.equal(german.say("only"), "Only in English");
  assert.equal(german.say("nothing"), "nothing");
});

test("plural forms are those of the language", () => {
  const said = [0, 1, 2, 3, 11, 100].map((count) => arabic.say("viewers", { count }));
  assert.deepEqual(said, ["0", "1", "2", "3 few", "11 many", "100"]);
});

test("names do not turn the words around them where those are read from the right", () => {
  assert.equal(arabic.say("label", { label: "talk (1).mp4" }), "«\u2068talk (1).mp4\u2069»");
  assert.equal(german.say("label", { label: "talk.mp4" }), "„talk.mp4“");
});

test("sentences of others are understood, also one in another", () => {
  assert.deepEqual(german.understand("The server is full."), { key: "problem.full" });
  for (const [sentence, said] of [
    ["The server is full.", "Der Server ist voll."],
    ["The server is full. Try again in 5 s.", "Der Server ist voll. In 5 s noch einmal."],
    ["Nobody knows this. Try again in 5 s.", "Nobody knows this. In 5 s noch einmal."],
    ["No answer from a.example:1. Is it (still) running?", "Keine Antwort von a.example:1."],
  ]) {
    const { key, values } = german.understand(sentence) ?? {};
    assert.equal(german.say(key ?? "", values), said);
  }
  for (const unknown of [
    "",
    "The server is full",
    "Only in English",
    "It is full. Try again in a moment.",
  ]) {
    assert.equal(german.understand(unknown), null, unknown);
  }
});

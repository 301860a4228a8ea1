/** Names and terms, as people write them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_LETTERS, MAX_NAMES, namesIn } from "../../../web_demo/names.js";

test("names stand in lines or between commas, once each", () => {
  for (const [text, names] of [
    ["", []],
    [" \n , ;\n", []],
    ["Surtitle\nPadgett  Brown\r\n", ["Surtitle", "Padgett Brown"]],
    ["Ada Lovelace, 東京; Ada Lovelace", ["Ada Lovelace", "東京"]],
  ]) {
    assert.deepEqual(namesIn(text), { names, problems: [] });
  }
});

test("what the server does not take is left out and said", () => {
  const many = Array.from({ length: MAX_NAMES + 1 }, (_, number) => `Name ${number}`).join("\n");
  const found = namesIn(`${"x".repeat(MAX_LETTERS + 1)}\n${many}`);
  assert.equal(found.names.length, MAX_NAMES);
  assert.equal(found.names[0], "Name 0");
  assert.deepEqual(found.problems, [
    { key: "names.long", values: { most: 100 } },
    { key: "names.many", values: { most: 100 } },
  ]);
  assert.deepEqual(namesIn("𝒜".repeat(MAX_LETTERS)).problems, []);
});

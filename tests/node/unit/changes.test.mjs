/** Where two lists of words differ. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { changes, placeAfter } from "../../../web_demo/changes.js";

for (const [name, before, after, expected] of /** @type {const} */ ([
  ["nothing", "a b c", "a b c", []],
  ["what comes at the end", "a b", "a b c d", [[2, 0, 2, 2]]],
  ["what goes at the end", "a b c", "a", [[1, 2, 1, 0]]],
  ["a word in place of another", "a b c", "a x c", [[1, 1, 1, 1]]],
  ["a word more", "a c", "a b c", [[1, 0, 1, 1]]],
  [
    "two places",
    "a b c d e",
    "x b c y z e",
    [
      [0, 1, 0, 1],
      [3, 1, 3, 2],
    ],
  ],
  ["everything", "a b", "x y", [[0, 2, 0, 2]]],
  ["the same word twice", "the", "the big the", [[1, 0, 1, 2]]],
])) {
  test(`it finds ${name}`, () => {
    const found = changes(before.split(" "), after.split(" "));
    assert.deepEqual(
      found.map(({ at, removed, to, added }) => [at, removed, to, added]),
      expected,
    );
  });
}

test("what it finds makes the new list of the old one, whatever they are", () => {
  let seed = 1;
  const chance = (/** @type {number} */ below) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const list = () => Array.from({ length: chance(12) }, () => "abcd"[chance(4)]);
  for (let round = 0; round < 2000; round++) {
    const [before, after] = [list(), list()];
    const made = [...before];
    for (const { at, removed, to, added } of changes(before, after).toReversed()) {
      made.splice(at, removed, ...after.slice(to, to + added));
    }
    assert.deepEqual(made, after);
  }
});

test("a place between words is found again", () => {
  const found = changes([..."abcdef"], [..."xabdef"]);
  assert.deepEqual(
    [0, 1, 2, 3, 4, 6].map((place) => placeAfter(place, found)),
    [0, 2, 3, 3, 4, 6],
  );
  assert.equal(placeAfter(3, changes([..."abc"], [..."abcde"])), 3);
});

/** The style sheets hold in both directions of writing, and scripts obey the policy of the pages. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const PAGES = new URL("../../../web_demo/", import.meta.url);
const SHEETS = readdirSync(PAGES).filter((name) => name.endsWith(".css"));
const OF_ONE_SIDE =
  /(?:^|[\s;{])(?:(?:margin|padding|border|inset|scroll-margin|scroll-padding)-(?:left|right)[\w-]*|left|right|float|clear)\s*:|border-(?:top|bottom)-(?:left|right)-radius|text-align:\s*(?:left|right)/;

for (const name of SHEETS) {
  test(`${name} knows beginnings and ends, not left and right`, () => {
    for (const line of readFileSync(new URL(name, PAGES), "utf-8").split("\n")) {
      assert.doesNotMatch(line, OF_ONE_SIDE);
      const sides = /^\s*(?:margin|padding|inset|border-width):\s*(.+);/.exec(line)?.[1];
      const [, right, , left] = sides ? partsOf(sides) : [];
      assert.equal(left ?? right, right, line);
    }
  });
}

test("no script sets a style as text, which the policy of the pages refuses", () => {
  for (const name of readdirSync(PAGES).filter((name) => name.endsWith(".js"))) {
    const script = readFileSync(new URL(name, PAGES), "utf-8");
    assert.doesNotMatch(script, /setAttribute\(\s*"style"/, name);
  }
});

/** @param {string} value whose parts stand between spaces, those in brackets apart */
function partsOf(value) {
  return value
    .replaceAll(/\([^()]*(?:\([^()]*\)[^()]*)*\)/g, "()")
    .replace(/\/\*.*\*\//, "")
    .trim()
    .split(/\s+/);
}

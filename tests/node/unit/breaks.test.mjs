/** The page breaks texts where the server does. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { breakCost, textUnits, textWidth } from "../../../web_demo/breaks.js";
import { table } from "../../conformance/tables.mjs";

const { widths, units, cost, breaks } = table("breaks");

for (const [text, width] of widths) {
  test(`the width of “${text}”`, () => assert.equal(textWidth(text), width));
}

for (const [text, whole] of units) {
  test(`what stays whole of “${text}”`, () => assert.deepEqual(textUnits(text), whole));
}

for (const [before, after, language, kind] of breaks) {
  test(`a break in “${before}${after}” (${language})`, () => {
    assert.equal(breakCost(before, after, language), cost[kind]);
  });
}

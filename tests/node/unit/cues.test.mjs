/** The page lays out cues as the server does. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { LAYOUT, layOut } from "../../../web_demo/cues.js";
import { table } from "../../conformance/tables.mjs";

for (const { name, layout, finals, cues } of table("layout")) {
  test(`table: ${name}`, () => {
    const made = layOut(finals.map(inCamelCase), { ...LAYOUT, ...inCamelCase(layout) });
    assert.deepEqual(
      made.map(({ startMs, endMs, lines }) => ({ start_ms: startMs, end_ms: endMs, lines })),
      cues,
    );
  });
}

/**
 * @param {Record<string, any>} object
 * @returns {any}
 */
function inCamelCase(object) {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [
      name.replace(/_(.)/g, (_, letter) => letter.toUpperCase()),
      Array.isArray(value) ? value.map(inCamelCase) : value,
    ]),
  );
}

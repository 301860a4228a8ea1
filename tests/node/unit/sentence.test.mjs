/** Full stops mean to the page what they mean to the server. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { mayEndSentence } from "../../../web_demo/sentence.js";
import { table } from "../../conformance/tables.mjs";

for (const { name, stops } of table("full_stops")) {
  test(`table: ${name}`, () => {
    for (const [word, after, language, mayEnd] of stops) {
      assert.equal(mayEndSentence(word, after, language), mayEnd, `${word} ${after} (${language})`);
    }
  });
}

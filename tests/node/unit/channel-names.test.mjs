/** Names that the page proposes for channels. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { NAME_PATTERN, proposeName } from "../../../web_demo/channel-names.js";

test("proposed names are names, and differ", () => {
  const names = Array.from({ length: 200 }, proposeName);
  for (const name of names) assert.match(name, NAME_PATTERN);
  assert.ok(new Set(names).size >= 199); // of ten thousand million
});

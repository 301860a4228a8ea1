/** Times as people write them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { clock } from "../../../web_demo/clock.js";

test("minutes and seconds, with hours where there are some", () => {
  assert.equal(clock(0), "0:00");
  assert.equal(clock(59_499), "0:59");
  assert.equal(clock(61_000), "1:01");
  assert.equal(clock(3_599_600), "1:00:00");
  assert.equal(clock(36_061_000), "10:01:01");
});

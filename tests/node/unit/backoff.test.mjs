/** How long it takes until the next try. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../../../web_demo/client/backoff.js";

test("waits grow to a limit, differ, and begin anew", () => {
  const backoffs = [new Backoff(10_000), new Backoff(10_000)];
  const [first, second] = backoffs.map((one) => Array.from({ length: 12 }, () => one.next()));
  assert.notDeepEqual(first, second);
  first.forEach((wait, number) => {
    const longest = Math.min(200 * 2 ** number, 10_000);
    assert.ok(longest / 2 <= wait && wait <= longest, `${number}: ${wait}`);
  });
  backoffs[0].reset();
  assert.ok(backoffs[0].next() <= 200);
});

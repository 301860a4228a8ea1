/** Channels mixed to one, as the server mixes them (`test_downmix.py` has more, with the server's own answers). */

import assert from "node:assert/strict";
import { test } from "node:test";
import { mixDown } from "../../../web_demo/client/downmix.js";
import { table } from "../../conformance/tables.mjs";

for (const { name, channels, sample_rate, frames, expected } of table("downmix")) {
  test(`table: ${name}`, () => {
    const apart = Array.from({ length: channels }, (_, channel) =>
      Float32Array.from(frames, (/** @type {number[]} */ frame) => frame[channel]),
    );
    const mono = mixDown(apart, sample_rate);
    assert.equal(mono.length, expected.length);
    mono.forEach((sample, i) => {
      assert.ok(Math.abs(sample - expected[i]) <= 1e-6, `sample ${i}: ${sample}, not ${expected[i]}`);
    });
  });
}

test("one channel stays as it is", () => {
  assert.deepEqual([...mixDown([Float32Array.of(0.5, -0.25)], 16_000)], [0.5, -0.25]);
});

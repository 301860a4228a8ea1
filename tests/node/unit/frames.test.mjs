/** Sound cut into frames. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { PcmFramer } from "../../../web_demo/client/capture-worklet.js";

/** @typedef {import("../../../web_demo/client/capture-worklet.js").Frame} Frame */

for (const chunk of [1, 128, 800, 5000]) {
  test(`frames are of 100 ms when the sound comes by ${chunk} samples`, () => {
    /** @type {Frame[]} */
    const frames = [];
    const framer = new PcmFramer(8000, (frame) => frames.push(frame));
    const samples = Float32Array.from({ length: 1900 }, (_, i) => (i % 2 ? -0.5 : 0.5));
    for (let at = 0; at < samples.length; at += chunk) framer.push(samples.subarray(at, at + chunk));
    framer.flush();
    framer.flush();
    assert.deepEqual(
      frames.map(({ samples, rms, peak }) => [samples.length, samples[0], rms, peak]),
      [
        [800, 16384, 0.5, 0.5],
        [800, 16384, 0.5, 0.5],
        [300, 16384, 0.5, 0.5],
      ],
    );
  });
}

test("samples out of range are clipped", () => {
  /** @type {Frame[]} */
  const frames = [];
  const framer = new PcmFramer(8000, (frame) => frames.push(frame));
  framer.push(Float32Array.of(0, 1, -1, 1.5, -7));
  framer.flush();
  assert.deepEqual([...frames[0].samples], [0, 32767, -32767, 32767, -32767]);
});

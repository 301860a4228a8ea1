/** Samples that are sent as if they were spoken now. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { openSamples } from "../../../web_demo/client/samples-source.js";

for (const channels of [1, 2]) {
  for (const odd of [NaN, Infinity, -Infinity]) {
    test(`a frame of ${channels} with samples that are ${odd} has a level`, async () => {
      const samples = new Float32Array(1600 * channels).fill(0.5).fill(odd, 40, 42);
      const heard = await framesOf(openSamples(samples, 16_000, { channels, pace: 20 }));
      assert.equal(heard.length, 1);
      const [{ samples: sent, rms, peak }] = heard;
      assert.equal(Math.min(...sent), 0);
      assert.ok(Math.abs(rms / 0.5 - 1) < 0.01, `${rms}`);
      assert.equal(peak, 0.5);
    });
  }
}

test("samples of several channels", async () => {
  const samples = Int16Array.from({ length: 6000 }, (_, i) => (i % 3 === 2 ? voice(i) : 0));
  const source = openSamples(samples, 8000, { channels: 3, pace: 20 });
  const heard = (await framesOf(source)).flatMap((frame) => [...frame.samples]);
  assert.equal(source.durationMs, 250);
  assert.deepEqual(
    heard,
    Array.from({ length: 2000 }, (_, i) => voice(3 * i + 2)),
  );
});

for (const channels of [0, 1.5, 4]) {
  test(`6002 samples that do not fit ${channels} channels are a problem`, () => {
    assert.throws(() => openSamples(new Int16Array(6002), 8000, { channels }), { code: "bad_samples" });
  });
}

for (const rate of [0, 48, 7999, 96_001, NaN, Infinity]) {
  test(`samples at ${rate} Hz are a problem`, () => {
    assert.throws(() => openSamples(new Int16Array(6000), rate), { code: "bad_samples" });
  });
}

/** @param {number} i */
function voice(i) {
  return 8 * ((7 * i) % 900);
}

/** @param {import("../../../web_demo/client/sources.js").Source} source */
async function framesOf(source) {
  /** @type {import("../../../web_demo/client/sources.js").Frame[]} */
  const heard = [];
  source.start((frame) => heard.push(frame));
  await source.ended;
  return heard;
}

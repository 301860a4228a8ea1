/** The capture processor in a scope like an AudioWorklet's: channels, inputs that come and go. */

import assert from "node:assert/strict";
import { test } from "node:test";

const RATE = 48_000;

/** @type {any} */
let Processor;
Object.assign(globalThis, {
  sampleRate: RATE,
  AudioWorkletProcessor: class {
    /** @type {{frames: any[], postMessage(frame: any): void, onmessage?: () => void}} */
    port = { frames: [], postMessage: (frame) => this.port.frames.push(frame) };
  },
  registerProcessor: (/** @type {string} */ _, /** @type {any} */ made) => (Processor = made),
});
await import("../../../web_demo/client/downmix.js");
await import("../../../web_demo/client/capture-worklet.js");

test("frames of 100 ms, and the rest when it is finished", () => {
  const heard = run(80, (_, at) => [[tone(0.5, at)]]);
  assert.deepEqual(heard.sizes, [4800, 4800, 80 * 128 - 9600]);
  assertLoud(heard.rms.slice(0, 2), [0.5, 0.5]);
  assert.equal(heard.done, true);
  assert.equal(heard.goesOn, false);
});

test("nothing connected is silence", () => {
  const heard = run(75, () => [[], []]);
  assert.deepEqual(heard.sizes, [4800, 4800]);
  assert.deepEqual(heard.rms, [0, 0]);
});

// biome-ignore format: a table
const VOICES = [[2, 1], [3, 2], [6, 3], [8, 3], [12, 11], [16, 9], [24, 20], [32, 31]];
for (const [channels, number] of VOICES) {
  test(`a voice on channel ${number} of ${channels}`, () => {
    const { rms } = run(75, (_, at) => [
      Array.from({ length: channels }, (_, channel) =>
        channel === number ? tone(0.5, at) : new Float32Array(128),
      ),
    ]);
    assertLoud(rms, [0.5, 0.5]);
  });
}

for (const gain of [-1, -0.9, -0.8]) {
  test(`channels that cancel each other out by ${gain}`, () => {
    const { rms } = run(75, (_, at) => [[tone(0.5, at), tone(0.5 * gain, at)]]);
    assertLoud([rms[1]], [0.5]);
  });
}

test("inputs are each mixed alone and added", () => {
  // An inverted pair beside a plain track, which is half as loud.
  const { rms } = run(75, (_, at) => [[tone(0.4, at), tone(-0.4, at)], [], [tone(0.2, at)], []]);
  assertLoud([rms[1]], [0.6]);
});

test("inputs that come, go and change their channels", () => {
  const heard = run(150, (number, at) => {
    if (number < 40) return [[tone(0.5, at)], []];
    if (number < 76) return [[], []];
    if (number < 113) return [[tone(0.5, at), tone(0.5, at)], []];
    return [[], [tone(0.25, at)]];
  });
  assert.deepEqual(heard.sizes, [4800, 4800, 4800, 4800]);
  assertNear(heard.rms, [0.354, 0.09, 0.354, 0.177], 0.1);
});

for (const channels of [1, 2, 6]) {
  for (const odd of [NaN, Infinity, -Infinity]) {
    test(`an input of ${channels} that is ${odd} hides no other, and is heard once it is well`, () => {
      const { rms } = run(150, (number, at) => [
        Array.from({ length: channels }, () =>
          number < 75 ? new Float32Array(128).fill(odd) : tone(0.5, at),
        ),
        [tone(0.25, at)],
      ]);
      assertLoud(rms, [0.25, 0.25, 0.75, 0.75]);
    });
  }
}

/**
 * Hand the processor so many quanta.
 *
 * @param {number} quanta
 * @param {(number: number, at: number) => Float32Array[][]} inputs what is connected at one, as channels
 */
function run(quanta, inputs) {
  const processor = new Processor();
  for (let number = 0; number < quanta; number++) processor.process(inputs(number, 128 * number));
  processor.port.onmessage();
  const { frames } = processor.port;
  return {
    done: frames.pop() === null,
    sizes: frames.map((/** @type {any} */ { samples }) => samples.length),
    rms: frames.map((/** @type {any} */ { rms }) => rms),
    goesOn: processor.process([[]]),
  };
}

/**
 * @param {number} gain
 * @param {number} from sample
 */
function tone(gain, from) {
  return Float32Array.from({ length: 128 }, (_, i) => gain * Math.sin((from + i) / 10));
}

/**
 * @param {number[]} rms
 * @param {number[]} gains of tones
 */
function assertLoud(rms, gains) {
  assertNear(
    rms,
    gains.map((gain) => gain / Math.SQRT2),
    0.02,
  );
}

/**
 * @param {number[]} values
 * @param {number[]} expected
 * @param {number} share by which they may differ
 */
function assertNear(values, expected, share) {
  assert.equal(values.length, expected.length);
  values.forEach((value, i) => {
    assert.ok(Math.abs(value - expected[i]) <= share * expected[i], `${values}, not ${expected}`);
  });
}

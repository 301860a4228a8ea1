/** Sessions one after the other, seen as one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesBefore, Timeline } from "../../../web_demo/client/timeline.js";
import { table } from "../../conformance/tables.mjs";

const BYTES_PER_SECOND = 32_000;

for (const { name, steps } of table("timeline")) {
  test(`table: ${name}`, () => {
    const timeline = new Timeline();
    for (const step of steps) {
      if ("go_on" in step) {
        timeline.goOn(step.go_on, step.bytes_per_second);
      } else if ("start_over" in step) {
        timeline.startOver();
      } else if ("place" in step) {
        assert.deepEqual(timeline.place(step.place), step.gives);
      } else {
        const { bytes_before_ms, bytes_per_second, frame_bytes, gives } = step;
        assert.equal(bytesBefore(bytes_before_ms, bytes_per_second, frame_bytes), gives);
      }
    }
  });
}

test("the first session is as it is", () => {
  const status = { type: "status", state: "normal", message: "" };
  const messages = [final(1, 100, 900), status, ended(2000, 800, 0, 0, 1)];
  assert.deepEqual(placed(new Timeline(), messages), messages);
});

test("times and numbers go on in the next session", () => {
  const timeline = new Timeline();
  placed(timeline, [
    final(1, 100, 900),
    answer("suppressed", 2, 1500, 1900),
    speech(3, 2500), // is not answered any more
  ]);
  timeline.goOn(64_000, BYTES_PER_SECOND);
  const second = [
    speech(1, 500),
    answer("partial", 1, 500, 800),
    final(1, 500, 1200),
    answer("failed", 2, 1300, 1400),
    { type: "ack", received: 9, safe: 3 },
    ended(1500, 700, 0, 100, 2),
  ];
  assert.deepEqual(placed(timeline, second), [
    speech(3, 2500),
    answer("partial", 3, 2500, 2800),
    final(3, 2500, 3200),
    answer("failed", 4, 3300, 3400),
    { type: "ack", received: 64_009, safe: 64_003 },
    ended(3500, 1500, 400, 100, 4),
  ]);
});

test("and in the one after that", () => {
  const timeline = new Timeline();
  timeline.place(final(1, 0, 1000));
  timeline.goOn(32_000, BYTES_PER_SECOND);
  timeline.place(final(1, 0, 1000));
  timeline.goOn(96_000, BYTES_PER_SECOND);
  assert.deepEqual(placed(timeline, [final(1, 0, 500), ended(1000, 500, 0, 0, 1)]), [
    final(3, 3000, 3500),
    ended(4000, 2500, 0, 0, 3),
  ]);
});

test("a container that begins again does not say twice what was answered", () => {
  const timeline = new Timeline();
  const first = [
    final(1, 100, 900),
    answer("suppressed", 2, 1500, 1900),
    speech(3, 2500), // is not answered any more
  ];
  assert.deepEqual(placed(timeline, first), first);
  timeline.startOver();
  const repeated = [
    speech(1, 100),
    answer("partial", 1, 100, 800),
    final(1, 100, 900),
    answer("suppressed", 2, 1500, 1900),
  ];
  assert.deepEqual(placed(timeline, repeated), [null, null, null, null]);
  const anew = [{ type: "ack", received: 9, safe: 0 }, final(3, 2500, 3000)];
  assert.deepEqual(placed(timeline, anew), anew);
  timeline.startOver();
  assert.equal(timeline.place(answer("failed", 3, 2500, 3000)), null);
  const last = [final(4, 3500, 4000), ended(5000, 1800, 400, 0, 4)];
  assert.deepEqual(placed(timeline, last), last);
});

/**
 * @param {Timeline} timeline
 * @param {any[]} messages
 */
function placed(timeline, messages) {
  return messages.map((message) => timeline.place(message));
}

/**
 * @param {number} utterance
 * @param {number} start_ms
 * @returns {any}
 */
function speech(utterance, start_ms) {
  return { type: "speech", utterance, start_ms };
}

/**
 * @param {string} type
 * @param {number} utterance
 * @param {number} start_ms
 * @param {number} end_ms
 * @returns {any}
 */
function answer(type, utterance, start_ms, end_ms) {
  return { type, utterance, start_ms, end_ms };
}

/**
 * @param {number} utterance
 * @param {number} start_ms
 * @param {number} end_ms
 */
function final(utterance, start_ms, end_ms) {
  const words = [{ text: "so", confidence: 1, start_ms, end_ms }];
  return { ...answer("final", utterance, start_ms, end_ms), text: "so", words };
}

/**
 * @param {number} audio_ms
 * @param {number} captioned_ms
 * @param {number} suppressed_ms
 * @param {number} failed_ms
 * @param {number} utterances
 */
function ended(audio_ms, captioned_ms, suppressed_ms, failed_ms, utterances) {
  const silence_ms = audio_ms - captioned_ms - suppressed_ms - failed_ms;
  return { type: "ended", audio_ms, captioned_ms, silence_ms, suppressed_ms, failed_ms, utterances };
}

/**
 * Samples that are there already, sent as if they were spoken now. Needs nothing of a browser.
 *
 * @typedef {import("./sources.js").Frame} Frame
 * @typedef {import("./sources.js").Source} Source
 */

import { MAX_SAMPLE_RATE } from "./capture.js";
import { FRAME_MS, PcmFramer } from "./capture-worklet.js";
import { Deferred } from "./deferred.js";
import { mixDown } from "./downmix.js";
import { pause } from "./pause.js";
import { Problem } from "./problems.js";

/** Hz, of the protocol. */
const MIN_SAMPLE_RATE = 8000;
/** Full scale of 16-bit samples; the framer multiplies with the same. */
const INT16_SCALE = 32_767;

/** @implements {Source} */
export class SamplesSource {
  #frames;
  #sent = 0;
  /** How many times faster than life. */
  #pace;
  /** @type {Deferred<void>} */
  #ended = new Deferred();
  #stopped = new AbortController();

  /**
   * @param {Float32Array} samples mono, -1 to 1
   * @param {number} sampleRate Hz
   * @param {string} label
   * @param {number} [pace]
   */
  constructor(samples, sampleRate, label, pace = 1) {
    this.label = label;
    this.sampleRate = sampleRate;
    this.durationMs = (samples.length * 1000) / sampleRate;
    this.ended = this.#ended.promise;
    this.#frames = framesOf(samples, sampleRate);
    this.#pace = pace;
  }

  /** @param {(frame: Frame) => unknown} onFrame */
  start(onFrame) {
    this.#sendAll(onFrame).then(this.#ended.resolve, this.#ended.reject);
  }

  async stop() {
    this.#stopped.abort();
    this.#ended.resolve();
  }

  /** @param {boolean} _audible */
  setAudible(_audible) {} // nothing plays

  /** @param {(frame: Frame) => unknown} onFrame */
  async #sendAll(onFrame) {
    const { signal } = this.#stopped;
    const startedAt = performance.now();
    while (this.#sent < this.#frames.length && !signal.aborted) {
      await pause(FRAME_MS / 2, signal);
      // A hidden page's timers are slowed down; then several frames are due at once, none is lost.
      const due = Math.floor(((performance.now() - startedAt) * this.#pace) / FRAME_MS);
      while (this.#sent < Math.min(due, this.#frames.length) && !signal.aborted) {
        await onFrame(this.#frames[this.#sent++]);
      }
    }
  }
}

/**
 * @param {Int16Array | Float32Array} samples
 * @param {number} sampleRate Hz
 * @param {{label?: string, pace?: number, channels?: number}} [options]
 * @returns {Source}
 */
export function openSamples(samples, sampleRate, { label = "Recording", pace = 1, channels = 1 } = {}) {
  if (!(sampleRate >= MIN_SAMPLE_RATE && sampleRate <= MAX_SAMPLE_RATE)) {
    throw new Problem("The sample rate of samples must be 8000 to 96000 Hz.", "bad_samples");
  }
  if (!(pace > 0)) throw new Problem("The pace of samples must be a number above 0.", "bad_samples");
  if (!Number.isInteger(channels) || channels < 1 || samples.length % channels) {
    throw new Problem(
      "The number of samples is not a multiple of the number of channels.",
      "bad_samples",
    );
  }
  const floats = samples instanceof Int16Array ? Float32Array.from(samples, toFloat) : samples;
  const mono = mixDown(apart(floats, channels), sampleRate);
  return new SamplesSource(mono, sampleRate, label, pace);
}

/**
 * @param {Float32Array} samples interleaved
 * @param {number} channels
 * @returns {Float32Array[]} of each channel
 */
function apart(samples, channels) {
  if (channels === 1) return [samples];
  const length = samples.length / channels;
  return Array.from({ length: channels }, (_, channel) =>
    Float32Array.from({ length }, (_, i) => samples[i * channels + channel]),
  );
}

/** @param {number} sample */
function toFloat(sample) {
  return sample / INT16_SCALE;
}

/**
 * @param {Float32Array} samples
 * @param {number} sampleRate Hz
 * @returns {Frame[]}
 */
function framesOf(samples, sampleRate) {
  /** @type {Frame[]} */
  const frames = [];
  const framer = new PcmFramer(sampleRate, (frame) => frames.push(frame));
  framer.push(samples);
  framer.flush();
  return frames;
}

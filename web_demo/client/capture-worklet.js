/// <reference path="./worklet.d.ts" />
/**
 * From float samples to what goes on the wire: 100 ms frames of Int16, each with its level.
 *
 * In an AudioWorklet, where downmix.js was loaded before, this file registers the capture processor. The page imports `PcmFramer` from
 * here for recordings: worklets cannot import other modules in every browser, the page can import this.
 *
 * @typedef {{samples: Int16Array<ArrayBuffer>, rms: number, peak: number}} Frame rms, peak: 0 to 1
 *
 * @typedef {object} Input of the capture processor
 * @property {Float32Array[]} block the samples of each channel, as far as they have come
 * @property {Downmix} downmix
 */

export const FRAME_MS = 100;
/** Samples that a worklet is handed at a time (W3C Web Audio API, 1.1). */
const QUANTUM = 128;

/** Cuts blocks of any size into frames. */
export class PcmFramer {
  /**
   * @param {number} sampleRate Hz
   * @param {(frame: Frame) => void} emit
   */
  constructor(sampleRate, emit) {
    this.emit = emit;
    this.block = new Float32Array(Math.round((sampleRate * FRAME_MS) / 1000));
    this.filled = 0;
  }

  /** @param {Float32Array} samples */
  push(samples) {
    let taken = 0;
    while (taken < samples.length) {
      const room = this.block.length - this.filled;
      const piece = samples.subarray(taken, taken + room);
      this.block.set(piece, this.filled);
      this.filled += piece.length;
      taken += piece.length;
      if (this.filled === this.block.length) this.flush();
    }
  }

  /** Emit what is there, even if shorter than a frame. */
  flush() {
    if (this.filled === 0) return;
    this.emit(toFrame(this.block.subarray(0, this.filled)));
    this.filled = 0;
  }
}

/**
 * @param {Float32Array} block
 * @returns {Frame}
 */
function toFrame(block) {
  const samples = new Int16Array(block.length);
  let sum = 0;
  let peak = 0;
  for (let i = 0; i < block.length; i++) {
    const value = Number.isFinite(block[i]) ? Math.max(-1, Math.min(1, block[i])) : 0;
    samples[i] = Math.round(value * 32767);
    sum += value * value;
    peak = Math.max(peak, Math.abs(value));
  }
  return { samples, rms: Math.sqrt(sum / block.length), peak };
}

if ("registerProcessor" in globalThis) {
  /**
   * The sum of all inputs, each mixed down to one channel; silence where there are none. Any message to it
   * means: finish.
   */
  class CaptureProcessor extends AudioWorkletProcessor {
    constructor() {
      super();
      this.running = true;
      this.length = blockLength(sampleRate);
      this.filled = 0;
      /** @type {(Input | undefined)[]} */
      this.inputs = [];
      this.framer = new PcmFramer(sampleRate, (frame) => {
        this.port.postMessage(frame, [frame.samples.buffer]);
      });
      this.port.onmessage = () => this.finish();
    }

    finish() {
      this.running = false;
      this.mix();
      this.framer.flush();
      this.port.postMessage(null); // nothing comes after this
    }

    /** @param {Float32Array[][]} inputs */
    process(inputs) {
      if (!this.running) return false;
      for (let at = 0; at < QUANTUM; ) {
        const end = Math.min(QUANTUM, at + this.length - this.filled);
        inputs.forEach((channels, number) => {
          this.take(number, channels, at, end);
        });
        this.filled += end - at;
        at = end;
        if (this.filled === this.length) this.mix();
      }
      return true;
    }

    /**
     * Part of what has come at an input; without channels nothing is connected there.
     *
     * @param {number} number
     * @param {Float32Array[]} channels
     * @param {number} at
     * @param {number} end
     */
    take(number, channels, at, end) {
      let input = this.inputs[number];
      if ((input?.block.length ?? 0) !== channels.length && this.filled === 0) {
        input = channels.length ? this.inputOf(channels.length) : undefined;
        this.inputs[number] = input;
      }
      // Other channels than at the beginning of the block wait for the next one: 10 ms at most.
      input?.block.forEach((samples, channel) => {
        const more = channels[channel];
        if (more) samples.set(more.subarray(at, end), this.filled);
        else samples.fill(0, this.filled, this.filled + end - at);
      });
    }

    /**
     * @param {number} channels
     * @returns {Input}
     */
    inputOf(channels) {
      const block = Array.from({ length: channels }, () => new Float32Array(this.length));
      return { block, downmix: new Downmix(channels) };
    }

    /** The block as far as it is filled. */
    mix() {
      const sum = new Float32Array(this.filled);
      for (const input of this.inputs) {
        const block = input?.block.map((samples) => samples.subarray(0, this.filled));
        const mono = this.filled && block ? input?.downmix.mix(block) : [];
        mono?.forEach((sample, i) => {
          sum[i] += sample;
        });
      }
      this.framer.push(sum);
      this.filled = 0;
    }
  }
  registerProcessor("surtitle-capture", CaptureProcessor);
}

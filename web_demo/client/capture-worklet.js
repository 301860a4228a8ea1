/// <reference path="./worklet.d.ts" />
/**
 * From float samples to what goes on the wire: 100 ms frames of Int16, each with its level.
 *
 * In an AudioWorklet this file registers the capture processor. The page imports `PcmFramer` from
 * here for recordings: worklets cannot import other modules in every browser, the page can import this.
 *
 * @typedef {{samples: Int16Array<ArrayBuffer>, rms: number, peak: number}} Frame rms, peak: 0 to 1
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
    const value = Math.max(-1, Math.min(1, block[i]));
    samples[i] = Math.round(value * 32767);
    sum += value * value;
    peak = Math.max(peak, Math.abs(value));
  }
  return { samples, rms: Math.sqrt(sum / block.length), peak };
}

if ("registerProcessor" in globalThis) {
  /**
   * The sum of all inputs, each mixed down to one channel by the node's settings; silence where there are
   * none. Any message to it means: finish.
   */
  class CaptureProcessor extends AudioWorkletProcessor {
    constructor() {
      super();
      this.running = true;
      this.framer = new PcmFramer(sampleRate, (frame) => {
        this.port.postMessage(frame, [frame.samples.buffer]);
      });
      this.port.onmessage = () => this.finish();
    }

    finish() {
      this.running = false;
      this.framer.flush();
      this.port.postMessage(null); // nothing comes after this
    }

    /** @param {Float32Array[][]} inputs */
    process(inputs) {
      if (!this.running) return false;
      const sum = new Float32Array(QUANTUM);
      for (const [mono] of inputs) {
        if (!mono) continue; // nothing is connected
        for (let i = 0; i < QUANTUM; i++) sum[i] += mono[i];
      }
      this.framer.push(sum);
      return true;
    }
  }
  registerProcessor("surtitle-capture", CaptureProcessor);
}

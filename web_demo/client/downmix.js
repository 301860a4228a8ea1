/**
 * Several channels -> one, so that no voice is lost in it. Pure.
 *
 * The plain mean loses a voice that is on one of many channels, and one whose other channel is inverted. So
 * it is the mean of the channels that have signal; of two that cancel each other out the weaker one has no
 * part, and where all together do the strongest is heard alone. That is judged in blocks of 10 ms, by what
 * differs from a parabola through the block, as an offset does not, and hum hardly; and weights change by a
 * ramp over a block, so that nothing clicks. The server's `captioning/downmix.py` follows the same rule, and
 * says where the figures come from.
 *
 * A worklet loads this file too, before its own: it cannot import in every browser, and finds the class as a
 * property of its global scope.
 */

const BLOCKS_PER_S = 100;
/** What is left of a channel's level after a block. */
const HOLD = 10 ** (-1 / BLOCKS_PER_S);
/** Power of a channel that has signal, over that of the strongest. */
const NEAR = 10 ** -2.6;
/** Mean square of a channel that has signal, full scale being 1. */
const MIN_POWER = 1e-7;
/** Part of a block in the powers by which cancelling is judged: at once … */
const SOON = 0.8;
/** … and more slowly before it is taken to be over. */
const LATER = 0.1;
/** Power of the mean, over the strongest one's divided by their number: below it they cancel … */
const CANCELS = 0.1;
/** … and above this one they no longer do. */
const HOLDS = 0.25;
/** Times the power of the strongest channel that another must have to take its place. */
const STRONGER = 2;
/** Power of two channels added, over the sum of theirs, below which a block speaks for their cancelling … */
const OPPOSED = 0.35;
/** … unless the block is quieter than this, of what the two have held. */
const LOUD = 0.4;
/** What a block counts that has less than CANCELS … */
const CLEARLY = 4;
/** … and one that has more than OPPOSED. */
const AGAINST = -2;
/** Counted, at which two are taken to cancel each other out … */
const ENOUGH = 20;
/** … and the most. */
const MOST = 100;

/**
 * Samples of a block.
 *
 * @param {number} sampleRate Hz
 */
export function blockLength(sampleRate) {
  return Math.floor(sampleRate / BLOCKS_PER_S);
}

/** One stream of several channels. */
export class Downmix {
  /** What is not judged, for the length of the blocks. */
  #curves = curvesOf(0);
  /** Power of each channel, falling by HOLD. */
  #held;
  /** For each two channels cancelling each other out: the lower one's row, the other's column. */
  #evidence;
  /** Smoothed, of the mean of the channels that have signal. */
  #meanPower = 0;
  /** Smoothed, of the strongest channel. */
  #singlePower = 0;
  #strongest = 0;
  #cancelled = false;
  /** Those of the newest block. */
  /** @type {Float64Array | null} */
  #weights = null;

  /** @param {number} channels */
  constructor(channels) {
    this.#held = new Float64Array(channels);
    this.#evidence = new Uint8Array(channels * channels);
  }

  /**
   * The next block as one channel. Samples that are not finite are silence.
   *
   * @param {Float32Array[]} block of each channel as many samples
   * @returns {Float32Array}
   */
  mix(block) {
    block = block.map(finite);
    if (block.length === 1) return block[0];
    const weights = this.#weigh(block);
    const before = this.#weights ?? weights;
    this.#weights = weights;
    const mono = new Float32Array(block[0].length);
    block.forEach((samples, channel) => {
      const old = before[channel];
      const change = (weights[channel] - old) / samples.length;
      if (!old && !change) return;
      for (let i = 0; i < samples.length; i++) mono[i] += samples[i] * (old + change * (i + 1));
    });
    return mono;
  }

  /**
   * The weights of the channels in a block, which add up to 1.
   *
   * @param {Float32Array[]} block
   */
  #weigh(block) {
    if (this.#curves[0].length !== block[0].length) this.#curves = curvesOf(block[0].length);
    const judged = block.map((samples) => withoutCurves(samples, this.#curves));
    const powers = judged.map(powerOf);
    const held = this.#held.map((level, channel) => Math.max(powers[channel], level * HOLD));
    this.#held = held;
    const peak = Math.max(...held);
    if (peak > STRONGER * held[this.#strongest]) this.#strongest = held.indexOf(peak);
    const least = Math.max(NEAR * peak, MIN_POWER);
    const withSignal = [...held.keys()].filter((channel) => held[channel] >= least);
    this.#note(judged, powers, withSignal);
    const active = this.#withoutOpposed(withSignal);
    const count = active.length;
    if (count === 0) return held.map(() => 1 / held.length);
    if (count === 1) return this.#alone(active[0]);
    const sum = sumOf(active.map((channel) => judged[channel]));
    const smoothing = this.#cancelled ? LATER : SOON;
    this.#meanPower += smoothing * (powerOf(sum) / count ** 2 - this.#meanPower);
    this.#singlePower += smoothing * (powers[this.#strongest] - this.#singlePower);
    const limit = ((this.#cancelled ? HOLDS : CANCELS) * this.#singlePower) / count;
    this.#cancelled = this.#meanPower < limit;
    if (this.#cancelled) return this.#alone(this.#strongest);
    return held.map((_, channel) => (active.includes(channel) ? 1 / count : 0));
  }

  /**
   * What a block says of each two channels. A quiet one says nothing.
   *
   * @param {Float32Array[]} judged
   * @param {Float64Array | number[]} powers
   * @param {number[]} channels
   */
  #note(judged, powers, channels) {
    for (const i of channels) {
      for (const j of channels) {
        const power = powers[i] + powers[j];
        if (j <= i || power < LOUD * (this.#held[i] + this.#held[j])) continue;
        // What they can lose at most: for most pairs that is said without multiplying.
        const left =
          2 * Math.sqrt(powers[i] * powers[j]) > (1 - OPPOSED) * power
            ? power + 2 * productOf(judged[i], judged[j])
            : power;
        const step = left < CANCELS * power ? CLEARLY : left < OPPOSED * power ? 1 : AGAINST;
        const at = i * judged.length + j;
        this.#evidence[at] = Math.max(0, Math.min(this.#evidence[at] + step, MOST));
      }
    }
  }

  /**
   * Less the weaker one of each pair that cancels; which that is does not change for a little.
   *
   * @param {number[]} channels
   */
  #withoutOpposed(channels) {
    const rank = this.#held.map((level, i) => level * (this.#weights?.[i] ? STRONGER : 1));
    /** @type {number[]} */
    const kept = [];
    for (const i of [...channels].sort((a, b) => rank[b] - rank[a])) {
      const isOpposed = (/** @type {number} */ j) =>
        this.#evidence[Math.min(i, j) * rank.length + Math.max(i, j)] >= ENOUGH;
      if (!kept.some(isOpposed)) kept.push(i);
    }
    return kept;
  }

  /** @param {number} channel */
  #alone(channel) {
    return this.#held.map((_, other) => (other === channel ? 1 : 0));
  }
}

/**
 * A recording of several channels as one.
 *
 * @param {Float32Array[]} channels of each as many samples
 * @param {number} sampleRate Hz
 * @returns {Float32Array}
 */
export function mixDown(channels, sampleRate) {
  if (channels.length === 1) return channels[0];
  const downmix = new Downmix(channels.length);
  const mono = new Float32Array(channels[0].length);
  const length = blockLength(sampleRate);
  for (let at = 0; at < mono.length; at += length) {
    mono.set(downmix.mix(channels.map((samples) => samples.subarray(at, at + length))), at);
  }
  return mono;
}

/**
 * The samples, with 0 for those that are not finite: one would spoil the powers for good.
 *
 * @param {Float32Array} samples
 */
function finite(samples) {
  for (let i = 0; i < samples.length; i++) {
    if (!Number.isFinite(samples[i])) return samples.map((each) => (Number.isFinite(each) ? each : 0));
  }
  return samples;
}

/**
 * A level, a slope and a bend, orthonormal: all parabolas are made of them.
 *
 * @param {number} length
 */
function curvesOf(length) {
  const slope = Float64Array.from({ length }, (_, i) => i - (length - 1) / 2);
  const bend = slope.map((value) => value * value - (length * length - 1) / 12);
  return [slope.map(() => 1), slope, bend].map((curve) => {
    const norm = Math.sqrt(curve.reduce((sum, value) => sum + value * value, 0));
    return curve.map((value) => value / Math.max(norm, 1e-9));
  });
}

/**
 * What differs from the parabola that fits best.
 *
 * @param {Float32Array} samples
 * @param {Float64Array[]} curves
 */
function withoutCurves(samples, [level, slope, bend]) {
  let [a, b, c] = [0, 0, 0];
  for (let i = 0; i < samples.length; i++) {
    a += samples[i] * level[i];
    b += samples[i] * slope[i];
    c += samples[i] * bend[i];
  }
  const rest = new Float32Array(samples.length);
  for (let i = 0; i < rest.length; i++) {
    rest[i] = samples[i] - a * level[i] - b * slope[i] - c * bend[i];
  }
  return rest;
}

/** @param {Float32Array} samples */
function powerOf(samples) {
  return productOf(samples, samples);
}

/**
 * The mean of what the samples of two channels make when multiplied.
 *
 * @param {Float32Array} samples
 * @param {Float32Array} others
 */
function productOf(samples, others) {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += samples[i] * others[i];
  return sum / samples.length;
}

/** @param {Float32Array[]} channels */
function sumOf(channels) {
  const sum = new Float64Array(channels[0].length);
  for (const samples of channels) for (let i = 0; i < sum.length; i++) sum[i] += samples[i];
  return Float32Array.from(sum);
}

Object.assign(globalThis, "registerProcessor" in globalThis ? { Downmix, blockLength } : {});

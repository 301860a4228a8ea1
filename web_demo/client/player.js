/** Plays a recording, where the browser can, and says how loud it is. */

import { closeContext } from "./capture.js";
import { Problem } from "./problems.js";

/** How long a browser may take to say how long a recording is. */
const METADATA_MS = 10_000;
/** Samples that a level is taken from: about a frame of 100 ms. */
const LEVEL_SAMPLES = 4096;

export class Player {
  #context = new AudioContext();
  #volume = this.#context.createGain();
  #analyser = new AnalyserNode(this.#context, { fftSize: LEVEL_SAMPLES });
  #samples = new Float32Array(LEVEL_SAMPLES);
  #element;

  /**
   * @param {HTMLAudioElement} element whose metadata is there
   * @param {boolean} audible
   */
  constructor(element, audible) {
    this.#element = element;
    this.durationMs = element.duration * 1000;
    this.#context.createMediaElementSource(element).connect(this.#analyser).connect(this.#volume);
    this.#volume.connect(this.#context.destination);
    this.setAudible(audible);
  }

  start() {
    void this.#context.resume();
    this.#element.play().catch(() => {}); // it is captioned all the same
  }

  /** Of what is heard now. */
  get level() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    let peak = 0;
    for (const sample of this.#samples) {
      sum += sample * sample;
      peak = Math.max(peak, Math.abs(sample));
    }
    return { rms: Math.min(1, Math.sqrt(sum / LEVEL_SAMPLES)), peak: Math.min(1, peak) };
  }

  /** @param {boolean} audible */
  setAudible(audible) {
    this.#volume.gain.value = audible ? 1 : 0;
  }

  async close() {
    letGo(this.#element);
    await closeContext(this.#context);
  }
}

/**
 * @param {Blob} blob
 * @param {boolean} audible
 * @returns {Promise<Player | null>} null where nothing can be played here
 */
export async function openPlayer(blob, audible) {
  if (!("Audio" in globalThis)) return null; // Node
  const element = new Audio();
  try {
    element.src = URL.createObjectURL(blob);
    await settled(element, "loadedmetadata");
    if (element.duration === Infinity) await findEnd(element);
    return new Player(element, audible);
  } catch {
    letGo(element);
    return null;
  }
}

/**
 * A recorder's file may not say how long it is; a browser that is sent to its end finds out.
 *
 * @param {HTMLAudioElement} element
 */
async function findEnd(element) {
  element.currentTime = Number.MAX_SAFE_INTEGER;
  while (element.duration === Infinity) await settled(element, "durationchange");
  element.currentTime = 0;
}

/**
 * @param {HTMLAudioElement} element
 * @param {string} type of the event that is awaited
 * @returns {Promise<void>}
 */
async function settled(element, type) {
  const left = new AbortController();
  const { signal } = left;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  try {
    await new Promise((resolve, reject) => {
      const fail = () => reject(new Problem("This browser cannot play the recording.", "not_playable"));
      element.addEventListener(type, resolve, { signal });
      element.addEventListener("error", fail, { signal });
      timer = setTimeout(fail, METADATA_MS);
    });
  } finally {
    left.abort();
    clearTimeout(timer);
  }
}

/** @param {HTMLAudioElement} element */
function letGo(element) {
  element.pause();
  URL.revokeObjectURL(element.src);
  element.removeAttribute("src");
  element.load();
}

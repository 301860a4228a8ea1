/**
 * The level of the sound, as a bar and in words.
 *
 * @typedef {import("./client/index.js").Level} Level
 */

import { put, write } from "./words.js";

/** Lower end of the bar, in decibels below full scale. */
const FLOOR_DB = -60;
/** Below this there is no sound at all, not even the noise of a quiet room. */
const SILENCE_DB = -75;
/** Frames (100 ms each) of it before it is said: people pause. */
const SILENT_FRAMES = 40;
/** A peak above this is clipped. */
const CLIPPED = 0.985;
/** How long the warning stays, in frames, so that it can be read. */
const CLIPPED_FRAMES = 20;

export class LevelMeter {
  #silentFrames = 0;
  #clippedFrames = 0;
  /** Whether advice makes sense: a recording is as loud as it is. */
  #advising = false;

  /**
   * @param {HTMLElement} meter role="meter", with .level-rms and .level-peak inside
   * @param {HTMLElement} words
   */
  constructor(meter, words) {
    this.meter = meter;
    this.words = words;
    this.rmsBar = /** @type {HTMLElement} */ (meter.querySelector(".level-rms"));
    this.peakMark = /** @type {HTMLElement} */ (meter.querySelector(".level-peak"));
  }

  /** @param {Level} level of a frame */
  show({ rms, peak }) {
    this.#draw(decibels(rms), decibels(peak));
    this.#silentFrames = decibels(peak) < SILENCE_DB ? this.#silentFrames + 1 : 0;
    this.#clippedFrames = peak > CLIPPED ? CLIPPED_FRAMES : Math.max(0, this.#clippedFrames - 1);
    this.#say(this.#advice());
  }

  /** No sound comes for now, and why is said elsewhere. */
  rest() {
    this.reset(this.#advising);
  }

  /** @param {boolean} advising whether to say in words what is wrong with the level */
  reset(advising) {
    this.#advising = advising;
    this.#silentFrames = 0;
    this.#clippedFrames = 0;
    this.#draw(-Infinity, -Infinity);
    this.#say("");
  }

  /**
   * @param {number} rmsDb
   * @param {number} peakDb
   */
  #draw(rmsDb, peakDb) {
    this.rmsBar.style.transform = `scaleX(${share(rmsDb)})`;
    this.peakMark.style.insetInlineStart = `${share(peakDb) * 100}%`;
    const shown = Math.round(Math.max(rmsDb, FLOOR_DB));
    this.meter.setAttribute("aria-valuenow", String(shown));
    if (rmsDb < FLOOR_DB) put(this.meter, "level.silent", undefined, "sayValuetext");
    else put(this.meter, "level.decibels", { level: shown }, "sayValuetext");
  }

  #advice() {
    if (!this.#advising) return "";
    if (this.#clippedFrames > 0) return "level.loud";
    if (this.#silentFrames >= SILENT_FRAMES) return "level.muted";
    return "";
  }

  /** @param {string} key or "" */
  #say(key) {
    write(this.words, key ? { key } : "");
  }
}

/** @param {number} amplitude 0 to 1 */
function decibels(amplitude) {
  return 20 * Math.log10(amplitude);
}

/**
 * @param {number} db
 * @returns {number} part of the bar, 0 to 1
 */
function share(db) {
  return Math.min(1, Math.max(0, 1 - db / FLOOR_DB));
}

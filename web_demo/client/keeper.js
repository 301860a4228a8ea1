/**
 * Keeps an AudioContext running. Systems stop it for a phone call, for another program, with a device that
 * goes away; some start it again by themselves, some when they are asked, some only after a touch.
 */

import { Problem } from "./problems.js";

/** How often to look. */
const LOOK_MS = 500;
/** So many looks without sound before people are told: what comes back at once is no matter. */
const LOOKS_WITHOUT_SOUND = 3;
/** After these a browser may allow what it did not before. */
const GESTURES = ["pointerdown", "keydown", "visibilitychange"];

const INTERRUPTED_SENTENCE =
  "The system has interrupted the sound, perhaps for a call or another program. Captions continue when it is " +
  "back; tapping this page may help.";

export class Keeper {
  #context;
  #sound;
  #onClosed;
  #left = new AbortController();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  /** Looks since sound was last heard. */
  #looks = 0;

  /**
   * @param {AudioContext} context
   * @param {import("./sound.js").Sound} sound is told "interrupted" while nothing comes
   * @param {(problem: Problem) => void} onClosed
   */
  constructor(context, sound, onClosed) {
    this.#context = context;
    this.#sound = sound;
    this.#onClosed = onClosed;
  }

  start() {
    const { signal } = this.#left;
    // "suspended" and, in Safari, "interrupted"; "closed" is for good.
    this.#context.addEventListener("statechange", () => this.#resume(), { signal });
    for (const gesture of GESTURES) {
      document.addEventListener(gesture, () => this.#resume(), { signal, capture: true });
    }
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Sound has come. */
  beat() {
    this.#looks = 0;
    this.#sound.free("interrupted");
  }

  stop() {
    this.#left.abort();
    clearInterval(this.#timer);
  }

  // Looks are counted, and not time: of a page that was frozen, the first look may come before its sound.
  #look() {
    this.#looks += 1;
    this.#resume();
    if (this.#looks >= LOOKS_WITHOUT_SOUND) this.#sound.hinder("interrupted", INTERRUPTED_SENTENCE);
  }

  #resume() {
    const { state } = this.#context;
    if (state === "closed") {
      this.stop();
      this.#onClosed(
        new Problem("The browser has closed the sound. Press Start again.", "interrupted"),
      );
    } else if (state !== "running") {
      this.#context.resume().catch(() => {}); // the next look tries again
    }
  }
}

/**
 * How long after a word was spoken it is on screen. Pure: times in, times out.
 *
 * @typedef {import("./client/index.js").ServerMessage} ServerMessage
 */

/** So many captions are looked at: one late caption does not make the figure jump. */
const CAPTIONS = 9;
/** The figure changes no more often than this. */
const CALM_MS = 2000;

export class Delay {
  /** The newest ones, in milliseconds. */
  /** @type {number[]} */
  #delaysMs = [];
  /** Everything up to this point of the sound was on screen before. */
  #shownToMs = 0;
  #changedAtMs = -Infinity;

  /**
   * The delay in milliseconds, where the figure on screen should change, else null.
   *
   * @param {ServerMessage} message that is shown now
   * @param {number} sentMs sound that was recorded until now
   * @param {number} nowMs
   * @returns {number | null}
   */
  note(message, sentMs, nowMs) {
    if (message.type !== "partial" && message.type !== "final") return null;
    if (message.end_ms <= this.#shownToMs) return null; // no new words: they were read already
    this.#shownToMs = message.end_ms;
    this.#delaysMs = [...this.#delaysMs, Math.max(0, sentMs - message.end_ms)].slice(-CAPTIONS);
    if (nowMs - this.#changedAtMs < CALM_MS) return null;
    this.#changedAtMs = nowMs;
    return [...this.#delaysMs].sort((a, b) => a - b)[this.#delaysMs.length >> 1];
  }
}

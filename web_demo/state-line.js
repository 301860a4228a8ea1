/** The line at the top that says how things stand: one sentence, and a mark before it. */

import { isClear, write } from "./words.js";

/**
 * @typedef {"idle" | "ready" | "working" | "trouble"} Mark
 * @typedef {import("./wording.js").Said} Said
 */

/** State -> what the page says when nobody said anything better. */
/** @type {Record<string, {key: string, mark: Mark}>} */
const STATES = {
  idle: { key: "state.idle", mark: "idle" },
  microphone: { key: "state.microphone", mark: "working" },
  display: { key: "state.display", mark: "working" },
  opening: { key: "state.opening", mark: "working" },
  connecting: { key: "state.connecting", mark: "working" },
  ready: { key: "state.listening", mark: "ready" },
  reconnecting: { key: "problem.reconnecting", mark: "trouble" },
  recovering: { key: "state.recovering", mark: "trouble" },
  overloaded: { key: "state.overloaded", mark: "trouble" },
  draining: { key: "state.draining", mark: "trouble" },
  slow: { key: "state.slow", mark: "trouble" },
  unheard: { key: "state.unheard", mark: "trouble" },
  finishing: { key: "state.finishing", mark: "working" },
  ended: { key: "state.finished", mark: "idle" },
  closed: { key: "state.closed", mark: "trouble" },
  live: { key: "state.live", mark: "ready" },
  waiting: { key: "state.waiting", mark: "working" },
  over: { key: "state.over", mark: "idle" },
  away: { key: "state.away", mark: "trouble" },
};
/** Those whose own words say enough to be better than a sentence that the reader does not understand. */
const SAY_ENOUGH = new Set(["reconnecting", "recovering", "overloaded", "draining"]);

export class StateLine {
  /**
   * @param {HTMLElement} line
   * @param {HTMLElement} words
   */
  constructor(line, words) {
    this.line = line;
    this.words = words;
  }

  /**
   * @param {string} state
   * @param {string | Said} [better] than the words of the state
   */
  show(state, better = "") {
    const { key, mark } = STATES[state];
    this.line.dataset.state = mark;
    const isWorse = typeof better === "string" && SAY_ENOUGH.has(state) && !isClear(better);
    write(this.words, better && !isWorse ? better : { key });
  }
}

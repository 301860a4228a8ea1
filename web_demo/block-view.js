/** The block of captions on screen. Screen readers have the log, which holds the same words. */

import { Block } from "./block.js";
import { LAYOUT } from "./cues.js";

/** @typedef {import("./transcript.js").Entry} Entry */

/** Usual width of a column, in em. */
const COLUMN_EM = 0.52;

export class BlockView {
  #block = new Block();

  /** @param {HTMLElement} parent holds the lines */
  constructor(parent) {
    this.parent = parent;
  }

  /** @param {Entry[]} entries the whole transcript */
  show(entries) {
    const lines = this.#block.lines(entries, this.#columns()).map((pieces) => {
      const line = document.createElement("p");
      line.dir = "auto";
      for (const { text, settled } of pieces) {
        const span = document.createElement("span");
        span.className = settled ? "stable" : "unstable";
        span.textContent = text;
        line.append(span);
      }
      return line;
    });
    this.parent.replaceChildren(...lines);
  }

  /** As many as a line may have, or as fit on a small screen. */
  #columns() {
    const { clientWidth, parentElement } = this.parent;
    const emPx = parseFloat(getComputedStyle(/** @type {Element} */ (parentElement)).fontSize);
    const fit = Math.floor(clientWidth / (emPx * COLUMN_EM));
    return fit > 0 ? Math.min(fit, LAYOUT.width) : LAYOUT.width; // 0: it is not shown
  }

  clear() {
    this.#block.clear();
    this.parent.replaceChildren();
  }
}

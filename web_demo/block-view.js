/** The block of captions on screen. Screen readers have the log, which holds the same words. */

import { Block } from "./block.js";
import { StillText } from "./still-text.js";

/** @typedef {import("./transcript.js").Entry} Entry */

const LINES = 2;
/** So long a word stays at least, and longer where many have come at once: people read five in a second. */
const READABLE_MS = 1200;
const READING_MS = 200;
/** What comes after a full block waits so long at most. */
const LONGEST_WAIT_MS = 2400;
/** In blocks: after a time in which nobody looked, what is old is not shown block by block. */
const FARTHEST_BEHIND = 3;

export class BlockView {
  #block = new Block();
  /** @type {Entry[]} */
  #entries = [];
  /** @type {StillText | null} */
  #text = null;
  /** What is seen of the block, and until when it stays. */
  /** @type {string[]} */
  #seen = [];
  #staysMs = 0;
  /** Since when the next block waits; 0: it does not. */
  #waitingMs = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #turn;

  /** @param {HTMLElement} parent shows two lines of the text that it gets */
  constructor(parent) {
    this.parent = parent;
    let widthPx = parent.clientWidth;
    new ResizeObserver(() => {
      if (parent.clientWidth !== widthPx) this.#end(); // broken anew, no word has a place to keep
      widthPx = parent.clientWidth;
      this.#show();
    }).observe(parent);
  }

  /** @param {Entry[]} entries the whole transcript */
  show(entries) {
    this.#entries = entries;
    this.#show();
  }

  clear() {
    this.#block.clear();
    this.#entries = [];
    this.#end();
  }

  #show() {
    clearTimeout(this.#turn);
    const words = this.#block.words(this.#entries);
    if (!words.length) return this.#end();
    const begins = words.flatMap(({ apart }, at) => (apart ? [at] : []));
    const silences = begins.filter((at) => words[at].apart === "silence");
    if (silences.length > 1) return this.#leave(words[silences[silences.length - 1]]);
    if (begins.length > FARTHEST_BEHIND) return this.#leave(words[begins[begins.length - 1]]);
    const [apart = -1] = begins;
    const text = this.#text ?? this.#begin();
    text.show(apart > 0 ? words.slice(0, apart) : words);
    if (words[0].entry.language) text.element.lang = words[0].entry.language;
    const lines = text.lines();
    const last = lines.at(-1) ?? 0;
    if (last >= FARTHEST_BEHIND * LINES) return this.#leave(words[lines.indexOf(last - LINES + 1)]);
    const full = lines.indexOf(LINES);
    const next = full > 0 ? full : apart;
    this.#note(words.slice(0, next > 0 ? next : undefined).map((word) => word.text));
    if (next <= 0) {
      this.#waitingMs = 0;
      return;
    }
    const now = performance.now();
    this.#waitingMs ||= now;
    const due = Math.min(this.#staysMs, this.#waitingMs + LONGEST_WAIT_MS);
    if (now < due) {
      this.#turn = setTimeout(() => this.#show(), due - now);
      return;
    }
    this.#leave(words[next]);
  }

  /** @param {import("./block.js").BlockWord} word begins the next block */
  #leave(word) {
    this.#block.leave(word);
    this.#end();
    this.#show();
  }

  /** @param {string[]} seen */
  #note(seen) {
    const fresh = seen.filter((word, at) => word !== this.#seen[at]).length;
    if (fresh) this.#staysMs = performance.now() + Math.max(READABLE_MS, fresh * READING_MS);
    this.#seen = seen;
  }

  #end() {
    clearTimeout(this.#turn);
    this.#waitingMs = 0;
    this.#seen = [];
    this.#text = null;
    this.parent.replaceChildren();
  }

  #begin() {
    const line = document.createElement("p");
    line.dir = "auto";
    this.parent.replaceChildren(line);
    this.#text = new StillText(line);
    return this.#text;
  }
}

/**
 * A text that grows and is corrected while it is read. Words that stay the same stay where they are: what
 * replaces others is fitted into their place, with a little more or less room around it.
 *
 * @typedef {import("./caption-words.js").Word} Word
 * @typedef {Word & {node: HTMLElement}} Shown
 * @typedef {{start: number, end: number, top: number}} Place from the start and the top of the text, in CSS px
 */

import { changes } from "./changes.js";
import { uncertainWord } from "./uncertain.js";

/** Letters may come so much closer, and words so much nearer to the one before and after them, in em. */
const CLOSER_EM = 0.06;
const NEARER_BEFORE_EM = 0.1;
const NEARER_AFTER_EM = 0.15;
/** The last word of a line may reach so far beyond it: the style sheets leave that room. */
const BEYOND_EM = 0.5;
/** A hole of this width looks as if a word was missing. */
const WIDEST_HOLE_EM = 5;
const SAME_PX = 0.5;
/** Scripts whose letters are not joined. */
const NOT_JOINED = /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{P}\p{N}]+$/u;

const NO_LETTERS = /[^\p{L}\p{M}\p{N}]+/gu;

export class StillText {
  /** @type {Shown[]} */
  #shown = [];
  /** What it says, once that does not change any more. */
  /** @type {string | null} */
  #rest = null;

  /** @param {HTMLElement} element holds nothing but the words */
  constructor(element) {
    this.element = element;
  }

  /** @param {Word[]} words all of the text */
  show(words) {
    if (this.#rest !== null) {
      if (this.#rest === said(words)) return;
      this.#rest = null;
      this.element.replaceChildren();
    }
    const before = this.#shown;
    const found = changes(before.map(core), words.map(core));
    const stays = pairs(found, before.length);
    const grows =
      stays.length === before.length && stays.every(([old, to]) => before[old].text === words[to].text);
    const places = grows ? [] : this.#places(before);
    const heightPx = this.element.offsetHeight;
    this.#take(words, found);
    if (grows || !this.element.clientWidth) return;
    let from = 0; // what stands before the next word that stays
    for (const [old, to] of stays) {
      this.#hold(from, to, places[old]);
      from = to;
    }
    // What stands below it is being read, and stays where it is.
    const isShorter = this.element.offsetHeight < heightPx;
    if (isShorter && this.element.nextElementSibling) this.element.style.minHeight = `${heightPx}px`;
  }

  /** Line of each word, counted from 0. */
  lines() {
    let [line, topPx] = [0, -Infinity];
    const halfPx = this.#emPx() / 2;
    return this.#places(this.#shown).map(({ top }) => {
      if (topPx > -Infinity && top > topPx + halfPx) line++;
      topPx = Math.max(top, topPx);
      return line;
    });
  }

  /** Nothing changes any more: keep only the elements that say or hold something. */
  rest() {
    if (this.#rest !== null) return;
    this.#rest = said(this.#shown);
    for (const { node, confidence } of this.#shown) {
      if (confidence === null && !node.hasAttribute("style")) node.replaceWith(...node.childNodes);
    }
    this.element.normalize();
    this.#shown = [];
  }

  /**
   * @param {Word[]} words
   * @param {import("./changes.js").Change[]} found
   */
  #take(words, found) {
    let before = this.#shown;
    for (const { at, removed, to, added } of [...found].reverse()) {
      for (const { node } of before.slice(at, at + removed)) {
        if (node.previousSibling instanceof Text) node.previousSibling.remove();
        node.remove();
      }
      const next = before[at + removed]?.node;
      const made = words.slice(to, to + added).map((word) => ({ ...word, node: wordElement(word) }));
      for (const { node } of made) this.element.insertBefore(node, next ? beginning(next) : null);
      before = [...before.slice(0, at), ...made, ...before.slice(at + removed)];
    }
    this.#shown = words.map((word, at) => ({ ...word, node: written(before[at].node, word) }));
    for (const [at, { node, spaced, settled }] of this.#shown.entries()) {
      const isSpaced = node.previousSibling instanceof Text;
      if (spaced && at && !isSpaced) node.before(" ");
      else if (isSpaced && !(spaced && at)) node.previousSibling?.remove();
      node.className = settled ? "stable" : "unstable";
    }
  }

  /**
   * Have a word where it stood, as far as what was changed before it can be fitted in.
   *
   * @param {number} from the word before it that stays, or the first one
   * @param {number} at   the word
   * @param {Place} was
   */
  #hold(from, at, was) {
    const word = this.#shown[at].node;
    if (this.#isAt(word, was)) return;
    const between = this.#shown.slice(from + 1, at).map(({ node }) => node);
    const movable = between.length || from === at ? between : [this.#shown[from].node];
    const touched = [word, ...movable];
    const styles = touched.map((node) => node.style.cssText);
    const last = movable.at(-1);
    if (!between.length && this.#place(word).top > was.top + SAME_PX) this.#reachBeyond(word);
    if (this.#isAt(word, was)) return;
    if (last && this.#place(word).top < was.top - SAME_PX) this.#fillLine(last);
    this.#spread(last, word, was);
    if (last && !this.#isAt(word, was)) this.#tighten(movable, word, was);
    if (near(this.#place(word).top, was.top)) return;
    touched.forEach((node, at) => {
      if (styles[at]) node.style.cssText = styles[at];
      else node.removeAttribute("style");
    });
  }

  /**
   * @param {HTMLElement} node
   * @param {Place} was
   */
  #isAt(node, was) {
    const now = this.#place(node);
    return near(now.top, was.top) && near(now.start, was.start);
  }

  /**
   * Leave no room in the line for the word that begins the next one.
   *
   * @param {HTMLElement} last
   */
  #fillLine(last) {
    add(last, "marginInlineEnd", Math.max(0, this.#widthPx() - this.#place(last).end - 1));
  }

  /**
   * Nearer to the word before, so that it finds room in the line, but painted where it would stand.
   *
   * @param {HTMLElement} word at the end of a line
   */
  #reachBeyond(word) {
    const beyondPx = BEYOND_EM * this.#emPx();
    add(word, "marginInlineStart", -beyondPx);
    word.style.position = "relative";
    word.style.insetInlineStart = `${beyondPx}px`;
  }

  /**
   * @param {HTMLElement | undefined} last before the word
   * @param {HTMLElement} word
   * @param {Place} was
   */
  #spread(last, word, was) {
    const now = this.#place(word);
    const missingPx = was.start - now.start;
    if (!near(now.top, was.top) || missingPx < SAME_PX) return;
    if (missingPx > WIDEST_HOLE_EM * this.#emPx()) return;
    if (last) add(last, "marginInlineEnd", missingPx);
    else add(word, "marginInlineStart", missingPx);
  }

  /**
   * Make words narrower by as much as is needed and can be read.
   *
   * @param {HTMLElement[]} words
   * @param {HTMLElement} after the word that is to stay
   * @param {Place} was
   */
  #tighten(words, after, was) {
    const emPx = this.#emPx();
    const last = words[words.length - 1];
    const needed = () => {
      const { top, start } = this.#place(after);
      return near(top, was.top) ? start - was.start : Infinity;
    };
    const text = words.map(({ textContent }) => textContent).join("");
    if (needed() > SAME_PX && NOT_JOINED.test(text)) {
      const closerPx = Math.min(CLOSER_EM * emPx, needed() / text.length);
      for (const word of words) word.style.letterSpacing = `${-closerPx}px`;
    }
    for (const [side, em, node] of /** @type {const} */ ([
      ["marginInlineEnd", NEARER_AFTER_EM, last],
      ["marginInlineStart", NEARER_BEFORE_EM, words[0]],
    ])) {
      const isFirst = this.#place(node).start < SAME_PX;
      if (needed() <= SAME_PX || (side === "marginInlineStart" && isFirst)) continue;
      add(node, side, -Math.min(em * emPx, needed()));
    }
    if (needed() > SAME_PX && was.start < SAME_PX) this.#reachBeyond(last);
  }

  #emPx() {
    return parseFloat(getComputedStyle(this.element).fontSize);
  }

  #widthPx() {
    const { paddingInlineStart, paddingInlineEnd } = getComputedStyle(this.element);
    const { width } = this.element.getBoundingClientRect();
    return width - parseFloat(paddingInlineStart) - parseFloat(paddingInlineEnd);
  }

  /** @param {Shown[]} shown */
  #places(shown) {
    return shown.map(({ node }) => this.#place(node));
  }

  /**
   * @param {HTMLElement} node
   * @returns {Place}
   */
  #place(node) {
    const box = this.element.getBoundingClientRect();
    const { left, right, top } = node.getClientRects()[0] ?? box;
    const { direction, paddingInlineStart } = getComputedStyle(this.element);
    const padding = parseFloat(paddingInlineStart);
    const [start, end] =
      direction === "rtl" ? [box.right - right, box.right - left] : [left - box.left, right - box.left];
    return { start: start - padding, end: end - padding, top: top - box.top };
  }
}

/** @param {Word} word */
function wordElement({ text, confidence }) {
  if (confidence !== null) return uncertainWord(text, confidence);
  const made = document.createElement("span");
  made.textContent = text;
  return made;
}

/**
 * A word without its marks and capitals: with others it is still the same word to a reader.
 *
 * @param {Word} word
 */
function core({ text }) {
  return text.replace(NO_LETTERS, "").toLowerCase() || text;
}

/** @param {Word[]} words */
function said(words) {
  return words.map(({ text, spaced }) => (spaced ? ` ${text}` : text)).join("");
}

/**
 * The places of words that stay, in the old list and in the new one.
 *
 * @param {import("./changes.js").Change[]} found
 * @param {number} length of the old list
 * @returns {[old: number, to: number][]}
 */
function pairs(found, length) {
  /** @type {[number, number][]} */
  const stays = [];
  let [old, to] = [0, 0];
  for (const change of [...found, { at: length, removed: 0, to: Infinity, added: 0 }]) {
    for (; old < change.at; old++, to++) stays.push([old, to]);
    old = change.at + change.removed;
    to = change.to + change.added;
  }
  return stays;
}

/**
 * The element of a word, with what it says now.
 *
 * @param {HTMLElement} node
 * @param {Word} word
 */
function written(node, word) {
  if ((word.confidence !== null) !== (node.localName === "mark")) {
    const made = wordElement(word);
    made.style.cssText = node.style.cssText;
    node.replaceWith(made);
    return made;
  }
  if (node.textContent !== word.text) node.textContent = word.text;
  return node;
}

/**
 * The space before a word, or the word.
 *
 * @param {HTMLElement} node
 */
function beginning(node) {
  return node.previousSibling instanceof Text ? node.previousSibling : node;
}

/**
 * @param {HTMLElement} node
 * @param {"marginInlineStart" | "marginInlineEnd"} side
 * @param {number} px
 */
function add(node, side, px) {
  node.style[side] = `${(parseFloat(node.style[side]) || 0) + px}px`;
}

/**
 * @param {number} a
 * @param {number} b
 */
function near(a, b) {
  return Math.abs(a - b) <= SAME_PX;
}

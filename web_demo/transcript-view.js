/**
 * The whole transcript as a list with times, which the browser's own search finds its way in. Its lines
 * exist only while it is open, so that a page that is open for hours does not grow by it.
 *
 * @typedef {import("./transcript.js").Entry} Entry
 * @typedef {import("./transcript.js").Transcript} Transcript
 *
 * @typedef {object} Parts
 * @property {HTMLElement} scroller
 * @property {HTMLElement} list
 * @property {HTMLElement} empty    stands there while nothing was said
 * @property {(sentence: string) => void} announce
 * @property {(entry: Entry) => Entry} asRead the entry with the text that the reader wishes to see
 */

import { clock } from "./clock.js";
import { addCopy } from "./copy.js";
import { create } from "./dom.js";
import { isShown, kept, textOf } from "./transcript.js";
import { markedText } from "./uncertain.js";
import { put } from "./words.js";
import { worded } from "./worded.js";

const AT_END_PX = 40;

export class TranscriptView {
  /** Entry id -> its line. */
  /** @type {Map<number, HTMLLIElement>} */
  #lines = new Map();
  #isOpen = false;

  /**
   * @param {Parts} parts
   * @param {Transcript} transcript
   */
  constructor(parts, transcript) {
    this.parts = parts;
    this.transcript = transcript;
    parts.list.addEventListener("keydown", (event) => this.#moveFocus(event));
  }

  open() {
    this.#isOpen = true;
    for (const entry of this.transcript.entries) this.#put(entry);
    this.#afterChange(true);
  }

  close() {
    this.#isOpen = false;
    this.#lines.clear();
    this.parts.list.replaceChildren();
  }

  /** @param {...Entry} entries as the transcript has them now */
  show(...entries) {
    const closed = entries.filter(({ kind }) => kind !== "open");
    if (!this.#isOpen || !closed.length) return;
    const { scroller } = this.parts;
    const toEndPx = scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop;
    for (const entry of closed) this.#put(entry);
    this.#afterChange(toEndPx < AT_END_PX);
  }

  clear() {
    this.#lines.clear();
    this.parts.list.replaceChildren();
    this.#afterChange(true);
  }

  /** @param {Entry} entry */
  #put(entry) {
    const known = this.#lines.get(entry.id);
    if (!isShown(this.parts.asRead(entry))) {
      if (known) this.#remove(known);
      this.#lines.delete(entry.id);
    } else if (known) {
      known.querySelector("p")?.replaceWith(this.#text(entry)); // the keyboard's focus stays
    } else {
      const line = this.#line(entry);
      this.#lines.set(entry.id, line);
      this.parts.list.insertBefore(line, this.#lineAfter(entry));
    }
  }

  /** @param {HTMLLIElement} line */
  #remove(line) {
    const next = line.nextElementSibling ?? line.previousElementSibling;
    if (line.contains(document.activeElement)) this.#makeReachable(next)?.focus();
    line.remove();
  }

  /** @param {Entry} entry */
  #lineAfter(entry) {
    const { entries } = this.transcript;
    for (let at = entries.length - 1, after = null; at >= 0; at--) {
      if (entries[at] === entry) return after;
      after = this.#lines.get(entries[at].id) ?? after;
    }
    return null;
  }

  /** @param {Entry} entry */
  #line(entry) {
    const at = clock(entry.startMs);
    const button = put(create("button", { type: "button", class: "quiet copy" }), "copy");
    put(button, "transcript.copy_line", { at }, "sayLabel");
    button.tabIndex = -1;
    // A line that is kept nowhere is copied as it is read.
    addCopy(button, () => textOf(kept(worded(entry))) || textOf(entry), this.parts.announce);
    return create("li", {}, create("span", { class: "time" }, at), this.#text(entry), button);
  }

  /** @param {Entry} entry */
  #text(entry) {
    const read = this.parts.asRead(entry);
    const text = create("p", { dir: "auto" });
    if (read.kind === "final") text.append(...markedText(read.text, read.words));
    else text.append(create("span", { class: "gap-mark" }, worded(read).text));
    if (read.language) text.lang = read.language;
    return text;
  }

  /** @param {boolean} toEnd */
  #afterChange(toEnd) {
    const { scroller, list, empty } = this.parts;
    empty.hidden = this.#lines.size > 0;
    if (!list.querySelector('button[tabindex="0"]')) this.#makeReachable(list.lastElementChild);
    if (toEnd) scroller.scrollTop = scroller.scrollHeight;
  }

  /**
   * Tab reaches one button of the list; the arrow keys go from line to line.
   *
   * @param {KeyboardEvent} event
   */
  #moveFocus(event) {
    const line = /** @type {Element} */ (event.target).closest("li");
    const { list } = this.parts;
    const to = {
      ArrowUp: line?.previousElementSibling,
      ArrowDown: line?.nextElementSibling,
      Home: list.firstElementChild,
      End: list.lastElementChild,
    }[event.key];
    if (!to) return;
    event.preventDefault();
    this.#makeReachable(to)?.focus();
  }

  /** @param {Element | null} line */
  #makeReachable(line) {
    const { list } = this.parts;
    const old = /** @type {HTMLElement | null} */ (list.querySelector('button[tabindex="0"]'));
    if (old) old.tabIndex = -1;
    const button = line?.querySelector("button");
    if (button) button.tabIndex = 0;
    return button;
  }
}

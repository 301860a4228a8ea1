/**
 * The captions on screen. Final ones go into the log (a live region: assistive technology announces
 * what is added there, once); the growing ones stand below it, outside of the live region.
 *
 * Lines that were read do not move about: text only grows at its end, what is corrected is fitted into its
 * place, space once taken by a line is kept when the line gets shorter, and the view scrolls only downwards
 * by itself. Where a reader wants
 * lines corrected, those below a corrected line stay where they are, as they are being read.
 *
 * @typedef {import("./transcript.js").Entry} Entry
 *
 * @typedef {object} Parts
 * @property {HTMLElement} viewport scrolls
 * @property {HTMLElement} lines    holds the next two
 * @property {HTMLElement} log      final captions, role="log"
 * @property {HTMLElement} open     growing captions
 * @property {HTMLElement} earlier  says where captions are that stand here no more
 * @property {HTMLButtonElement} latest takes a reader who scrolled up back to the newest caption
 */

import { wordsOf } from "./caption-words.js";
import { StillText } from "./still-text.js";
import { markedText } from "./uncertain.js";
import { put, write } from "./words.js";

/** Closer to the end than this counts as being at the end, in CSS pixels. */
const AT_END_PX = 40;
/**
 * So many captions stand here before old ones go: a page that is open for hours must not grow. They go
 * where the reader follows the newest one and sees nothing of it, and much later otherwise.
 */
const MAX_LINES = 100;
const LINES_KEPT = 50;
const MAX_LINES_UNFOLLOWED = 500;

export class CaptionsView {
  /** Entry id -> its text among the growing captions. */
  /** @type {Map<number, StillText>} */
  #open = new Map();
  /** Whether the view follows the newest caption, or the reader scrolled up. */
  #following = true;
  #lastScrollPx = 0;
  /** Width and text size that the lines were broken for. */
  #layout = "";

  /** @param {Parts} parts */
  constructor(parts) {
    this.parts = parts;
    parts.viewport.addEventListener("scroll", () => this.#noteScroll(), { passive: true });
    parts.latest.addEventListener("click", () => this.#follow());
    const sizes = new ResizeObserver(() => this.#noteSize());
    sizes.observe(parts.viewport);
    sizes.observe(parts.lines);
  }

  /** @param {Entry} entry as the transcript has it now */
  show(entry) {
    if (entry.kind === "open") this.#showOpen(entry);
    else this.#close(entry);
    this.#keepPlace();
  }

  /**
   * Change the text of a final caption, where its line still stands. Without text the line takes no room.
   *
   * @param {Entry} entry
   */
  correct({ id, text, words }) {
    const { viewport, lines, log } = this.parts;
    const line = this.#lineOf(id);
    if (!line) return;
    const isAbove = line.getBoundingClientRect().top < viewport.getBoundingClientRect().top;
    const { height: wasPx } = log.getBoundingClientRect();
    const { height: heldPx } = lines.getBoundingClientRect();
    line.ariaLive = "off"; // it was announced when it came
    line.replaceChildren(...markedText(text, words));
    const grownPx = log.getBoundingClientRect().height - wasPx;
    if (heldPx < wasPx) return; // in blocks nobody sees these lines
    lines.style.minHeight = `${heldPx + grownPx}px`;
    const top = this.#following ? viewport.scrollHeight : viewport.scrollTop + (isAbove ? grownPx : 0);
    viewport.scrollTo({ top, behavior: "instant" });
    this.#lastScrollPx = viewport.scrollTop; // the reader did not scroll up
  }

  clear() {
    this.parts.earlier.hidden = true;
    this.parts.log.replaceChildren();
    this.parts.open.replaceChildren();
    this.#open.clear();
    this.parts.lines.style.minHeight = "";
    this.#follow();
  }

  /** @param {Entry} entry */
  #showOpen(entry) {
    const words = wordsOf(entry);
    if (!words.length && !this.#open.has(entry.id)) return; // a line of its own comes with the first word
    const text = this.#open.get(entry.id) ?? this.#addOpen(entry);
    text.show(words);
  }

  /** @param {Entry} entry */
  #addOpen(entry) {
    const line = element("p", "caption");
    if (entry.language) line.lang = entry.language;
    this.parts.open.append(line);
    const text = new StillText(line);
    this.#open.set(entry.id, text);
    return text;
  }

  /** @param {Entry} entry */
  #close(entry) {
    const text = this.#open.get(entry.id);
    if (entry.kind === "final" && entry.text) this.#log(entry, finalLine(entry, text));
    else text?.element.remove();
    this.#open.delete(entry.id);
    if (entry.kind === "failed") this.#log(entry, gapLine(entry));
    if (entry.kind === "lost") this.#log(entry, lostLine(entry));
  }

  /**
   * Put a line at the end, but before sound that was lost later; in place of an older one of the entry.
   *
   * @param {Entry} entry
   * @param {HTMLElement} line
   */
  #log(entry, line) {
    const { log } = this.parts;
    this.#lineOf(entry.id)?.remove();
    line.dataset.entry = String(entry.id);
    if (entry.kind === "lost") line.dataset.lostMs = String(entry.startMs);
    const lines = /** @type {HTMLElement[]} */ ([...log.children]);
    const before = lines.findLast(({ dataset }) => !(Number(dataset.lostMs) > entry.startMs));
    if (before) before.after(line);
    else log.prepend(line);
    if (lines.length >= (this.#following ? MAX_LINES : MAX_LINES_UNFOLLOWED)) this.#trim();
  }

  /**
   * @param {number} id of an entry
   * @returns {HTMLElement | null}
   */
  #lineOf(id) {
    return this.parts.log.querySelector(`[data-entry="${id}"]`);
  }

  /** Take the oldest lines away; those that stay do not move on the screen. */
  #trim() {
    const { viewport, lines, log, earlier } = this.parts;
    lines.style.minHeight = "";
    const stays = /** @type {Element} */ (log.children[log.children.length - LINES_KEPT]);
    const wasPx = stays.getBoundingClientRect().top;
    while (log.firstElementChild !== stays) log.firstElementChild?.remove();
    earlier.hidden = false;
    const movedPx = stays.getBoundingClientRect().top - wasPx;
    viewport.scrollTo({ top: viewport.scrollTop + movedPx, behavior: "instant" });
    this.#lastScrollPx = viewport.scrollTop; // the reader did not scroll up
  }

  /**
   * Hold the space that the lines ever took, and follow the newest caption if the reader does.
   *
   * @param {ScrollBehavior} [behavior]
   */
  #keepPlace(behavior = "auto") {
    const { viewport, lines } = this.parts;
    // The least height was set before the lines changed, so not even a layout in between can make
    // the page shorter and the browser pull the lines down.
    lines.style.minHeight = `${lines.getBoundingClientRect().height}px`;
    if (this.#following) viewport.scrollTo({ top: viewport.scrollHeight, behavior });
  }

  #noteSize() {
    const { lines } = this.parts;
    const layout = `${lines.clientWidth} ${getComputedStyle(lines).fontSize}`;
    // Another width or text size breaks the lines anew: the space kept for old ones means nothing.
    if (layout !== this.#layout) {
      lines.style.minHeight = "";
      for (const held of lines.querySelectorAll(".caption[style], .caption [style]"))
        held.removeAttribute("style");
    }
    this.#layout = layout;
    this.#keepPlace("instant");
  }

  #noteScroll() {
    const { viewport, latest } = this.parts;
    const { scrollTop } = viewport;
    const toEndPx = viewport.scrollHeight - viewport.clientHeight - scrollTop;
    if (toEndPx < AT_END_PX) this.#following = true;
    else if (scrollTop < this.#lastScrollPx) this.#following = false; // only a reader scrolls up
    this.#lastScrollPx = scrollTop;
    viewport.toggleAttribute("data-scrolled", scrollTop > 1);
    latest.hidden = this.#following;
  }

  #follow() {
    const { viewport, latest } = this.parts;
    // A hidden button would drop the keyboard's focus to the top of the page.
    if (document.activeElement === latest) viewport.focus({ preventScroll: true });
    this.#following = true;
    latest.hidden = true;
    viewport.scrollTo({ top: viewport.scrollHeight });
  }
}

/**
 * @param {Entry} entry
 * @param {StillText} [growing] as which it was read so far
 */
function finalLine(entry, growing) {
  const text = growing ?? new StillText(element("p", ""));
  const line = text.element;
  line.className = "caption final";
  text.show(wordsOf(entry));
  text.rest();
  if (entry.language) line.lang = entry.language;
  return line;
}

/** @param {Entry} entry */
function gapLine(entry) {
  const line = element("p", "caption gap");
  if (entry.text) line.append(element("span", "unstable", entry.text), " ");
  const mark = element("span", "gap-mark");
  line.append(put(mark, entry.text ? "captions.incomplete" : "captions.missing"));
  const reason = element("span", "gap-reason");
  reason.dir = "auto";
  line.append(" ", write(reason, entry.message));
  return line;
}

/** @param {Entry} entry */
function lostLine(entry) {
  const line = element("p", "caption gap");
  line.append(write(element("span", "gap-mark"), entry.text));
  return line;
}

/**
 * @param {string} tag
 * @param {string} className
 * @param {string} [text]
 */
function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  if (tag === "p") made.dir = "auto"; // Arabic and Hebrew captions read from the right
  return made;
}

/**
 * The captions of the overlay, each with lines of its own: a new one pushes the others up, and changes
 * nothing about how they are broken.
 *
 * @typedef {import("./recent.js").Caption} Caption
 */

import { growingWords } from "./caption-words.js";
import { create } from "./dom.js";
import { StillText } from "./still-text.js";

export class OverlayLines {
  /** @type {Map<Caption, StillText>} */
  #texts = new Map();
  /** @type {Caption | undefined} */
  #first;

  /**
   * @param {HTMLElement} parent   holds the lines, of which the last ones are seen
   * @param {boolean} withUnstable whether words are shown that may still change
   */
  constructor(parent, withUnstable) {
    this.parent = parent;
    this.withUnstable = withUnstable;
    addEventListener("resize", () => this.#loosen());
  }

  /** @param {Caption[]} captions in order */
  show(captions) {
    if (captions[0] !== this.#first) this.forgetRoom(); // what left it was above, out of sight
    [this.#first] = captions;
    for (const caption of captions) this.#put(caption);
    for (const [caption, text] of this.#texts) {
      if (captions.includes(caption)) continue;
      text.element.remove();
      this.#texts.delete(caption);
    }
    // A caption that gets shorter, or goes, does not pull down what is read above it.
    this.parent.style.minHeight = `${this.parent.getBoundingClientRect().height}px`;
  }

  /** Keep no room for lines that were there. */
  forgetRoom() {
    this.parent.style.minHeight = "";
  }

  /** Lines that are broken anew have no places to keep. */
  #loosen() {
    this.forgetRoom();
    for (const held of this.parent.querySelectorAll("[style]")) held.removeAttribute("style");
  }

  /** @param {Caption} caption */
  #put(caption) {
    const { stable, unstable, open, language } = caption;
    const words = growingWords(stable, this.withUnstable ? unstable : "");
    const text = this.#texts.get(caption) ?? (words.length ? this.#add(caption) : null);
    if (!text) return;
    if (language) text.element.lang = language;
    text.show(words);
    if (!open) text.rest();
  }

  /** @param {Caption} caption */
  #add(caption) {
    const line = create("p", { dir: "auto" });
    this.parent.append(line);
    const text = new StillText(line);
    this.#texts.set(caption, text);
    return text;
  }
}

/**
 * Captions in block style while they grow: what stands on the screen is left whole, and replaced by what
 * follows it. Pure: no page.
 *
 * @typedef {import("./transcript.js").Entry} Entry
 * @typedef {import("./caption-words.js").Word} Word
 *
 * @typedef {object} InBlock
 * @property {Entry} entry
 * @property {number} index   of the word in its entry
 * @property {"" | "silence" | "direction"} apart  why a new block begins here, if one does: a silence was before
 *   it, or it is read the other way
 *
 * @typedef {Word & InBlock} BlockWord
 */

import { wordsOf } from "./caption-words.js";
import { changes, placeAfter } from "./changes.js";
import { APART_MS, startsNewWord } from "./cues.js";
import { writingDirection } from "./direction.js";

export class Block {
  /** The first entry that is still shown, how many words of it have gone, and all of its words. */
  #from = { id: 0, gone: 0, texts: /** @type {string[]} */ ([]) };

  clear() {
    this.#from = { id: 0, gone: 0, texts: [] };
  }

  /**
   * What has not gone yet.
   *
   * @param {Entry[]} entries the whole transcript
   * @returns {BlockWord[]}
   */
  words(entries) {
    /** @type {BlockWord[]} */
    const words = [];
    let endMs = Infinity;
    let direction = ""; // of the block
    for (const entry of entries.filter(({ id }) => id >= this.#from.id)) {
      const own = wordsOf(entry);
      const gone = entry.id === this.#from.id ? this.#follow(own) : 0;
      const rest = own.slice(gone);
      const read = writingDirection(rest.map(({ text }) => text).join(" "));
      /** @type {InBlock["apart"]} */
      let apart = "";
      if (words.length && entry.startMs - endMs >= APART_MS) apart = "silence";
      else if (direction && read && read !== direction) apart = "direction";
      if (own.length) endMs = entry.endMs;
      if (rest.length) direction = apart ? read : direction || read;
      rest.forEach((word, at) => {
        const last = words.at(-1)?.text;
        const spaced = at ? word.spaced : last !== undefined && startsNewWord(last, word.text);
        words.push({
          ...word,
          spaced,
          entry,
          index: gone + at,
          apart: at ? "" : apart,
        });
      });
    }
    return words;
  }

  /**
   * Leave everything before a word behind for good.
   *
   * @param {BlockWord} word
   */
  leave({ entry, index }) {
    this.#from = { id: entry.id, gone: index, texts: wordsOf(entry).map(({ text }) => text) };
  }

  /**
   * How many words have gone of an entry that may have been corrected meanwhile.
   *
   * @param {Word[]} words
   */
  #follow(words) {
    const { gone, texts } = this.#from;
    const now = words.map(({ text }) => text);
    this.#from.texts = now;
    this.#from.gone = placeAfter(gone, changes(texts, now));
    return this.#from.gone;
  }
}

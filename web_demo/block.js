/**
 * Captions in block style while they grow: two lines that fill up and are then replaced, so that no word
 * moves while it is read. Pure: no page.
 *
 * @typedef {import("./transcript.js").Entry} Entry
 * @typedef {{text: string, settled: boolean}} Piece of a line: settled ones do not change any more
 * @typedef {{text: string, settled: boolean, entry: Entry, index: number}} Unit
 */

import { textUnits, textWidth } from "./breaks.js";
import { APART_MS, LAYOUT, layOut, startsNewWord } from "./cues.js";

export class Block {
  /** The first entry that is still shown, and how many units of it have gone. */
  #from = { id: 0, gone: 0 };

  clear() {
    this.#from = { id: 0, gone: 0 };
  }

  /**
   * The lines to show now. What is full is left behind for good.
   *
   * @param {Entry[]} entries the whole transcript
   * @param {number} [width] columns of a line
   * @returns {Piece[][]}
   */
  lines(entries, width = LAYOUT.width) {
    let units = this.#units(entries);
    let lines = filled(units, width);
    while (lines.length > LAYOUT.lines) {
      const { text, language } = { text: textOf(units), language: units[0].entry.language };
      const [cue] = layOut([{ text, language, startMs: 0, endMs: 0 }], { ...LAYOUT, width });
      const gone = cue.lines.reduce((sum, line) => sum + textUnits(line).length, 0);
      units = units.slice(gone);
      this.#from = { id: units[0].entry.id, gone: units[0].index };
      lines = filled(units, width);
    }
    return lines.map(pieces);
  }

  /**
   * The units that are still shown: after the last silence, and after what has gone.
   *
   * @param {Entry[]} entries
   * @returns {Unit[]}
   */
  #units(entries) {
    const { id, gone } = this.#from;
    /** @type {Unit[]} */
    let units = [];
    let endMs = -Infinity;
    for (const entry of entries.filter((entry) => entry.id >= id)) {
      const own = unitsOf(entry);
      if (!own.length) continue;
      if (entry.startMs - endMs >= APART_MS && units.length) {
        units = [];
        this.#from = { id: entry.id, gone: 0 };
      }
      const last = units.at(-1);
      if (last && startsNewWord(last.text, own[0].text)) own[0].text = ` ${own[0].text}`;
      units.push(...own.slice(entry.id === id ? gone : 0));
      endMs = entry.endMs;
    }
    return units;
  }
}

/**
 * @param {Entry} entry
 * @returns {Unit[]}
 */
function unitsOf(entry) {
  const growing = entry.kind === "open";
  const text = growing ? entry.stable + entry.unstable : entry.text;
  let from = 0;
  return textUnits(text.trim().split(/\s+/u).join(" ")).map((unit, index) => {
    from += unit.length;
    return { text: unit, settled: !growing || from <= entry.stable.length, entry, index };
  });
}

/** @param {Unit[]} units */
function textOf(units) {
  return units
    .map(({ text }) => text)
    .join("")
    .trim();
}

/**
 * Lines filled one after the other: a word that stands stays where it is.
 *
 * @param {Unit[]} units
 * @param {number} width columns
 */
function filled(units, width) {
  /** @type {Unit[][]} */
  const lines = [];
  for (const unit of units) {
    const line = lines.at(-1);
    if (line && textWidth(textOf([...line, unit])) <= width) line.push(unit);
    else lines.push([unit]);
  }
  return lines;
}

/**
 * @param {Unit[]} line
 * @returns {Piece[]}
 */
function pieces(line) {
  /** @type {Piece[]} */
  const joined = [];
  for (const { text, settled } of line) {
    const last = joined.at(-1);
    const words = text.trimStart();
    if (last) last.text += text.slice(0, text.length - words.length); // a mark under it looks like a slip
    if (last?.settled === settled) last.text += words;
    else joined.push({ text: words, settled });
  }
  return joined;
}

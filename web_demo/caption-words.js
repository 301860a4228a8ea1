/**
 * A caption as the words that are shown of it. Pure: no page.
 *
 * @typedef {import("./transcript.js").Entry} Entry
 *
 * @typedef {object} Word what stays whole in a line
 * @property {string} text
 * @property {boolean} spaced  whether a space stands before it
 * @property {boolean} settled whether it does not change any more
 * @property {number | null} confidence where it is to be marked as uncertain
 */

import { textUnits } from "./breaks.js";
import { SENTENCE_ENDS } from "./tables.js";
import { stretches } from "./uncertain.js";

const MARKS_AT_END = new RegExp(`[\\s${SENTENCE_ENDS}]+$`, "u");

/**
 * What may be seen of the words that may still change. Whether the sentence ends there is not known yet, and
 * a full stop that goes again makes a reader stop.
 *
 * @param {string} unstable
 */
export function shownUnstable(unstable) {
  return unstable.replace(MARKS_AT_END, "");
}

/**
 * @param {Pick<Entry, "kind" | "stable" | "unstable" | "text" | "words">} entry
 * @returns {Word[]}
 */
export function wordsOf(entry) {
  if (entry.kind === "open") return growingWords(entry.stable, entry.unstable);
  const text = tidy(entry.text);
  const uncertain = [];
  let from = 0;
  for (const { text: stretch, confidence } of stretches(text, entry.words)) {
    if (confidence !== null) uncertain.push({ from, to: from + stretch.length, confidence });
    from += stretch.length;
  }
  return units(text).map(({ from, to, ...word }) => {
    const mark = uncertain.find((each) => each.from < to && from < each.to);
    return { ...word, settled: true, confidence: mark?.confidence ?? null };
  });
}

/**
 * @param {string} stable
 * @param {string} unstable
 * @returns {Word[]}
 */
export function growingWords(stable, unstable) {
  const settledTo = tidy(stable).length;
  return units(tidy(stable + shownUnstable(unstable))).map(({ text, spaced, to }) => ({
    text,
    spaced,
    settled: to <= settledTo,
    confidence: null,
  }));
}

/** @param {string} text */
function tidy(text) {
  return text.trim().split(/\s+/u).join(" ");
}

/** @param {string} text whose only white space is single spaces */
function units(text) {
  let to = 0;
  return textUnits(text).map((unit) => {
    const from = to;
    to += unit.length;
    const spaced = unit.startsWith(" ");
    return { text: unit.trimStart(), spaced, from: spaced ? from + 1 : from, to };
  });
}

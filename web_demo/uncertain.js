/**
 * Which words of a caption the recogniser was not sure of.
 *
 * @typedef {import("./transcript.js").Word} Word
 * @typedef {{text: string, confidence: number | null}} Stretch of a text; null where it needs no mark
 */

import { put } from "./words.js";

/** Words that the recogniser takes for less likely than this are marked. */
export const SURE = 0.5;

/**
 * A text cut at its uncertain words. Pure.
 *
 * @param {string} text
 * @param {Word[]} words
 * @returns {Stretch[]}
 */
export function stretches(text, words) {
  /** @type {Stretch[]} */
  const found = [];
  let from = 0; // of what is not in a stretch yet
  let at = 0; // up to here words were found
  for (const { text: spoken, confidence } of words) {
    const word = spoken.trim();
    const start = word ? text.indexOf(word, at) : -1;
    if (start < 0) continue;
    at = start + word.length;
    if (confidence >= SURE) continue;
    if (start > from) found.push({ text: text.slice(from, start), confidence: null });
    found.push({ text: word, confidence });
    from = at;
  }
  if (from < text.length) found.push({ text: text.slice(from), confidence: null });
  return found;
}

/**
 * The text with its uncertain words marked. The marks show where the settings ask for them.
 *
 * @param {string} text
 * @param {Word[]} words
 * @returns {(Node | string)[]}
 */
export function markedText(text, words) {
  return stretches(text, words).map(({ text, confidence }) => {
    return confidence === null ? text : uncertainWord(text, confidence);
  });
}

/**
 * @param {string} text
 * @param {number} confidence
 */
export function uncertainWord(text, confidence) {
  const mark = document.createElement("mark");
  const percent = Math.round(confidence * 100);
  mark.textContent = text;
  mark.dataset.percent = String(percent);
  return put(mark, "captions.uncertain", { percent }, "sayTitle");
}

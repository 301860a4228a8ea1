/**
 * Whether a full stop may end a sentence: the same rules as in the server's
 * `captioning/abbreviations.py`, which says why, on the same tables.
 */

import { ABBREVIATIONS, ORDINALS, PARTICLES, STARTERS, WORDS_OF_A_LETTER, YEARS } from "./tables.js";

const AROUND = "[\"'“”„‘’‚«»‹›()\\[\\]{}¿¡ \\u00a0\\u202f]+";
const BEFORE = new RegExp(`^${AROUND}`, "u");
const BEHIND = new RegExp(`${AROUND}$`, "u");
const DOTTED = /^(?:\p{L}{1,2}\.[-\u00a0\u202f]?)+\p{L}{1,3}$/u;
const JOINT = /['’/-]/u;
const DECIMAL = /^\p{Nd}{1,3}$/u;
const YEAR = /^\p{Nd}{4}$/u;
const ROMAN = /^[IVX]+$/u;
const NUMBER = /^(?:[^\p{L}\p{N}]?\p{Nd}|[IVXLC]{2,}(?![\p{L}\p{N}_]))/u;
const MARKS_AROUND = /^[,;:.!?…]+|[,;:.!?…]+$/gu;
const LETTER = /^[A-Z]/u;
const INITIAL = /^\p{L}\.(?!\.)/u;
const ALPHABETS_END = "\u0e00";

/** @typedef {"before" | "inside" | "numbered" | "either"} Kind */

/** @type {Map<string, Map<string, Kind>>} by language */
const KINDS = new Map(
  Object.entries(ABBREVIATIONS).map(([language, kinds]) => [language, byWord(kinds)]),
);
const starters = new Map(
  Object.entries(STARTERS).map(([language, words]) => [language, new Set(words.split(" "))]),
);
const particles = new Set(PARTICLES.split(" "));
const ordinals = new Set(ORDINALS.split(" "));
const years = new Set(YEARS.split(" "));
const vowels = new Set("aeiou");

/**
 * Whether the full stop with which a word ends may be the end of a sentence.
 *
 * @param {string} word with the marks around it
 * @param {string} after the next one; empty where it is not known
 * @param {string} language a code such as "en"
 */
export function mayEndSentence(word, after, language) {
  const name = bare(word).replace(/\.$/u, "");
  const kind = kindOf(name, language);
  after = bare(after);
  const starter = after.replace(MARKS_AROUND, "").toLowerCase().replaceAll("\u0307", "");
  if (/^\p{Lu}$/u.test(name) && INITIAL.test(after)) return false;
  if (!kind || (kind === "numbered" && !counts(after, starter, language))) return true;
  if (kind === "before" || kind === "numbered") return false;
  if (!after) return kind === "either";
  if (!/^\p{Lu}/u.test(after)) return false;
  const known = starters.get(language);
  if (!known) return kind === "either";
  const initial = /^\p{L}$/u.test(name) && particles.has(starter);
  return known.has(starter) && !initial;
}

/**
 * Whether a number follows, or in its place a capital letter that is no word of the language.
 *
 * @param {string} after
 * @param {string} starter the same in small letters, without marks
 * @param {string} language
 */
function counts(after, starter, language) {
  if (NUMBER.test(after)) return true;
  const letter = starter.length === 1 && LETTER.test(after);
  return letter && !(starters.get(language) ?? vowels).has(starter);
}

/**
 * @param {string} name
 * @param {string} language
 * @returns {Kind | undefined} none where the full stop is an ordinary one
 */
function kindOf(name, language) {
  const kind = listed(name, language);
  if (kind) return kind;
  if (/^\p{Ll}$/u.test(name)) return WORDS_OF_A_LETTER.includes(name) ? undefined : "before";
  if (/^\p{Lu}$/u.test(name)) return name === "I" && language === "en" ? undefined : "inside";
  if (/^\p{Lo}$/u.test(name)) return name < ALPHABETS_END ? "before" : undefined;
  if (DECIMAL.test(name) || (ROMAN.test(name) && ordinals.has(language))) {
    return ordinals.has(language) ? "inside" : "either";
  }
  if (YEAR.test(name) && years.has(language)) return "either";
  return listed(name.split(JOINT).at(-1) ?? "", language) ?? (DOTTED.test(name) ? "either" : undefined);
}

/**
 * @param {string} name
 * @param {string} language
 * @returns {Kind | undefined} what the tables say
 */
function listed(name, language) {
  const small = name.toLowerCase();
  const forms = [name, small];
  if (name === name.toUpperCase() && name !== small) {
    forms.push([...name][0] + [...small].slice(1).join(""));
  }
  for (const kinds of [KINDS.get(language), KINDS.get("")]) {
    const form = forms.find((each) => kinds?.has(each));
    if (form !== undefined) return kinds?.get(form);
  }
  return undefined;
}

/** @param {string} word */
function bare(word) {
  return word.replace(BEFORE, "").replace(BEHIND, "");
}

/**
 * @param {{[kind: string]: string}} kinds
 * @returns {Map<string, Kind>}
 */
function byWord(kinds) {
  return new Map(
    Object.entries(kinds).flatMap(([kind, words]) =>
      words.split(" ").map((word) => [word, /** @type {Kind} */ (kind)]),
    ),
  );
}

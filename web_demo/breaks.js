/**
 * Where a text may be broken, and how well it reads when it is broken there: the same rules and the
 * same numbers as in the server's `subtitles/breaks.py`, which says why.
 */

import { mayEndSentence } from "./sentence.js";
import {
  ANYWHERE,
  APART,
  BEFORE_CONSONANT,
  BOUND,
  CHARACTER,
  CLAUSE,
  CLAUSE_ENDS,
  CLOSING_MARKS,
  LEADS,
  NEVER_FIRST,
  NO_SPACES,
  OPENING,
  OPENING_WIDE,
  PHRASE,
  SENTENCE,
  SENTENCE_ENDS,
} from "./tables.js";

const MARK = `(?:[^\\p{L}\\p{N}_\\s${OPENING}]|[${NEVER_FIRST}])`;
const UNIT = new RegExp(
  ` ?(?:[${OPENING}]*[${BEFORE_CONSONANT}]?[${NO_SPACES}]${MARK}*` +
    `|[${OPENING}]*[^ ${NO_SPACES}${OPENING_WIDE}]+${MARK}*|[^ ])` +
    "(?: [?!:;»…%]+(?= |$))*",
  "gu",
);
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;

const SENTENCE_END = new RegExp(`[${SENTENCE_ENDS}]$`, "u");
const CLAUSE_END = new RegExp(`[${CLAUSE_ENDS}]$`, "u");
const CLOSERS = new RegExp(`[${CLOSING_MARKS.replace("]", "\\]")} ]+$`, "u");
const NUMBER = /^[^\p{L}\p{N}_\s]?\p{Nd}[\p{Nd}.,:]*$/u;
const SMALL = /^\p{Lowercase}/u;
const DIGIT = /^\p{Nd}/u;

/** Words that lead into what follows, by language. */
const leading = new Map(
  Object.entries(LEADS).map(([language, words]) => [language, new Set(words.split(" "))]),
);

/**
 * Cut text whose only white space is single spaces into what stays whole: words, or characters of a
 * script without spaces, with their marks and the space before them.
 *
 * @param {string} text
 * @returns {string[]}
 */
export function textUnits(text) {
  return text.match(UNIT) ?? [];
}

/**
 * Columns that a text takes: full-width characters count double, combining marks nothing.
 *
 * @param {string} text
 */
export function textWidth(text) {
  let sum = 0;
  for (const character of text) sum += WIDE.test(character) ? 2 : /\p{Mn}/u.test(character) ? 0 : 1;
  return sum;
}

/**
 * What it costs to break between two units of a text.
 *
 * @param {string} before
 * @param {string} after
 * @param {string} language a code such as "en"
 */
export function breakCost(before, after, language) {
  const spaced = after.startsWith(" ");
  before = before.trim();
  after = after.trim();
  const bare = before.replace(CLOSERS, "");
  const leads = leading.get(language) ?? new Set();
  if (SENTENCE_END.test(bare)) {
    if (bare.endsWith(".") && !bare.endsWith("..")) return fullStopCost(bare, after, language);
    return SMALL.test(after) || bare.endsWith("..") ? CLAUSE : SENTENCE;
  }
  if (CLAUSE_END.test(bare)) return CLAUSE;
  if (NUMBER.test(before) || leads.has(before.toLowerCase())) return APART;
  if (!spaced) return CHARACTER;
  return leads.has(after.toLowerCase()) ? PHRASE : ANYWHERE;
}

/**
 * What it costs to break after a single full stop.
 *
 * @param {string} word
 * @param {string} after
 * @param {string} language
 */
function fullStopCost(word, after, language) {
  if (!mayEndSentence(word, after, language)) return BOUND;
  const counted = DIGIT.test(after) && !NUMBER.test(word);
  return SMALL.test(after) || counted ? APART : SENTENCE;
}

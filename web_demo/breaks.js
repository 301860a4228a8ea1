/**
 * Where a text may be broken, and how well it reads when it is broken there: the same rules and the
 * same numbers as in the server's `subtitles/breaks.py`, which says why.
 */

import { mayEndSentence } from "./sentence.js";

export const SENTENCE = 0;
export const CLAUSE = 6;
const PHRASE = 14;
const ANYWHERE = 20;
const CHARACTER = 36;
const APART = 60;
export const BOUND = 200;

const NO_SPACES = "\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u3040-\\u30ff\\u3400-\\u9fff\\uf900-\\ufaff";
const OPENING_WIDE = "\\u3008\\u300a\\u300c\\u300e\\u3010\\u3014\\u3016\\uff08\\uff3b\\uff5b";
const OPENING = `${OPENING_WIDE}\\u201c\\u2018(\\[\\{«¿¡`;
const BEFORE_CONSONANT = "\\u0e40-\\u0e44\\u0ec0-\\u0ec4";
const NEVER_FIRST =
  "\\u0e2f\\u0e30\\u0e32\\u0e33\\u0e45\\u0e46\\u0eb0\\u0eb2\\u0eb3\\u0ec6\\u3005\\u303b" +
  "\\u3041\\u3043\\u3045\\u3047\\u3049\\u3063\\u3083\\u3085\\u3087\\u308e\\u309d\\u309e" +
  "\\u30a1\\u30a3\\u30a5\\u30a7\\u30a9\\u30c3\\u30e3\\u30e5\\u30e7\\u30ee\\u30f5\\u30f6\\u30fc\\u30fd\\u30fe";
const MARK = `(?:[^\\p{L}\\p{N}_\\s${OPENING}]|[${NEVER_FIRST}])`;
const UNIT = new RegExp(
  ` ?(?:[${OPENING}]*[${BEFORE_CONSONANT}]?[${NO_SPACES}]${MARK}*` +
    `|[${OPENING}]*[^ ${NO_SPACES}${OPENING_WIDE}]+${MARK}*|[^ ])` +
    "(?: [?!:;»…%]+(?= |$))*",
  "gu",
);
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;

const CLOSERS = /["'”’»)\]\uff09\u300d\u300f\u3011 ]+$/u;
const SENTENCE_END = /[.?!。？！؟।۔։።፧။។]$/u;
const CLAUSE_END = /[,;:，、\uff1b：،…–—]$/u;
const NUMBER = /^[^\p{L}\p{N}_\s]?\p{Nd}[\p{Nd}.,:]*$/u;
const SMALL = /^\p{Lowercase}/u;
const DIGIT = /^\p{Nd}/u;

/** Words that lead into what follows, by language. */
/** @type {Record<string, Set<string>>} */
export const LEADS = Object.fromEntries(
  Object.entries({
    de:
      "aber als am an auf aus bei bis damit das dass dem den denn der des die durch ein eine " +
      "einem einen einer eines für gegen hinter im in ins mit nach oder ob ohne seit sondern über um " +
      "und unter vom von vor während weil wenn wie zu zum zur zwischen",
    en:
      "a about after although an and are as at because before but by can could during for from " +
      "had has have he her his i if in into is its like may might must my nor of on or our over " +
      "she should since so than that the their they this through to under until was we were when " +
      "where which while who whose will with without would your",
    es:
      "a al aunque como con cuando de del desde donde e el en entre hasta la las lo los mi ni " +
      "o para pero por porque que se si sin sobre su sus u un una unas unos y",
    fr:
      "à au aux avec ce ces cette chez comme dans de des donc du elle en et il je la le les " +
      "leur leurs mais mon ne ni nous on ou où par parce pour quand que qui sa sans se ses si son " +
      "sous sur un une vers vous",
    it:
      "a al alla alle anche che con come da dal dalla dei del della delle di e ed fra gli i il " +
      "in la le lo ma nel nella o per perché quando se senza si su sul sulla tra un una uno",
    nl:
      "aan als bij dat de die door een en het hun in maar met na naar of om omdat onder op " +
      "over te tegen tot uit van voor want wanneer zijn zonder",
    pt:
      "a ao aos as até com como da das de do dos e em entre mas na nas no nos o os ou para " +
      "pela pelo por porque quando que se sem sobre sua um uma",
  }).map(([language, words]) => [language, new Set(words.split(" "))]),
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
  const leads = LEADS[language] ?? new Set();
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

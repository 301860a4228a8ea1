/**
 * The languages that can be spoken, by name: those that Whisper models know. Which of them the server's model
 * can do is the server's to say: it refuses the others with a sentence.
 */

import { CODES } from "./tables.js";

/** Whisper's code -> what everybody else writes, where browsers do not know that by themselves. */
const TAGS = new Map([["jw", "jv"]]);

/**
 * @typedef {{code: string, name: string, own: string}} Named `own` is empty where it is the same
 */

/**
 * @param {string} page the language of the names
 * @returns {Named[]} sorted
 */
export function namedLanguages(page) {
  const named = Object.entries(CODES).map(([english, code]) => {
    const tag = TAGS.get(code) ?? code;
    const name = nameIn(page, tag) || capital(english, "en");
    const own = nameIn(tag, tag);
    const isSame = own.toLocaleLowerCase(tag) === name.toLocaleLowerCase(page);
    return { code, name: capital(name, page), own: isSame ? "" : capital(own, tag) };
  });
  const { compare } = new Intl.Collator(page);
  return named.sort((a, b) => compare(a.name, b.name));
}

/**
 * Fill a menu, or fill it again in another language.
 *
 * @param {HTMLSelectElement} select whose first option, which stays, is "auto"
 * @param {string} [page]
 */
export function addLanguages(select, page = "en") {
  const chosen = select.value;
  select.length = 1;
  for (const { code, name, own } of namedLanguages(page)) {
    // What is isolated keeps its own direction, whatever stands beside it.
    select.add(new Option(own ? `${name} – \u2068${own}\u2069` : name, code));
  }
  select.value = chosen;
}

/**
 * @param {string} language of the name
 * @param {string} tag
 * @returns {string} empty where the browser does not know it
 */
function nameIn(language, tag) {
  if (!Intl.DisplayNames.supportedLocalesOf([language]).length) return ""; // or it would be in another one
  return new Intl.DisplayNames([language], { type: "language", fallback: "none" }).of(tag) ?? "";
}

/**
 * @param {string} name
 * @param {string} language
 */
function capital(name, language) {
  const [first = "", ...rest] = name;
  return first.toLocaleUpperCase(language) + rest.join("");
}

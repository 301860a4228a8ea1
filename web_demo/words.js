/**
 * What the page says, in its reader's language. Elements keep the key of what they say (`data-say`, or
 * `data-say-label` for an attribute), so that another language can be chosen at any time. The English in
 * the HTML stands there until then, and without scripts.
 *
 * @typedef {import("./page-languages.js").PageLanguage} PageLanguage
 * @typedef {import("./wording.js").Catalogue} Catalogue
 * @typedef {import("./wording.js").Said} Said
 * @typedef {import("./wording.js").Values} Values
 */

import { directionOf, FALLBACK, PAGE_LANGUAGES, pageLanguage } from "./page-languages.js";
import { keepPreference, preference } from "./preferences.js";
import { Wording } from "./wording.js";
import english from "./words/en.js";

/** Name in `dataset` -> the attribute whose text has its key there; the content of the element. */
const ATTRIBUTES = {
  say: "",
  sayLabel: "aria-label",
  sayAlt: "alt",
  sayTitle: "title",
  sayValuetext: "aria-valuetext",
};
/** @typedef {keyof typeof ATTRIBUTES} Place */

const MARKED = "[data-say], [data-say-label], [data-say-alt], [data-say-title], [data-say-valuetext]";

let wording = new Wording(FALLBACK, english, english);

/** Dispatches "change" when the page speaks another language. */
export const spoken = new EventTarget();

/** @returns {PageLanguage} */
export function language() {
  return wording.language;
}

/**
 * @param {string} key
 * @param {Values} [values]
 */
export function say(key, values) {
  return wording.say(key, values);
}

/**
 * Have an element say something, in whatever language is chosen later.
 *
 * @template {HTMLElement} T
 * @param {T} element
 * @param {string} key
 * @param {Values} [values]
 * @param {Place} [place]
 * @returns {T}
 */
export function put(element, key, values, place = "say") {
  element.dataset[place] = key;
  if (values) element.dataset.values = JSON.stringify(values);
  else if (place === "say") delete element.dataset.values;
  if (place === "say") element.removeAttribute("lang");
  fill(element);
  return element;
}

/**
 * The same with what others say in English: it stays so where the catalogue does not have it.
 *
 * @template {HTMLElement} T
 * @param {T} element
 * @param {string | Said} said
 * @returns {T}
 */
export function write(element, said) {
  const known = typeof said === "string" ? wording.understand(said) : said;
  if (known) return put(element, known.key, known.values);
  delete element.dataset.say;
  element.lang = FALLBACK;
  if (element.textContent !== said) element.textContent = String(said);
  return element;
}

/**
 * A sentence of others as this page says it.
 *
 * @param {string} sentence
 */
export function inWords(sentence) {
  const known = wording.understand(sentence);
  return known ? wording.say(known.key, known.values) : sentence;
}

/**
 * Whether the reader understands a sentence of others.
 *
 * @param {string} sentence
 */
export function isClear(sentence) {
  return wording.language === FALLBACK || wording.understand(sentence) !== null;
}

/** Speak the language that was chosen on this device, or else what the browser asks for. */
export async function speakAsWished() {
  const chosen = preference("page-language", "");
  const known = Object.hasOwn(PAGE_LANGUAGES, chosen);
  await speak(known ? /** @type {PageLanguage} */ (chosen) : pageLanguage(navigator.languages));
}

/** @param {PageLanguage} language that a reader has chosen */
export async function choose(language) {
  keepPreference("page-language", language);
  await speak(language);
}

/** @param {PageLanguage} language */
async function speak(language) {
  const catalogue = await load(language);
  wording = new Wording(catalogue ? language : FALLBACK, catalogue ?? english, english);
  fillAll(document);
  spoken.dispatchEvent(new Event("change"));
}

/**
 * @param {PageLanguage} language
 * @returns {Promise<Catalogue | null>} null where the server does not answer
 */
async function load(language) {
  if (language === FALLBACK) return english;
  return import(`./words/${language}.js`).then(
    (module) => module.default,
    () => null,
  );
}

/**
 * Have a document speak the reader's language.
 *
 * @param {Document} page
 */
export function fillAll(page) {
  page.documentElement.lang = wording.language;
  page.documentElement.dir = directionOf(wording.language);
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll(MARKED))) {
    fill(element);
  }
}

/** @param {HTMLElement} element with keys */
function fill(element) {
  const { dataset } = element;
  const values = dataset.values ? JSON.parse(dataset.values) : undefined;
  for (const [place, attribute] of Object.entries(ATTRIBUTES)) {
    const key = dataset[place];
    if (!key) continue;
    const text = wording.say(key, values);
    if (attribute) element.setAttribute(attribute, text);
    else fillContent(element, values ? [text] : text.split("*"));
  }
}

/**
 * @param {HTMLElement} element
 * @param {string[]} parts every second one is bold
 */
function fillContent(element, parts) {
  // A live region announces every write, so the same words are not written twice.
  if (element.textContent === parts.join("")) return;
  element.replaceChildren(
    ...parts.map((part, at) => {
      if (at % 2 === 0) return part;
      const bold = document.createElement("b");
      bold.textContent = part;
      return bold;
    }),
  );
}

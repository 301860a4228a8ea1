/**
 * Texts in one language, by key. Pure: no page.
 *
 * @typedef {Partial<Record<Intl.LDMLPluralRule, string>>} Forms by what `Intl.PluralRules` say of `count`
 * @typedef {string | Forms} Text with a {placeholder} for each value; what stands between *stars* is bold
 * @typedef {Record<string, Text>} Catalogue
 * @typedef {Record<string, string | number>} Values
 *
 * @typedef {object} Said
 * @property {string} key
 * @property {Values} [values]
 */

import { directionOf } from "./page-languages.js";

/** Keys of sentences that others say in English: the library, and the server. */
const OF_OTHERS = "problem.";

/** Placeholder -> how its number is written, unless plainly. */
/** @type {Record<string, (language: string) => {format: (value: number) => string}>} */
const FORMATS = {
  tenths: (language) =>
    new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 }),
  when: (language) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }),
};

export class Wording {
  /** English sentence -> its key. */
  /** @type {Map<string, string>} */
  #sentences = new Map();
  /** Those with placeholders. */
  /** @type {{key: string, pattern: RegExp}[]} */
  #patterns = [];

  /**
   * @param {import("./page-languages.js").PageLanguage} language
   * @param {Catalogue} catalogue
   * @param {Catalogue} english has the texts that the catalogue lacks
   */
  constructor(language, catalogue, english) {
    this.language = language;
    this.catalogue = catalogue;
    this.english = english;
    this.isolates = directionOf(language) === "rtl";
    this.plurals = new Intl.PluralRules(language);
    this.numbers = new Intl.NumberFormat(language);
    for (const [key, text] of Object.entries(english)) {
      if (key.startsWith(OF_OTHERS)) this.#learn(key, text);
    }
  }

  /**
   * @param {string} key
   * @param {Values} [values]
   * @returns {string} the key itself where nobody knows it
   */
  say(key, values = {}) {
    const text = this.catalogue[key] ?? this.english[key] ?? key;
    const form = typeof text === "string" ? text : this.#formOf(text, Number(values.count));
    return form.replaceAll(/\{(\w+)\}/g, (_, name) => this.#write(name, values[name]));
  }

  /**
   * What an English sentence of the library or the server is in the catalogue; null where it is not there.
   *
   * @param {string} sentence
   * @returns {Said | null}
   */
  understand(sentence) {
    const key = this.#sentences.get(sentence);
    if (key) return { key };
    for (const { key, pattern } of this.#patterns) {
      const groups = pattern.exec(sentence)?.groups;
      if (!groups) continue;
      const { count, ...values } = groups;
      return { key, values: count === undefined ? values : { ...values, count: Number(count) } };
    }
    return null;
  }

  /**
   * @param {string} key
   * @param {Text} text
   */
  #learn(key, text) {
    for (const form of typeof text === "string" ? [text] : Object.values(text)) {
      if (!form.includes("{")) this.#sentences.set(form, key);
      else this.#patterns.push({ key, pattern: patternOf(form) });
    }
  }

  /**
   * @param {Forms} forms
   * @param {number} count
   */
  #formOf(forms, count) {
    return forms[this.plurals.select(count)] ?? forms.other ?? "";
  }

  /**
   * @param {string} name
   * @param {string | number} value
   */
  #write(name, value) {
    if (typeof value === "number") {
      return (FORMATS[name]?.(this.language) ?? this.numbers).format(value);
    }
    const said = this.understand(value);
    if (said) return this.say(said.key, said.values);
    // Names in Latin letters do not turn the words around them.
    return this.isolates ? `\u2068${value}\u2069` : value;
  }
}

/** @param {string} form */
function patternOf(form) {
  const parts = form.split(/\{(\w+)\}/).map((part, at) => {
    if (at % 2 === 0) return part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return part === "count" ? "(?<count>\\d+)" : `(?<${part}>.+?)`;
  });
  return new RegExp(`^${parts.join("")}$`, "s");
}

/** The languages that the pages speak, and which of them a reader wants. Pure. */

/** BCP 47 tag -> the language's name for itself. The first one is what the others fall back to. */
export const PAGE_LANGUAGES = /** @type {const} */ ({
  en: "English",
  de: "Deutsch",
  fr: "Français",
  es: "Español",
  "pt-BR": "Português (Brasil)",
  ja: "日本語",
  "zh-Hans": "简体中文",
  ar: "العربية",
});

/** @typedef {keyof typeof PAGE_LANGUAGES} PageLanguage */

/** @type {PageLanguage} */
export const FALLBACK = "en";

const TAGS = /** @type {PageLanguage[]} */ (Object.keys(PAGE_LANGUAGES));
const FROM_THE_RIGHT = new Set(["Arab"]);

/**
 * The first that somebody can read: a language in a script, wherever it is spoken (zh-SG is zh-Hans, pt is
 * pt-BR; zh-TW is neither).
 *
 * @param {readonly string[]} wanted tags of BCP 47, the dearest first
 * @returns {PageLanguage}
 */
export function pageLanguage(wanted) {
  for (const tag of wanted) {
    const written = writtenAs(tag);
    const found = written && TAGS.find((known) => writtenAs(known) === written);
    if (found) return found;
  }
  return FALLBACK;
}

/**
 * @param {PageLanguage} language
 * @returns {"ltr" | "rtl"}
 */
export function directionOf(language) {
  return FROM_THE_RIGHT.has(new Intl.Locale(language).maximize().script ?? "") ? "rtl" : "ltr";
}

/**
 * @param {string} tag
 * @returns {string} its language and script, such as zh-Hans; empty for what is no tag
 */
function writtenAs(tag) {
  try {
    const { language, script } = new Intl.Locale(tag).maximize();
    return `${language}-${script}`;
  } catch {
    return "";
  }
}

/** The menu in which a reader chooses the language of the page. */

import { create } from "./dom.js";
import { PAGE_LANGUAGES } from "./page-languages.js";
import { choose, language } from "./words.js";

/** @typedef {import("./page-languages.js").PageLanguage} PageLanguage */

/** @param {HTMLElement} menu a `select` without options */
export function addLanguageMenu(menu) {
  const select = /** @type {HTMLSelectElement} */ (menu);
  for (const [value, own] of Object.entries(PAGE_LANGUAGES)) {
    select.append(create("option", { value, lang: value, dir: "auto" }, own));
  }
  select.value = language();
  select.addEventListener("change", () => void choose(/** @type {PageLanguage} */ (select.value)));
}

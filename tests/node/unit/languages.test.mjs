/** The names of the languages that can be spoken. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { namedLanguages } from "../../../web_demo/languages.js";
import { CODES } from "../../../web_demo/tables.js";

test("all languages of the models are on offer, once each", () => {
  for (const page of ["en", "de", "ja", "ar"]) {
    const codes = namedLanguages(page).map(({ code }) => code);
    assert.deepEqual(codes.sort(), Object.values(CODES).sort());
  }
});

test("names are those of the page's language, beside their own where it is another", () => {
  const german = new Map(namedLanguages("de").map(({ code, name, own }) => [code, [name, own]]));
  assert.deepEqual(german.get("fr"), ["Französisch", "Français"]);
  assert.deepEqual(german.get("de"), ["Deutsch", ""]);
  assert.deepEqual(german.get("ja"), ["Japanisch", "日本語"]);
  assert.equal(german.get("jw")?.[0], "Javanisch");
  const french = new Map(namedLanguages("fr").map(({ code, name }) => [code, name]));
  assert.equal(french.get("de"), "Allemand");
});

test("a language whose own name is not known has none in another language", () => {
  const own = namedLanguages("fr").find(({ code }) => code === "la")?.own;
  const isKnown = Intl.DisplayNames.supportedLocalesOf(["la"]).length > 0;
  assert.equal(own === "", !isKnown);
});

test("they are sorted as the page's language sorts", () => {
  for (const page of ["de", "es", "ja"]) {
    const names = namedLanguages(page).map(({ name }) => name);
    assert.deepEqual(names, [...names].sort(new Intl.Collator(page).compare));
  }
});

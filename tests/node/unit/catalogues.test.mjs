/** The catalogues: each says everything, with the same values, and in the plural forms of its language. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { strangerSentence } from "../../../web_demo/client/unanswered.js";
import { PAGE_LANGUAGES } from "../../../web_demo/page-languages.js";
import { Wording } from "../../../web_demo/wording.js";

const REPOSITORY = new URL("../../../", import.meta.url);
const PAGES = new URL("web_demo/", REPOSITORY);

const LANGUAGES = Object.keys(PAGE_LANGUAGES);
/** @type {Record<string, Record<string, string | Record<string, string>>>} */
const CATALOGUES = Object.fromEntries(
  await Promise.all(
    LANGUAGES.map(async (language) => [
      language,
      (await import(new URL(`words/${language}.js`, PAGES).href)).default,
    ]),
  ),
);
const ENGLISH = CATALOGUES.en;

test("there is a catalogue for each language, and no other", () => {
  const files = readdirSync(new URL("words/", PAGES)).sort();
  assert.deepEqual(files, LANGUAGES.map((language) => `${language}.js`).sort());
});

for (const language of LANGUAGES) {
  const catalogue = CATALOGUES[language];

  test(`${language} has all texts, and in the order of English`, () => {
    assert.deepEqual(Object.keys(catalogue), Object.keys(ENGLISH));
  });

  test(`${language} has the plural forms that it needs`, () => {
    const needed = new Intl.PluralRules(language).resolvedOptions().pluralCategories.sort();
    for (const [key, text] of Object.entries(catalogue)) {
      const isPlural = typeof ENGLISH[key] !== "string";
      assert.equal(typeof text !== "string", isPlural, key);
      if (isPlural) assert.deepEqual(Object.keys(text).sort(), needed, key);
    }
  });

  test(`${language} has the values of English, and its bold words`, () => {
    for (const [key, text] of Object.entries(catalogue)) {
      for (const form of formsOf(text)) {
        // Some forms are for one number alone, and need not say it.
        const optional = typeof text === "string" ? [] : ["count"];
        const found = placeholders(form);
        const wanted = placeholders(formsOf(ENGLISH[key])[0]);
        assert.deepEqual(without(found, optional), without(wanted, optional), `${key}: ${form}`);
        assert.equal(form.split("*").length, formsOf(ENGLISH[key])[0].split("*").length, key);
        assert.equal(form, form.trim(), key);
        assert.notEqual(form, "", key);
      }
    }
  });

  test(`${language}: what the welcome names is called so`, () => {
    const called = new Set(
      Object.entries(catalogue).map(([key, text]) => (isWelcome(key) ? "" : text)),
    );
    const named = Object.entries(catalogue).filter(([key]) => isWelcome(key));
    const bold = named.flatMap(([, text]) => [...String(text).matchAll(/\*(.+?)\*/g)]);
    assert.equal(bold.length, 3);
    for (const [, name] of bold) assert.ok(called.has(name), name);
  });

  test(`${language} does not call muted what is silent`, () => {
    assert.ok(!catalogue["level.muted"].includes(catalogue["level.silent"]));
  });

  test(`${language} uses a number's form only where it is meant`, () => {
    const rules = new Intl.PluralRules(language);
    for (const [key, text] of Object.entries(catalogue)) {
      if (typeof text === "string" || key === "share.watching") continue;
      for (const count of [3, 7, 12, 21, 100, 1_000_000]) {
        assert.match(text[rules.select(count)], /\{count\}/, `${key} of ${count}`);
      }
    }
  });
}

/** @param {string} key */
function isWelcome(key) {
  return key.startsWith("welcome.");
}

// ---- what the pages say ------------------------------------------------------------------------

const HTML = readdirSync(PAGES).filter((name) => name.endsWith(".html"));
const MARKED = /<(\w+)\s([^<>]*\bdata-say[^<>]*)>((?:[^<]|<\/?b>)*)/g;
const PLACES = {
  "": "",
  "-label": "aria-label",
  "-alt": "alt",
  "-title": "title",
  "-valuetext": "aria-valuetext",
};

test("the HTML says in English what its keys say", () => {
  for (const name of HTML) {
    for (const [, tag, attributes, content] of read(name).matchAll(MARKED)) {
      for (const [place, attribute] of Object.entries(PLACES)) {
        const key = attributeOf(attributes, `data-say${place}`);
        if (key === null) continue;
        const said = attribute
          ? attributeOf(attributes, attribute)
          : content.trim().replaceAll(/<\/?b>/g, "*");
        assert.equal(said, ENGLISH[key], `${name}: ${tag} ${key}`);
      }
    }
  }
});

test("no text of the HTML is without a key", () => {
  const untranslated = ["Surtitle", "A−", "A+", "SRT", "WebVTT", "Alt", "N", "↑", "↓"];
  for (const name of HTML) {
    const body = read(name)
      .replaceAll(MARKED, "<$1>")
      .replace(/<!doctype html>/i, "");
    for (const [, text] of body.matchAll(/>([^<>]+)</g)) {
      assert.ok(!text.trim() || untranslated.includes(text.trim()), `${name}: ${text}`);
    }
    const labels = [...read(name).matchAll(/<[^<>]*\s(?:aria-label|alt|title)="[^<>]*>/g)];
    for (const [element] of labels) assert.match(element, /data-say-/, `${name}: ${element}`);
  }
});

test("every key is used, and every key that is used is there", () => {
  const used = new Set();
  const scripts = readdirSync(PAGES).filter((name) => name.endsWith(".js"));
  for (const name of HTML) {
    for (const [, key] of read(name).matchAll(/data-say[a-z-]*="([^"]+)"/g)) used.add(key);
  }
  const known = new Set(Object.keys(ENGLISH));
  const groups = new Set([...known].filter((key) => key.includes(".")).map((key) => key.split(".")[0]));
  for (const name of scripts) {
    for (const [, text] of read(name).matchAll(/"([a-z_.]+)"/g)) if (known.has(text)) used.add(text);
    for (const [, text, group] of read(name).matchAll(/"(([a-z_]+)\.[a-z_.]+)"/g)) {
      if (groups.has(group) && !/\.(?:html|css)$/.test(text))
        assert.ok(known.has(text), `${name}: ${text}`);
    }
  }
  const unused = [...known].filter((key) => !used.has(key) && !key.startsWith("problem."));
  assert.deepEqual(unused, []);
  for (const key of used) assert.ok(known.has(key), key);
});

test("what is understood of others is what they say", () => {
  const folders = ["web_demo/", "web_demo/client/", "server/surtitle/gateway/"];
  const sources = folders.flatMap((folder) =>
    readdirSync(new URL(folder, REPOSITORY))
      .filter((name) => /\.(js|py)$/.test(name))
      .map((name) => readFileSync(new URL(folder + name, REPOSITORY), "utf-8")),
  );
  // Long sentences stand there in parts.
  const said = sources
    .join("\n")
    .replaceAll(/["`]\s*\+?\s*\n\s*["`]/g, "")
    .replaceAll("\\", "");
  for (const [key, text] of Object.entries(ENGLISH)) {
    if (!key.startsWith("problem.")) continue;
    for (const form of formsOf(text)) {
      const inSource = form
        .replace(/^\{sentence\}/, "")
        .split(/\{\w+\}/)
        .map((part) => part.trim())
        .filter(Boolean);
      for (const part of inSource) assert.ok(said.includes(part), `${key}: ${part}`);
    }
  }
});

test("who is not answered by a server reads that in any language", () => {
  const sentences = [
    strangerSentence("hall:8765"),
    "The server cannot be reached through its proxy.",
    "The server does not respond to its proxy.",
  ];
  for (const language of LANGUAGES.filter((language) => language !== "en")) {
    const wording = new Wording(language, CATALOGUES[language], ENGLISH);
    for (const sentence of sentences) {
      const known = wording.understand(sentence);
      assert.ok(known, sentence);
      assert.notEqual(wording.say(known.key, known.values), sentence);
    }
  }
});

/** @param {string} name of a file of the pages */
function read(name) {
  return readFileSync(new URL(name, PAGES), "utf-8");
}

/** @param {string | Record<string, string>} text */
function formsOf(text) {
  return typeof text === "string" ? [text] : Object.values(text);
}

/** @param {string} text */
function placeholders(text) {
  return [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
}

/**
 * @param {string[]} names
 * @param {string[]} others
 */
function without(names, others) {
  return names.filter((name) => !others.includes(name));
}

/**
 * @param {string} attributes as in HTML
 * @param {string} name
 */
function attributeOf(attributes, name) {
  const found = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes);
  return found ? found[1] : null;
}

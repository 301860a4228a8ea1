/** Which language the pages speak to whom. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { directionOf, PAGE_LANGUAGES, pageLanguage } from "../../../web_demo/page-languages.js";

test("the first language that the pages speak is taken, wherever it is spoken", () => {
  for (const [wanted, spoken] of [
    [["en-US", "en"], "en"],
    [["de-AT"], "de"],
    [["de-Latn-DE-1996-u-nu-latn"], "de"],
    [["pt"], "pt-BR"],
    [["pt-PT", "en"], "pt-BR"],
    [["zh"], "zh-Hans"],
    [["zh-CN"], "zh-Hans"],
    [["zh-SG"], "zh-Hans"],
    [["zh-Hans-HK"], "zh-Hans"],
    [["cmn-CN"], "zh-Hans"],
    [["zh-TW"], "en"],
    [["zh-HK", "fr"], "fr"],
    [["zh-Hant"], "en"],
    [["ar-EG"], "ar"],
    [["es-419"], "es"],
    [["ja-JP"], "ja"],
    [["nl", "fr-CH", "de"], "fr"],
    [["xx", "*", "", "not a tag"], "en"],
    [[], "en"],
  ]) {
    assert.equal(pageLanguage(wanted), spoken, String(wanted));
  }
});

test("each language finds itself", () => {
  for (const language of Object.keys(PAGE_LANGUAGES)) assert.equal(pageLanguage([language]), language);
});

test("Arabic is read from the right, and the others are not", () => {
  for (const language of Object.keys(PAGE_LANGUAGES)) {
    assert.equal(directionOf(language), language === "ar" ? "rtl" : "ltr", language);
  }
});

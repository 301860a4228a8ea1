/** The pages and the library use nothing that the oldest browsers of docs/captions.md do not know. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const PAGES = new URL("../../../web_demo/", import.meta.url);
/** Younger than Safari 15.4 of March 2022, which is the oldest one. */
const YOUNGER =
  /\.(?:toReversed|toSorted|toSpliced|with|isWellFormed|toWellFormed)\(|\b(?:groupBy|withResolvers|fromAsync|canParse)\(|AbortSignal\.(?:any|timeout)\(|Promise\.try\(/;
const YOUNGER_SYNTAX = /\(\?<[=!]|\/[dgimsuy]*v[dgimsuy]*[;,)]$|\bstatic \{|\busing \w+ =/m;

for (const folder of ["", "client/"]) {
  const names = readdirSync(new URL(folder, PAGES)).filter((name) => name.endsWith(".js"));
  for (const name of names) {
    test(`${folder}${name} runs in all browsers that are named`, () => {
      const source = readFileSync(new URL(folder + name, PAGES), "utf-8");
      assert.doesNotMatch(source, YOUNGER);
      assert.doesNotMatch(source, YOUNGER_SYNTAX);
    });
  }
}

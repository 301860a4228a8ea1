/** The tables that hold in Python and in JavaScript alike; `__init__.py` says what is in them. */

import { readFileSync } from "node:fs";

/** @param {string} name */
export function table(name) {
  return JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), "utf8"));
}

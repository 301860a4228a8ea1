/** Is told words, each with the next one and the language, and says whether they may end a sentence. */

import { readFileSync } from "node:fs";
import { mayEndSentence } from "../../../web_demo/sentence.js";

/** @type {[word: string, after: string, language: string][]} */
const words = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(words.map((word) => mayEndSentence(...word))));

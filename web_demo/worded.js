/** What is not there of a transcript, as the reader's language says it: on screen, in files and copies. */

import { inWords, say } from "./words.js";

/** @typedef {import("./transcript.js").Entry} Entry */

/**
 * @param {Entry} entry
 * @returns {Entry} whose text says everything
 */
export function worded(entry) {
  if (entry.kind === "lost") return { ...entry, text: inWords(entry.text) };
  if (entry.kind !== "failed") return entry;
  const { text } = entry;
  const said = text ? say("transcript.incomplete", { text }) : say("transcript.missing");
  return { ...entry, kind: "final", text: said };
}

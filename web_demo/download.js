/** Saves the transcript as a file. */

import { toSrt, toText, toVtt } from "./transcript.js";
import { worded } from "./worded.js";

/** @typedef {import("./transcript.js").Entry} Entry */

/** @type {Record<string, {write: (entries: Entry[]) => string, type: string}>} */
const FORMATS = {
  txt: { write: toText, type: "text/plain" },
  srt: { write: toSrt, type: "application/x-subrip" },
  vtt: { write: toVtt, type: "text/vtt" },
};

/**
 * @param {Entry[]} entries
 * @param {string} format "txt", "srt" or "vtt"
 */
export function download(entries, format) {
  const { write, type } = FORMATS[format];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(
    new Blob([write(entries.map(worded))], { type: `${type};charset=utf-8` }),
  );
  link.download = `captions-${localTime(new Date())}.${format}`;
  link.click();
  // The browser reads the blob after this turn of the event loop.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * The buttons that save, each with its `data-format`.
 *
 * @param {HTMLElement} parent of the buttons
 * @param {() => Entry[]} entries
 */
export function addDownloads(parent, entries) {
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (
    parent.querySelectorAll("[data-format]")
  )) {
    button.addEventListener("click", () => download(entries(), button.dataset.format ?? ""));
  }
}

/** @param {Date} now such as 2026-03-01-1405 */
function localTime(now) {
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  return `${day}-${two(now.getHours())}${two(now.getMinutes())}`;
}

/** The recording that comes with the page. */

import { openRecording, Problem } from "./client/index.js";
import { say } from "./words.js";

/** @param {boolean} audible */
export async function openSample(audible) {
  const response = await fetch(new URL("sample.flac", import.meta.url)).catch(() => null);
  if (!response?.ok) {
    throw new Problem("The sample could not be loaded. Check that the server is running.");
  }
  return openRecording(await response.blob(), say("source.sample"), audible);
}

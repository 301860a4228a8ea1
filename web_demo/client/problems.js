/** What went wrong, in sentences that say what to do. */

/** A problem with a known cause; `message` is fit to show. */
export class Problem extends Error {
  /**
   * @param {string} message
   * @param {string} [code] for programs
   */
  constructor(message, code = "problem") {
    super(message);
    this.name = "Problem";
    this.code = code;
  }
}

/** getUserMedia's error names (W3C Media Capture and Streams, 10.4). */
const MICROPHONE_SENTENCES = new Map([
  [
    "NotAllowedError",
    "The browser does not let this page use the microphone. Allow it with the icon next to the " +
      "address, then press Start again; or choose a file or the sample.",
  ],
  [
    "NotFoundError",
    "No microphone was found. Connect one and press Start again; or choose a file or the sample.",
  ],
  [
    "NotReadableError",
    "The microphone cannot be opened. Another program may be using it: close that, then press Start again.",
  ],
  [
    "OverconstrainedError",
    "The chosen microphone is no longer there. Choose another one, then press Start again.",
  ],
]);

const CODES = new Map([
  ["NotAllowedError", "not_allowed"],
  ["NotFoundError", "not_found"],
  ["NotReadableError", "not_readable"],
  ["OverconstrainedError", "not_found"],
]);

const DISPLAY_SENTENCES = new Map([
  [
    "unsupported",
    "This browser cannot share sound. Use Chrome or Edge on a computer, on a secure page (https or " +
      "localhost); or choose the microphone.",
  ],
  [
    "not_allowed",
    "Nothing was shared. Start again, and choose in the dialog what to caption. If no dialog appears, the " +
      "system's settings do not let the browser record the screen.",
  ],
  [
    "no_audio_shared",
    "The shared tab or screen has no sound. Start again, choose a tab, and switch on “Also share tab audio” " +
      "in the dialog (on Windows, the whole screen with the system's sound works too). Firefox and Safari " +
      "cannot share sound.",
  ],
]);

/** @param {unknown} error what getUserMedia threw */
export function microphoneProblem(error) {
  // Not only of a DOMException: Safari's OverconstrainedError is none.
  const { name = "" } = /** @type {{name?: string}} */ (error ?? {});
  const sentence = MICROPHONE_SENTENCES.get(name);
  return new Problem(
    sentence ?? `The microphone cannot be used: ${error}`,
    CODES.get(name) ?? "failed",
  );
}

/**
 * @param {"unsupported" | "not_allowed" | "no_audio_shared" | "failed"} code
 * @param {unknown} [error] what getDisplayMedia threw
 */
export function displayProblem(code, error) {
  return new Problem(DISPLAY_SENTENCES.get(code) ?? `Sound cannot be shared: ${error}`, code);
}

export function insecurePageProblem() {
  return new Problem(
    "Browsers allow the microphone only on secure pages. Open this page over https, or on the " +
      "server's own machine at http://localhost; files and the sample also work here.",
    "insecure_page",
  );
}

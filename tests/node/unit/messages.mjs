/**
 * Messages of a server, with what tests of transcripts need of them.
 *
 * @typedef {any} Message
 */

/**
 * @param {number} utterance
 * @param {number} start_ms
 * @param {number} end_ms
 * @param {string} text
 * @returns {Message}
 */
export function final(utterance, start_ms, end_ms, text) {
  return { type: "final", utterance, text, language: "en", start_ms, end_ms };
}

/**
 * @param {number} utterance
 * @param {string} text
 * @returns {Message}
 */
export function revised(utterance, text) {
  return { type: "revised", utterance, text, confidence: 0.9, start_ms: 0, end_ms: 900 };
}

/**
 * @param {number} utterance
 * @param {string} stable
 * @param {string} [unstable]
 * @returns {Message}
 */
export function partial(utterance, stable, unstable = "") {
  return { type: "partial", utterance, stable, unstable, start_ms: 0, end_ms: 900 };
}

/**
 * @param {number} utterance
 * @param {number} start_ms
 * @param {number} end_ms
 * @returns {Message}
 */
export function failed(utterance, start_ms, end_ms) {
  return { type: "failed", utterance, code: "x", message: "no", start_ms, end_ms };
}

/**
 * @param {number} utterance
 * @returns {Message}
 */
export function suppressed(utterance) {
  return { type: "suppressed", utterance, start_ms: 1, end_ms: 2, reason: "no_speech" };
}

/**
 * @param {string} session
 * @param {string} [state]
 * @returns {Message}
 */
export function channel(session, state = "live") {
  return { type: "channel", session, state, channel: "c", viewers: 1 };
}

export const STATUS = { type: "status", state: "normal", message: "" };

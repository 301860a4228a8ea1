/**
 * Tells the past of a channel, which comes first, from what is said now. Pure.
 *
 * @typedef {import("./client/index.js").ViewerMessage} ViewerMessage
 */

/** The past ends where the server says a second time how the channel is, or somebody speaks. */
export class Arrival {
  /** @type {string | null} the session that was on when this viewer came */
  #session = null;
  /** Whether what comes is said now. */
  over = false;

  /**
   * @param {ViewerMessage} message
   * @returns {boolean} `over`
   */
  take(message) {
    if (message.type === "speech" || message.type === "partial") this.over = true;
    if (message.type === "channel") {
      if (message.session === this.#session) this.over = true;
      this.#session ??= message.session;
    }
    return this.over;
  }
}

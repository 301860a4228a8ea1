/**
 * The newest captions of a channel, for a screen that shows no more than those. Pure.
 *
 * @typedef {import("./client/index.js").ViewerMessage} ViewerMessage
 * @typedef {object} Caption
 * @property {number} utterance
 * @property {string} stable   all of it once it is final
 * @property {string} unstable what may still change
 * @property {boolean} open
 * @property {string} language while open that of what was said before
 */

/** More captions than these never fit on the lines of a screen. */
const CAPTIONS = 12;
/** An utterance number of a session that is over. */
const OVER = 0;

export class Recent {
  /** In order. */
  /** @type {Caption[]} */
  captions = [];
  #language = "";
  #session = "";

  /**
   * @param {ViewerMessage} message
   * @returns {boolean} whether it changed what is to be seen
   */
  apply(message) {
    switch (message.type) {
      case "channel":
        return this.#enter(message.session, message.state === "waiting");
      case "partial":
        return this.#put({ ...message, open: true });
      case "final":
        this.#language = message.language;
        return this.#put({ ...message, stable: message.text, unstable: "", open: false });
      case "suppressed":
      case "failed":
        return this.#keep((caption) => caption.utterance !== message.utterance);
      case "revised":
        // Lines over a picture stay as they are, unless a person has corrected them.
        return Boolean(message.by) && this.#correct(message);
      default:
        return false;
    }
  }

  /** @param {{utterance: number, text: string}} revised */
  #correct({ utterance, text }) {
    const known = this.captions.find((caption) => caption.utterance === utterance && !caption.open);
    if (!known) return false;
    known.stable = text;
    return true;
  }

  /** What was read and need not be seen again goes; what grows stays. */
  forgetFinals() {
    this.#keep(({ open }) => open);
  }

  /**
   * @param {string} session
   * @param {boolean} over nobody speaks in it any more
   */
  #enter(session, over) {
    if (session === this.#session && !over) return false;
    const changed = this.#keep(({ open }) => !open); // nobody will answer it
    if (session === this.#session) return changed;
    this.#session = session;
    for (const caption of this.captions) caption.utterance = OVER;
    return changed;
  }

  /** @param {Omit<Caption, "language">} caption */
  #put({ utterance, stable, unstable, open }) {
    const now = { utterance, stable, unstable, open, language: this.#language };
    const known = this.captions.find((caption) => caption.utterance === utterance);
    if (known) Object.assign(known, now);
    else this.captions = [...this.captions, now].slice(-CAPTIONS);
    return true;
  }

  /** @param {(caption: Caption) => boolean} stays */
  #keep(stays) {
    const before = this.captions.length;
    this.captions = this.captions.filter(stays);
    return this.captions.length < before;
  }
}

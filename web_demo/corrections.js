/**
 * The captions of a channel as somebody corrects them. Pure: no page, no network.
 *
 *     shown     the text is what everybody sees
 *     changed   it was written over, and not sent yet
 *     sending   it is on its way
 *     failed    the server did not take it; the draft is kept
 *     deleted   nobody sees the caption any more
 *
 * @typedef {import("./client/index.js").ViewerMessage} ViewerMessage
 * @typedef {"shown" | "changed" | "sending" | "failed" | "deleted"} LineState
 */

/** More lines than these are not corrected any more: the server keeps a quarter of an hour. */
const MAX_LINES = 400;

export class Line {
  /** @type {LineState} */
  state = "shown";
  /** What is written over the text; null where nothing is. */
  /** @type {string | null} */
  draft = null;
  /** Why it was not taken, or what has happened to it meanwhile. */
  note = "";

  /**
   * @param {string} session
   * @param {number} utterance
   * @param {string} text that everybody sees
   * @param {string} language
   */
  constructor(session, utterance, text, language) {
    this.session = session;
    this.utterance = utterance;
    this.text = text;
    this.language = language;
    /** The last text that it had, for who takes a deletion back. */
    this.before = text;
  }

  /** What stands in the field. */
  get written() {
    return this.draft ?? (this.state === "deleted" ? this.before : this.text);
  }

  /** @param {string} draft */
  write(draft) {
    if (draft === this.text) return this.#settle();
    this.draft = draft;
    this.state = "changed";
  }

  /** Nothing is written over what everybody sees. */
  #settle() {
    this.draft = null;
    this.note = "";
    this.state = this.text ? "shown" : "deleted";
  }

  /** Go back to what everybody sees. */
  revert() {
    this.write(this.text);
  }

  /**
   * The text is to be this.
   *
   * @returns {{session: string, utterance: number, text: string, seen: string}} what to send
   */
  send(text = this.written) {
    this.draft = text;
    this.state = "sending";
    this.note = "";
    const { session, utterance, text: seen } = this;
    return { session, utterance, text: tidy(text), seen };
  }

  /**
   * Everybody sees another text now: ours, or somebody else's.
   *
   * @param {string} text
   */
  receive(text) {
    const isOurs = this.draft !== null && tidy(this.draft) === text;
    const isNew = text !== this.text;
    if (text) this.before = text;
    this.text = text;
    if (this.draft === null || isOurs) this.#settle();
    else if (isNew) this.note = text;
  }

  /**
   * @param {string} why
   * @param {string} [text] that the caption has meanwhile
   */
  fail(why, text) {
    this.state = "failed";
    if (text !== undefined) this.text = text;
    this.note = why;
  }
}

export class Corrections {
  /** In order. */
  /** @type {Line[]} */
  lines = [];
  /** What is being said. */
  open = "";
  #session = "";

  /**
   * @param {ViewerMessage} message
   * @returns {Line | null} what is new or has changed
   */
  take(message) {
    switch (message.type) {
      case "channel":
        if (message.session !== this.#session || message.state === "waiting") this.open = "";
        this.#session = message.session;
        return null;
      case "partial":
        this.open = message.stable + message.unstable;
        return null;
      case "final":
        this.open = "";
        return this.#add(message.utterance, message.text.trim(), message.language ?? "");
      case "revised":
        return this.#revise(message.utterance, message.text.trim());
      case "suppressed":
      case "failed":
        this.open = "";
        return null;
      default:
        return null;
    }
  }

  /**
   * @param {number} utterance
   * @param {string} text
   * @param {string} language
   */
  #add(utterance, text, language) {
    if (!text) return null; // nothing to be seen, and a person has deleted it already
    const line = new Line(this.#session, utterance, text, language);
    this.lines = [...this.lines, line].slice(-MAX_LINES);
    return line;
  }

  /**
   * @param {number} utterance
   * @param {string} text
   */
  #revise(utterance, text) {
    const line = this.lines.findLast(
      (each) => each.session === this.#session && each.utterance === utterance,
    );
    line?.receive(text);
    return line ?? null;
  }
}

/** @param {string} text as the server keeps it */
function tidy(text) {
  return text.trim().split(/\s+/u).join(" ");
}

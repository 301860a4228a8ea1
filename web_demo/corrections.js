/**
 * The captions of a channel as somebody corrects them. Pure: no page, no network.
 *
 *     shown     the text is what everybody sees
 *     changed   it was written over, and not sent yet
 *     conflict  the same, and everybody sees another text by now than what was written over
 *     sending   it is on its way
 *     failed    the server did not take it; the draft is kept
 *     deleted   nobody sees the caption any more
 *
 * @typedef {import("./client/index.js").ViewerMessage} ViewerMessage
 * @typedef {"shown" | "changed" | "conflict" | "sending" | "failed" | "deleted"} LineState
 */

/** More lines than these are not corrected any more: the server keeps a quarter of an hour. */
const MAX_LINES = 400;

export class Line {
  /** @type {LineState} */
  state = "shown";
  /** What is written over the text; null where nothing is. */
  /** @type {string | null} */
  draft = null;
  /** Why it was not taken. */
  note = "";
  /** What was sent last, until everybody sees something else. */
  /** @type {string | null} */
  #sent = null;

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
    /** The text that the draft was written over. */
    this.seen = text;
  }

  /** What stands in the field. */
  get written() {
    return this.draft ?? (this.state === "deleted" ? this.before : this.text);
  }

  /** @param {string} draft */
  write(draft) {
    if (draft === this.text) return this.#settle();
    if (this.draft === null) this.seen = this.text;
    this.draft = draft;
    this.note = "";
    this.state = this.seen === this.text ? "changed" : "conflict";
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
   * The text is to be this, whatever others have made of it.
   *
   * @returns {{session: string, utterance: number, text: string, seen: string}} what to send
   */
  send(text = this.written) {
    this.draft = text;
    this.#sent = tidy(text);
    this.seen = this.text;
    this.state = "sending";
    this.note = "";
    const { session, utterance, seen } = this;
    return { session, utterance, text: this.#sent, seen };
  }

  /**
   * Everybody sees another text now: ours, or somebody else's.
   *
   * @param {string} text
   */
  receive(text) {
    if (text) this.before = text;
    this.text = text;
    if (text === this.#sent) this.seen = text;
    else this.#sent = null;
    if (this.draft === null || tidy(this.draft) === text) this.#settle();
    else if (this.seen === text) this.state = this.state === "conflict" ? "changed" : this.state;
    else if (this.state !== "sending") this.#disagree(); // or else the server will say so
  }

  #disagree() {
    this.state = "conflict";
    this.note = "";
  }

  /**
   * @param {string} why
   * @param {string} [text] that the caption has meanwhile
   */
  fail(why, text = this.text) {
    this.state = "failed";
    this.note = why;
    this.receive(text);
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

/**
 * Watches the captions of a channel. Types: viewer.d.ts.
 *
 *     const viewer = new ChannelViewer("wss://captions.example/v1/channels/main-hall");
 *     viewer.addEventListener("partial", ({ detail }) => show(detail.stable + detail.unstable));
 *     viewer.addEventListener("final", ({ detail }) => keep(detail.text));
 *     viewer.connect();
 *
 * A connection that breaks is set up again, for ever, unless the server refuses for good. The server then
 * tells the recent past again; each answer is passed on once all the same. A final that was revised meanwhile
 * is told with its new text, and passed on as `revised`.
 *
 * @typedef {import("./link.js").End} End
 * @typedef {import("./viewer.js").ViewerOptions} ViewerOptions
 * @typedef {import("./viewer.js").ViewerState} ViewerState
 * @typedef {import("./viewer.js").ViewerMessage} ViewerMessage
 * @typedef {import("./viewer.js").ChannelMessage} ChannelMessage
 * @typedef {import("./client.js").Final} Final
 * @typedef {import("./client.js").Revised} Revised
 */

import { Backoff } from "./backoff.js";
import { Deferred } from "./deferred.js";
import { Link, webSocketOf } from "./link.js";
import { Loops } from "./message-queue.js";
import { CaptionError, explainEnd } from "./reasons.js";
import { toWebSocketUrl } from "./urls.js";

const LONGEST_WAIT_MS = 10_000;
/** Sessions whose answers are remembered; the server tells no more of them again. */
const MAX_SESSIONS = 400;
/** Finals whose text is remembered: older ones are not corrected any more, since the server has forgotten them. */
const MAX_TEXTS = 500;

const AWAY_SENTENCE = "Reconnecting to the server.";

/** Message types that have an event of their own; any other reaches only "message" listeners. */
const EVENT_TYPES = new Set([
  "channel",
  "speech",
  "partial",
  "final",
  "revised",
  "suppressed",
  "failed",
]);
/** Those that answer an utterance. */
const ANSWERS = new Set(["final", "suppressed", "failed"]);

export class ChannelViewer extends EventTarget {
  #dialling;
  #backoff = new Backoff(LONGEST_WAIT_MS);
  /** @type {ViewerState} */
  #state = "idle";
  /** @type {Link | null} */
  #link = null;
  /** When the server greeted us on it, by performance.now(); null before that. */
  /** @type {number | null} */
  #servingSinceMs = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #attemptTimer;
  /** The session that what comes now belongs to. */
  #session = "";
  /** The newest session of the channel. */
  #present = "";
  /** Names an earlier session, and nothing new of it has come yet. */
  /** @type {ChannelMessage | null} */
  #past = null;
  /** Session -> its newest utterance that was answered. Answers come in order. */
  /** @type {Map<string, number>} */
  #answered = new Map();
  /** Session and utterance -> the text that was passed on last; of the newest finals, oldest first. */
  /** @type {Map<string, string>} */
  #texts = new Map();
  /** @type {Deferred<ChannelMessage>} */
  #connected = new Deferred();
  /** @type {Loops<ViewerMessage>} */
  #loops = new Loops();
  /** Ends a question that is still on its way when this viewer is closed. */
  #left = new AbortController();

  /**
   * @param {string | URL} url
   * @param {ViewerOptions} [options]
   */
  constructor(url, { access = () => "", WebSocket } = {}) {
    super();
    this.#dialling = { url: toWebSocketUrl(url), access, WebSocket: webSocketOf(WebSocket) };
  }

  get state() {
    return this.#state;
  }

  /** @returns {Promise<ChannelMessage>} */
  connect() {
    if (this.#state !== "idle")
      throw new Error("connect() has already been called; create a new viewer");
    globalThis.addEventListener?.("online", this.#tryNow); // Node has none
    this.#setState("connecting");
    if (this.state === "connecting") this.#open(); // who heard that may have closed us
    return this.#connected.promise;
  }

  close() {
    if (this.#state === "closed") return;
    this.#letGo();
    this.#setState("closed");
    this.#connected.reject(new CaptionError("closed", "The viewer was closed locally."));
    this.#loops.end();
  }

  [Symbol.asyncIterator]() {
    return this.#loops.messages();
  }

  // ---- one connection --------------------------------------------------------------------------

  #open() {
    clearTimeout(this.#attemptTimer);
    this.#link?.close();
    this.#servingSinceMs = null;
    const link = new Link(this.#dialling, {
      onMessage: (message) => this.#receive(message),
      onEnd: (end) => void this.#onEnd(link, end),
    });
    this.#link = link;
    link.watch(); // a handshake that nobody answers is an end, too
  }

  /** @param {ViewerMessage} message */
  #receive(message) {
    if (message.type === "channel") this.#onChannel(message);
    else if (!("utterance" in message)) this.#pass(message);
    else if (message.type === "revised") this.#revise(message);
    else if (!this.#isKnown(message)) {
      if (message.type === "final") this.#remember(message);
      this.#passOfSession(message);
    } else if (message.type === "final") this.#revise(revisedOf(message));
  }

  /**
   * Pass on a better text, unless that was done before, or the final has not been passed on.
   *
   * @param {Revised} revised
   */
  #revise(revised) {
    const before = this.#texts.get(this.#keyOf(revised));
    if (before === undefined || before === revised.text) return;
    this.#remember(revised);
    this.#passOfSession(revised);
  }

  /** @param {Final | Revised} message */
  #remember(message) {
    this.#texts.set(this.#keyOf(message), message.text);
    if (this.#texts.size <= MAX_TEXTS) return;
    const [oldest] = this.#texts.keys();
    this.#texts.delete(oldest);
  }

  /** @param {{utterance: number}} message */
  #keyOf({ utterance }) {
    return `${this.#session} ${utterance}`;
  }

  /** @param {ChannelMessage} message */
  #onChannel(message) {
    this.#session = message.session;
    this.#past = null;
    if (this.#servingSinceMs !== null && this.#isOfThePast(message)) {
      this.#past = message; // worth a word only if there is something new in it
      return;
    }
    this.#servingSinceMs ??= performance.now();
    this.#present = message.session;
    this.#connected.resolve(message);
    if (this.#state !== message.state) this.#setState(message.state);
    this.#pass(message);
  }

  /**
   * Whether this tells only whose answers come next: those of a session that was before the present one.
   *
   * @param {ChannelMessage} message
   */
  #isOfThePast({ state, session }) {
    return state === "waiting" && session !== "" && session !== this.#present;
  }

  /**
   * Pass on what belongs to a session, after the name of that.
   *
   * @param {ViewerMessage} message
   */
  #passOfSession(message) {
    if (this.#past) this.#pass(this.#past);
    this.#past = null;
    this.#pass(message);
  }

  /** @param {ViewerMessage} message */
  #pass(message) {
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
    if (EVENT_TYPES.has(message.type)) {
      this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
    }
    this.#loops.push(message);
  }

  /**
   * Whether this was answered before. If not, and it is an answer, it is from now on.
   *
   * @param {{type: string, utterance: number}} message
   */
  #isKnown({ type, utterance }) {
    const answered = this.#answered.get(this.#session) ?? 0;
    if (utterance <= answered) return true;
    if (!ANSWERS.has(type)) return false;
    this.#answered.delete(this.#session); // so that the map is in order of the newest answers
    this.#answered.set(this.#session, utterance);
    if (this.#answered.size > MAX_SESSIONS) {
      const [oldest] = this.#answered.keys();
      this.#answered.delete(oldest);
    }
    return false;
  }

  /**
   * @param {Link} link
   * @param {End} end
   */
  async #onEnd(link, end) {
    const { url } = this.#dialling;
    const isFirst = this.#state === "connecting";
    const { error, passes } = await explainEnd(end, url, link.token, this.#left.signal, isFirst);
    if (this.#link !== link) return; // it was closed meanwhile, or there is another attempt
    if (!passes) {
      this.#refuse(error);
      return;
    }
    const servedMs = performance.now() - (this.#servingSinceMs ?? Infinity);
    if (servedMs >= LONGEST_WAIT_MS) this.#backoff.reset(); // not for a server that fails at once again
    this.#attemptTimer = setTimeout(() => this.#open(), this.#backoff.next());
    if (this.#state !== "reconnecting") this.#setState("reconnecting", AWAY_SENTENCE, error);
  }

  /** The network is there again: do not wait, nor for an attempt that was made without it. */
  #tryNow = () => {
    if (this.#state === "reconnecting") this.#open();
  };

  // ---- states ----------------------------------------------------------------------------------

  /** @param {CaptionError} error */
  #refuse(error) {
    this.#letGo();
    this.#setState("closed", error.message, error);
    this.#connected.reject(error);
    this.#loops.end(error);
  }

  #letGo() {
    clearTimeout(this.#attemptTimer);
    globalThis.removeEventListener?.("online", this.#tryNow);
    this.#left.abort();
    this.#link?.close(1000);
    this.#link = null;
  }

  /**
   * @param {ViewerState} state
   * @param {string} [message]
   * @param {CaptionError} [error]
   */
  #setState(state, message = "", error = undefined) {
    this.#state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, message, error } }));
  }
}

/**
 * What a final says that is told again.
 *
 * @param {Final} final
 * @returns {Revised}
 */
function revisedOf({ seq, utterance, start_ms, end_ms, text, confidence, words, by }) {
  const revised = { seq, utterance, start_ms, end_ms, text, confidence };
  return { type: "revised", ...revised, ...(words && { words }), ...(by && { by }) };
}

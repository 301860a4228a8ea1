/**
 * Surtitle client for browsers and Node.js: audio in, captions out, over as many connections as it takes.
 * Types: client.d.ts.
 *
 *     const client = new CaptionClient("wss://captions.example/v1/captions", { sample_rate: 48000 });
 *     client.addEventListener("partial", ({ detail }) => show(detail.stable + detail.unstable));
 *     client.addEventListener("final", ({ detail }) => keep(detail.text));
 *     await client.connect();
 *     client.send(samples);          // Int16Array, mono, about 100 ms at a time
 *     await client.stop();           // resolves when the last caption has come
 *
 * When the connection breaks the client connects again and resumes the session: nothing is lost and
 * nothing comes twice. A server that was restarted gets a new session, from the first byte that was not
 * answered. Times and utterance numbers are those of the whole stream. Meanwhile `send` goes on taking
 * audio.
 *
 * @typedef {import("./client.js").StartOptions} StartOptions
 * @typedef {import("./client.js").UpdateOptions} UpdateOptions
 * @typedef {import("./client.js").ClientOptions} ClientOptions
 * @typedef {import("./client.js").ServerMessage} ServerMessage
 * @typedef {import("./client.js").ServerError} ServerError
 * @typedef {import("./client.js").Ready} Ready
 * @typedef {import("./client.js").Resumed} Resumed
 * @typedef {import("./client.js").Status} Status
 * @typedef {import("./client.js").Ended} Ended
 * @typedef {import("./client.js").ClientState} ClientState
 * @typedef {import("./client.js").CaptionOptions} CaptionOptions
 * @typedef {import("./link.js").End} End
 * @typedef {import("./outbox.js").Command} Command
 * @typedef {import("./outbox.js").Piece} Piece
 * @typedef {import("./sources.js").EncodedSource} EncodedSource
 * @typedef {import("./sources.js").Source} Source
 */

import { Backoff } from "./backoff.js";
import { Deferred } from "./deferred.js";
import { Link, webSocketOf } from "./link.js";
import { Loops } from "./message-queue.js";
import { Outbox, sizeOf } from "./outbox.js";
import { Problem } from "./problems.js";
import { CaptionError, explainEnd } from "./reasons.js";
import { streamSource } from "./streaming.js";
import { bytesBefore, Timeline } from "./timeline.js";
import { toWebSocketUrl, withAffinity } from "./urls.js";

export { CaptionError };

const BYTES_PER_SAMPLE = 2;
/** Hz, the server's. */
const DEFAULT_SAMPLE_RATE = 16_000;

/** How long a server that is gone is tried again before the session fails. */
const PATIENCE_MS = 120_000;
/** Unanswered audio that is kept to be sent again; more is dropped, and told as a `gap`. */
const KEEP_MS = 120_000;
/** Between attempts to connect. */
const LONGEST_WAIT_MS = 5000;
/** Audio that is sent in one frame; a server takes frames of up to 1 MiB. */
const PIECE_BYTES = 64 * 1024;
/** The browser is given no more than this at a time, or its queue would delay what comes after. */
const MAX_UNSENT_BYTES = 256 * 1024;
/**
 * Longer than any utterance: so much may have to be sent before there is an answer that lets go of the
 * first byte of it.
 */
const UNANSWERED_MS = 60_000;
/** When to look whether the browser has sent what it was given; it does not tell. */
const SEND_AGAIN_MS = 20;

const AWAY_SENTENCE = "Reconnecting to the server. Anything said in the meantime is kept.";
const BACK_SENTENCE = "The connection to the server is back.";

/** Message types that have an event of their own; any other reaches only "message" listeners. */
const EVENT_TYPES = new Set([
  "ready",
  "resumed",
  "speech",
  "partial",
  "pause",
  "pause_over",
  "final",
  "revised",
  "suppressed",
  "failed",
  "flushed",
  "status",
  "ack",
  "error",
  "ended",
]);

export class CaptionClient extends EventTarget {
  #dialling;
  /** What a session begins with: the options given, with the updates that were answered. */
  /** @type {StartOptions} */
  #start;
  #patienceMs;
  #keepMs;
  /** 0 where nobody knows. */
  #bytesPerSecond = 0;
  /** Whether a container is sent, and not samples. */
  #encoded = false;
  #outbox = new Outbox(0);
  #timeline = new Timeline();
  /** The newest connection, or the attempt to make one. */
  /** @type {Link | null} */
  #link = null;
  /** Whether the server has greeted us on it, and takes audio. */
  #serving = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #sendTimer;

  /** @type {ClientState} */
  #state = "idle";
  /** What the server last said of itself, while it holds. */
  /** @type {{state: ClientState, message: string}} */
  #service = { state: "ready", message: "" };
  /** The greeting of the newest session. */
  /** @type {Ready | null} */
  #ready = null;
  /** Whether the server may still have that session. */
  #known = false;
  #token = "";
  #lastSeq = 0;
  /** The last fatal error on this link: it comes just before the close and says why. */
  /** @type {ServerError | null} */
  #fatal = null;
  /** Whether stop() was called. */
  #stopping = false;

  /** When the connection broke, by performance.now(); null while there is one. */
  /** @type {number | null} */
  #awaySinceMs = null;
  #backoff = new Backoff(LONGEST_WAIT_MS);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #attemptTimer;

  /** Ends a question that is still on its way when the session is over. */
  #left = new AbortController();

  /** @type {Deferred<Ready>} */
  #connected = new Deferred();
  /** @type {Deferred<Ended>} */
  #ended = new Deferred();
  /** @type {Loops<ServerMessage>} */
  #loops = new Loops();

  /**
   * @param {string | URL} url
   * @param {StartOptions} [start]
   * @param {ClientOptions} [options]
   */
  constructor(url, start = {}, options = {}) {
    super();
    const { patienceMs = PATIENCE_MS, keepMs = KEEP_MS, access = () => "", WebSocket } = options;
    const address = withAffinity(toWebSocketUrl(url), start.channel);
    this.#dialling = { url: address, access, WebSocket: webSocketOf(WebSocket) };
    this.#patienceMs = patienceMs;
    this.#keepMs = keepMs;
    this.#start = { ...start };
    this.#measure(start.sample_rate ?? DEFAULT_SAMPLE_RATE);
  }

  /** @param {number} sampleRate Hz */
  #measure(sampleRate) {
    this.#bytesPerSecond = sampleRate * BYTES_PER_SAMPLE;
    this.#outbox = new Outbox((this.#keepMs / 1000) * this.#bytesPerSecond);
  }

  get state() {
    return this.#state;
  }

  get ready() {
    return this.#ready;
  }

  get backlogMs() {
    return this.#bytesPerSecond ? (this.#unsentBytes * 1000) / this.#bytesPerSecond : 0;
  }

  get #unsentBytes() {
    return this.#outbox.unsent + (this.#link?.unsentBytes ?? 0);
  }

  /** @returns {Promise<Ready>} */
  connect() {
    if (this.#state !== "idle") throw new Error("This client has already been used; create a new one");
    globalThis.addEventListener?.("online", this.#tryNow); // Node has none
    this.#setState("connecting");
    if (this.#isOn()) this.#open(); // who heard that may have closed us
    return this.#connected.promise;
  }

  /**
   * @param {Int16Array} samples in the platform's byte order, which is the wire's
   *   (little-endian) on every platform that has a browser
   * @returns {boolean}
   */
  send(samples) {
    const { buffer, byteOffset, byteLength } = samples;
    return this.#sendData(new Uint8Array(buffer, byteOffset, byteLength).slice());
  }

  /** @param {Uint8Array<ArrayBuffer> | Blob} data */
  #sendData(data) {
    if (this.#stopping || !this.#isOn()) return false;
    if (sizeOf(data)) {
      this.#outbox.addAudio(data);
      this.#sendAll();
    }
    return true;
  }

  /** Wait until another frame like the newest can be kept, and the server has taken nearly all there is. */
  async #drained() {
    while (this.#isOn() && !this.#stopping && this.#isFull()) {
      await new Promise((resolve) => setTimeout(resolve, SEND_AGAIN_MS));
    }
  }

  /** Whether a source that can wait has to. */
  #isFull() {
    const { end, safe, newestBytes, maxBytes } = this.#outbox;
    if (this.#unsentBytes > Math.min(MAX_UNSENT_BYTES, maxBytes / 2)) return true;
    let most = maxBytes - newestBytes;
    if (this.#serving) most = Math.max(most, (UNANSWERED_MS / 1000) * this.#bytesPerSecond);
    return end - safe > most;
  }

  flush() {
    this.#command({ type: "flush" });
  }

  discard() {
    this.#command({ type: "discard" });
  }

  /** @param {UpdateOptions} options */
  update(options) {
    // What is not given stays; a server that was restarted would begin with nothing instead.
    const given = Object.entries(options).filter(([, value]) => value !== undefined && value !== null);
    this.#command({ type: "update", ...Object.fromEntries(given) });
  }

  /** @returns {Promise<Ended>} */
  stop() {
    if (this.#state === "idle") this.close(); // there is no server that could say the end
    if (!this.#stopping) {
      this.#command({ type: "stop" });
      this.#stopping = true;
    }
    return this.#ended.promise;
  }

  close() {
    this.#finish(new CaptionError("closed", "The session was closed locally."));
  }

  // ---- everything at once ----------------------------------------------------------------------

  /**
   * @param {Source | EncodedSource} source
   * @param {CaptionOptions} [options]
   * @returns {Promise<Ended>}
   */
  async stream(source, { signal } = {}) {
    const unfit = this.#whyUnfit(source);
    if (unfit) {
      await source.stop();
      throw unfit;
    }
    if ("encoding" in source) {
      this.#beginEncoded(source);
    } else {
      this.#start = { ...this.#start, sample_rate: source.sampleRate };
      this.#measure(source.sampleRate);
    }
    const client = {
      connect: () => this.connect(),
      send: (/** @type {Int16Array | Blob} */ data) =>
        data instanceof Int16Array ? this.send(data) : this.#sendData(data),
      drained: () => this.#drained(),
      stop: () => this.stop(),
      close: () => this.close(),
    };
    return streamSource(client, source, {
      onFrame: ({ rms, peak }) => {
        if (rms === undefined) return;
        this.dispatchEvent(new CustomEvent("level", { detail: { rms, peak } }));
      },
      onSound: (detail) => void this.dispatchEvent(new CustomEvent("sound", { detail })),
      over: this.#ended.promise,
      signal,
    });
  }

  /**
   * @param {Source | EncodedSource} source
   * @param {CaptionOptions} [options]
   * @returns {AsyncGenerator<ServerMessage, void, undefined>}
   */
  async *caption(source, options) {
    const unfit = this.#whyUnfit(source);
    const streamed = this.stream(source, options);
    if (unfit) await streamed; // which throws
    streamed.catch(() => {}); // the loop throws that
    try {
      yield* this;
      await streamed; // for the Problem of a source that broke off
    } catch (error) {
      if (!(error instanceof CaptionError && error.code === "closed")) throw error; // who closes it knows
    } finally {
      this.close();
      await streamed.catch(() => {}); // the source has let go of everything
    }
  }

  [Symbol.asyncIterator]() {
    return this.#loops.messages();
  }

  /**
   * Why the source cannot be streamed.
   *
   * @param {Source | EncodedSource} source
   * @returns {Error | null}
   */
  #whyUnfit(source) {
    if (this.#state !== "idle") return new Error("This client has already been used; create a new one");
    if ("encoding" in source) return null;
    const { sampleRate } = source;
    const rate = this.#start.sample_rate ?? sampleRate;
    if (rate === sampleRate) return null;
    const sentence = `The source provides ${sampleRate} samples per second, not ${rate}. `;
    return new Problem(
      `${sentence}Leave out \`sample_rate\`: it is taken from the source.`,
      "sample_rate",
    );
  }

  /**
   * A container is kept whole until the end, as the rest of one means nothing without its beginning. It may
   * be: what is kept are parts of a file, which are read when they are sent.
   *
   * @param {EncodedSource} source
   */
  #beginEncoded({ encoding, size, durationMs }) {
    this.#encoded = true;
    this.#start = { ...this.#start, encoding, sample_rate: undefined };
    this.#bytesPerSecond = durationMs === Infinity ? 0 : (size * 1000) / durationMs;
    this.#outbox = new Outbox(Infinity);
  }

  // ---- one connection --------------------------------------------------------------------------

  #open() {
    this.#fatal = null;
    const link = new Link(this.#dialling, {
      greet: () => this.#greeting(),
      onMessage: (message) => this.#receive(message),
      onEnd: (end) => void this.#onEnd(link, end),
    });
    this.#link = link;
    link.watch(); // a handshake that nobody answers is an end, too
  }

  /** The first message on a connection: the session goes on, or another one begins. */
  #greeting() {
    if (this.#ready && this.#known) {
      const { session } = this.#ready;
      return { type: "resume", session, token: this.#token, last_seq: this.#lastSeq };
    }
    if (this.#ready) this.#beginAgain();
    return { type: "start", encoding: "pcm_s16le", channels: 1, ...this.#start };
  }

  /** @param {ServerMessage} message */
  #receive(message) {
    const placed = this.#timeline.place(message);
    if (!placed) {
      if ("seq" in message) this.#lastSeq = message.seq;
      return; // an answer that was given before the server lost the session
    }
    switch (message.type) {
      case "ready":
        this.#onReady(message);
        break;
      case "resumed":
        this.#onResumed(message);
        break;
      case "ack":
        this.#backoff.reset(); // this connection is of use
        this.#awaySinceMs = null;
        this.#forgetBefore(message.safe);
        break;
      case "final":
      case "suppressed":
      case "failed":
        // The next `ack` says so too, but may never come. Answers come in order and do not overlap.
        if (!this.#encoded) {
          this.#forgetBefore(bytesBefore(message.end_ms, this.#bytesPerSecond, BYTES_PER_SAMPLE));
        }
        break;
      case "status":
        this.#onStatus(message);
        break;
      case "error":
        if (message.fatal) this.#fatal = message;
        if (message.code === "idle") this.#awaySinceMs = null; // a connection without sound was of use, too
        if (message.fatal && this.#passes(message)) return; // nobody need know
        break;
      case "ended":
        this.#letGo();
        this.#setState("ended");
        this.#ended.resolve(/** @type {Ended} */ (placed));
        break;
    }
    if (this.#serving && "seq" in message) this.#lastSeq = message.seq;
    this.dispatchEvent(new CustomEvent("message", { detail: placed }));
    if (EVENT_TYPES.has(message.type)) {
      this.dispatchEvent(new CustomEvent(message.type, { detail: placed }));
    }
    this.#loops.push(placed);
    if (message.type === "ended") this.#loops.end();
  }

  /** @param {Ready} ready */
  #onReady(ready) {
    const first = this.#ready === null;
    this.#ready = ready;
    this.#token = ready.token;
    this.#known = true;
    this.#service = { state: "ready", message: "" };
    this.#serve(first ? "" : BACK_SENTENCE);
    this.#connected.resolve(ready);
  }

  /** @param {Resumed} resumed */
  #onResumed({ received, token }) {
    this.#token = token || this.#token;
    this.#outbox.goBack(this.#timeline.beginByte + received);
    this.#serve(BACK_SENTENCE);
  }

  /** @param {Status} status */
  #onStatus({ state, message }) {
    if (state === "normal") this.#service = { state: "ready", message: "" };
    else this.#service = { state, message };
    this.#setState(this.#service.state, message);
  }

  /** @param {string} message */
  #serve(message) {
    this.#serving = true;
    this.#setState(this.#service.state, this.#service.message || message);
    this.#sendAll();
  }

  /**
   * Whether an error ends no more than this connection.
   *
   * @param {ServerError} error
   */
  #passes({ code }) {
    if (this.#ready === null || !this.#patienceMs) return false;
    return code === "busy" || code === "idle" || (code === "unknown_session" && this.#known);
  }

  /**
   * @param {Link} link
   * @param {End} end
   */
  async #onEnd(link, end) {
    this.#serving = false;
    const fatal = this.#fatal;
    /** @type {CaptionError} */
    let error;
    let passes;
    if (fatal && end.opened) {
      error = new CaptionError(fatal.code, fatal.message);
      passes = this.#passes(fatal);
    } else {
      const isFirst = this.#state === "connecting";
      const { url } = this.#dialling;
      ({ error, passes } = await explainEnd(end, url, link.token, this.#left.signal, isFirst));
      if (this.#link !== link) return; // it was closed meanwhile, or there is another attempt
    }
    if (!this.#ready || !passes || !this.#patienceMs) this.#finish(error);
    else if (fatal?.code === "unknown_session") this.#beginElsewhere();
    else this.#comeBack(error);
  }

  // ---- connecting again ------------------------------------------------------------------------

  /**
   * Try again after a while.
   *
   * @param {CaptionError} reason
   */
  #comeBack(reason) {
    const now = performance.now();
    this.#awaySinceMs ??= now;
    if (now - this.#awaySinceMs >= this.#patienceMs) {
      const seconds = Math.round(this.#patienceMs / 1000);
      const sentence = `The server did not come back within ${seconds} s. ${reason.message}`;
      this.#finish(new CaptionError(reason.code, sentence));
      return;
    }
    this.#attemptTimer = setTimeout(() => this.#attempt(), this.#backoff.next());
    if (this.#state !== "reconnecting") this.#setState("reconnecting", AWAY_SENTENCE);
  }

  #attempt() {
    clearTimeout(this.#attemptTimer);
    this.#link?.close();
    this.#open();
  }

  /** The network is there again: do not wait, nor for an attempt that was made without it. */
  #tryNow = () => {
    if (this.#state === "reconnecting") this.#attempt();
  };

  /** The server has lost the session. */
  #beginElsewhere() {
    this.#known = false;
    this.#attempt();
  }

  /** What is sent next is the beginning of a session, with what the answered updates have changed. */
  #beginAgain() {
    this.#outbox.goBack(this.#outbox.safe);
    this.#tellGap();
    const byte = this.#outbox.start;
    this.#pass(this.#outbox.forgetBefore(byte));
    if (this.#encoded)
      this.#timeline.startOver(); // nothing of a container is forgotten
    else this.#timeline.goOn(byte, this.#bytesPerSecond);
    this.#outbox.goBack(byte);
  }

  // ---- sending ---------------------------------------------------------------------------------

  /** @param {Command} command */
  #command(command) {
    if (this.#stopping || !this.#isOn()) return;
    this.#outbox.addCommand(command);
    this.#sendAll();
  }

  /** Send what the server has not been sent yet, as far as the browser takes it. */
  #sendAll() {
    clearTimeout(this.#sendTimer);
    if (!this.#serving) return;
    this.#tellGap();
    const link = this.#link; // not before the gap is told: who hears of it may have closed us
    if (!link) return;
    while (link.unsentBytes < MAX_UNSENT_BYTES) {
      const piece = this.#outbox.take(PIECE_BYTES);
      if (!piece) return;
      link.send(onTheWire(piece));
    }
    this.#sendTimer = setTimeout(() => this.#sendAll(), SEND_AGAIN_MS);
  }

  /**
   * The session's audio before this byte of it is answered.
   *
   * @param {number} byte
   */
  #forgetBefore(byte) {
    const answered = Math.min(this.#timeline.beginByte + byte, this.#outbox.sent);
    this.#pass(this.#outbox.forgetBefore(answered));
  }

  /**
   * These will not be sent again: another session begins with what they have changed.
   *
   * @param {Command[]} commands
   */
  #pass(commands) {
    for (const { type, ...options } of commands) {
      if (type === "update") this.#start = { ...this.#start, ...options };
    }
  }

  /** Tell of the audio that is not kept any more though it is needed. */
  #tellGap() {
    const gap = this.#outbox.takeGap();
    if (!gap) return;
    const [start_ms, end_ms] = gap.map((byte) => this.#msOf(byte));
    const detail = { start_ms, end_ms };
    this.dispatchEvent(new CustomEvent("gap", { detail }));
  }

  /** @param {number} bytes */
  #msOf(bytes) {
    return Math.floor((bytes * 1000) / this.#bytesPerSecond);
  }

  // ---- states ----------------------------------------------------------------------------------

  /** Whether the session has begun, or is about to, and goes on. */
  #isOn() {
    return this.#state !== "idle" && this.#state !== "ended" && this.#state !== "closed";
  }

  /** @param {CaptionError} error */
  #finish(error) {
    if (this.#state === "ended" || this.#state === "closed") return;
    this.#letGo();
    this.#setState("closed", error.message, error);
    this.#connected.reject(error);
    this.#ended.reject(error);
    this.#loops.end(error.code === "closed" ? undefined : error); // who closes it knows
  }

  /** Nothing more is sent or heard. */
  #letGo() {
    clearTimeout(this.#attemptTimer);
    clearTimeout(this.#sendTimer);
    globalThis.removeEventListener?.("online", this.#tryNow);
    this.#left.abort();
    this.#link?.close(1000);
    this.#link = null;
    this.#serving = false;
  }

  /**
   * @param {ClientState} state
   * @param {string} [message]
   * @param {CaptionError} [error]
   */
  #setState(state, message = "", error = undefined) {
    this.#state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, message, error } }));
  }
}

/** @param {Piece} piece */
function onTheWire(piece) {
  if ("data" in piece) return piece.data;
  return "silence" in piece ? new Uint8Array(piece.silence) : JSON.stringify(piece.command);
}

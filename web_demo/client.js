/**
 * Surtitle client for browsers: audio in, captions out, over one WebSocket. Types: client.d.ts.
 *
 *     const client = new CaptionClient("wss://captions.example/v1/captions", { sample_rate: 48000 });
 *     client.addEventListener("partial", ({ detail }) => show(detail.stable + detail.unstable));
 *     client.addEventListener("final", ({ detail }) => keep(detail.text));
 *     await client.connect();
 *     client.send(samples);          // Int16Array, mono, about 100 ms at a time
 *     await client.stop();           // resolves when the last caption has come
 *
 * @typedef {import("./client.d.ts").StartOptions} StartOptions
 * @typedef {import("./client.d.ts").UpdateOptions} UpdateOptions
 * @typedef {import("./client.d.ts").ServerMessage} ServerMessage
 * @typedef {import("./client.d.ts").ServerError} ServerError
 * @typedef {import("./client.d.ts").Ready} Ready
 * @typedef {import("./client.d.ts").Ended} Ended
 * @typedef {import("./client.d.ts").ClientState} ClientState
 */

const BYTES_PER_SAMPLE = 2;

/** Message types that have an event of their own; any other reaches only "message" listeners. */
const EVENT_TYPES = new Set([
  "ready", "speech", "partial", "final", "suppressed", "failed", "status", "ack", "error", "ended",
]);

/** Used when the server did not say why in an `error` before the close. */
const CLOSE_SENTENCES = new Map([
  [1000, "The server ended the session."],
  [1001, "The server is shutting down. Start again in a moment."],
  [1006, "The connection to the server was lost. Check that it is running, then start again."],
  [1008, "The server does not allow this."],
  [1011, "The server had an internal error. Start again; if it comes back, look at its log."],
  [1013, "The server has too much to do. Try again in a moment."],
  [4408, "The server closed the session because no audio came."],
]);

/** Sentences for a refused handshake whose answer has none of its own. */
const REFUSAL_SENTENCES = new Map([
  [401, "The server asks for a key that this page does not have."],
  [403, "The server does not accept connections from this page's address."],
  [404, "There is no caption service at this address."],
  [429, "This client has too many sessions open. Close another page that shows captions."],
  [503, "The server is full or still starting."],
]);

export class CaptionError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = "CaptionError";
    this.code = code;
  }
}

export class CaptionClient extends EventTarget {
  /** @type {URL} */
  #url;
  /** @type {StartOptions} */
  #start;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {ClientState} */
  #state = "idle";
  /** @type {Ready | null} */
  #ready = null;
  /** The last fatal error of the server: it comes just before the close and says why. */
  /** @type {ServerError | null} */
  #fatal = null;
  /** Whether close() was called here. */
  #leaving = false;
  /** Whether `stop` was sent. */
  #stopping = false;
  /** @type {Deferred<Ready>} */
  #connected = deferred();
  /** @type {Deferred<Ended>} */
  #ended = deferred();

  /**
   * @param {string | URL} url
   * @param {StartOptions} [start]
   */
  constructor(url, start = {}) {
    super();
    this.#url = new URL(url);
    this.#url.protocol = this.#url.protocol.replace(/^http/, "ws");
    this.#start = start;
  }

  get state() {
    return this.#state;
  }

  get ready() {
    return this.#ready;
  }

  get backlogMs() {
    const bytesPerMs = ((this.#start.sample_rate ?? 16000) * BYTES_PER_SAMPLE) / 1000;
    return (this.#socket?.bufferedAmount ?? 0) / bytesPerMs;
  }

  /** @returns {Promise<Ready>} */
  connect() {
    if (this.#state !== "idle") throw new Error("connect() was called before; make a new client");
    this.#setState("connecting");
    this.#open();
    return this.#connected.promise;
  }

  /**
   * @param {Int16Array<ArrayBuffer>} samples in the platform's byte order, which is the wire's
   *   (little-endian) on every platform that has a browser
   * @returns {boolean}
   */
  send(samples) {
    if (this.#stopping || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(samples);
    return true;
  }

  flush() {
    this.#command({ type: "flush" });
  }

  /** @param {UpdateOptions} options */
  update(options) {
    this.#command({ type: "update", ...options });
  }

  /** @returns {Promise<Ended>} */
  stop() {
    if (!this.#stopping) {
      this.#stopping = true;
      this.#command({ type: "stop" });
    }
    return this.#ended.promise;
  }

  close() {
    this.#leaving = true;
    this.#socket?.close(1000);
  }

  #open() {
    const socket = new WebSocket(this.#url);
    let opened = false;
    socket.addEventListener("open", () => {
      opened = true;
      this.#command({ type: "start", encoding: "pcm_s16le", channels: 1, ...this.#start });
    });
    socket.addEventListener("message", ({ data }) => this.#receive(JSON.parse(data)));
    // An "error" event always comes with a "close" event, which is the one that carries facts.
    socket.addEventListener("close", async ({ code }) => {
      this.#finish(opened || this.#leaving ? this.#closeReason(code) : await explainRefusal(this.#url));
    });
    this.#socket = socket;
  }

  /** @param {object} message */
  #command(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** @param {ServerMessage} message */
  #receive(message) {
    switch (message.type) {
      case "ready":
        this.#ready = message;
        this.#setState("ready");
        this.#connected.resolve(message);
        break;
      case "status":
        this.#setState(message.state === "normal" ? "ready" : message.state, message.message);
        break;
      case "error":
        if (message.fatal) this.#fatal = message;
        break;
      case "ended":
        this.#setState("ended");
        this.#ended.resolve(message);
        break;
    }
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
    if (EVENT_TYPES.has(message.type)) {
      this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
    }
  }

  /**
   * @param {number} code
   * @returns {CaptionError}
   */
  #closeReason(code) {
    if (this.#leaving) return new CaptionError("closed", "The session was closed by this page.");
    if (this.#fatal) return new CaptionError(this.#fatal.code, this.#fatal.message);
    const sentence = CLOSE_SENTENCES.get(code) ?? `The server closed the connection (${code}).`;
    return new CaptionError(`closed_${code}`, sentence);
  }

  /** @param {CaptionError} error */
  #finish(error) {
    if (this.#state === "ended") return;
    this.#setState("closed", error.message, error);
    this.#connected.reject(error);
    this.#ended.reject(error);
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

/**
 * Browsers hide why a WebSocket was refused. The same address asked over HTTP gets the same refusal,
 * readable; a server that would accept answers something else (426).
 *
 * @param {URL} url
 * @returns {Promise<CaptionError>}
 */
async function explainRefusal(url) {
  const address = new URL(url);
  address.protocol = address.protocol.replace(/^ws/, "http");
  let response;
  try {
    response = await fetch(address, { cache: "no-store" });
  } catch {
    return new CaptionError(
      "unreachable",
      `No answer from ${url.host}. Check that the server is running and reachable, then start again.`,
    );
  }
  const sentence = (await sentenceOf(response)) ?? REFUSAL_SENTENCES.get(response.status);
  if (!sentence) {
    return new CaptionError("refused", "The server did not accept the connection. Start again.");
  }
  return new CaptionError("refused", sentence + retryAdvice(response));
}

/**
 * The server's own words, if the answer has some.
 *
 * @param {Response} response
 * @returns {Promise<string | undefined>}
 */
async function sentenceOf(response) {
  if (!response.headers.get("content-type")?.startsWith("application/json")) return undefined;
  try {
    const { error } = await response.json();
    return typeof error === "string" && error ? error : undefined;
  } catch {
    return undefined;
  }
}

/** @param {Response} response */
function retryAdvice(response) {
  const seconds = Number(response.headers.get("retry-after"));
  return seconds > 0 ? ` Try again in ${seconds} s.` : "";
}

/**
 * @template T
 * @typedef {{promise: Promise<T>, resolve: (value: T) => void, reject: (reason: Error) => void}}
 *   Deferred
 */

/**
 * @template T
 * @returns {Deferred<T>}
 */
function deferred() {
  /** @type {(value: T) => void} */
  let resolve = () => {};
  /** @type {(reason: Error) => void} */
  let reject = () => {};
  const promise = /** @type {Promise<T>} */ (
    new Promise((yes, no) => {
      resolve = yes;
      reject = no;
    })
  );
  promise.catch(() => {}); // whoever waits sees the rejection; nobody waiting is no error
  return { promise, resolve, reject };
}

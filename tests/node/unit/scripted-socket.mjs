/**
 * A server without a network: the WebSockets that a client opens, of which a test says what comes on
 * them.
 */

/** The platform's interface, as far as the library uses it, and what a test sees and does of it. */
class ScriptedSocket extends EventTarget {
  /** Bytes that have not left the machine. */
  bufferedAmount = 0;
  /** What the client has said: objects for its messages, byte arrays or blobs for audio. */
  /** @type {any[]} */
  sent = [];
  /** Whether the client has closed it. */
  left = false;

  /**
   * @param {string | URL} url
   * @param {string | string[]} [protocols]
   */
  constructor(url, protocols = []) {
    super();
    this.url = url;
    this.protocols = protocols;
  }

  /** @param {any} data */
  send(data) {
    this.sent.push(typeof data === "string" ? JSON.parse(data) : data);
  }

  close() {
    this.left = true;
  }

  // ---- the server ------------------------------------------------------------------------------

  /** Accept the handshake. */
  open() {
    this.dispatchEvent(new Event("open"));
  }

  /** @param {object} message */
  say(message) {
    this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(message) }));
  }

  /** @param {number} [code] 1006 for a connection that breaks; before `open`, a handshake that fails */
  end(code = 1006) {
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }

  /** Accept the handshake, and greet who begins a session. */
  greet(session = "s") {
    this.open();
    this.say({ type: "ready", seq: 1, session, token: "t", sample_rate: 16_000 });
  }

  /** Accept the handshake of who comes back. */
  goOn(received = 0) {
    this.open();
    this.say({ type: "resumed", received, token: "t" });
  }

  /** The types of what the client has said that is no audio. */
  get types() {
    return this.sent.map(({ type }) => type).filter((type) => type); // a blob's is empty
  }

  /** Bytes of audio that have come. */
  get audioBytes() {
    const sizes = this.sent.map((data) => data.byteLength ?? data.size ?? 0);
    return sizes.reduce((sum, size) => sum + size, 0);
  }
}

/** Whoever connects by its `WebSocket` gets a scripted one. */
export class ScriptedServer {
  /** @type {ScriptedSocket[]} all that were opened */
  sockets = [];
  /** @type {((socket: ScriptedSocket) => void)[]} */
  #waiting = [];
  #taken = 0;

  constructor() {
    const add = (/** @type {ScriptedSocket} */ socket) => {
      this.sockets.push(socket);
      this.#serve();
    };
    this.WebSocket = class extends ScriptedSocket {
      /**
       * @param {string | URL} url
       * @param {string | string[]} [protocols]
       */
      constructor(url, protocols) {
        super(url, protocols);
        add(this);
      }
    };
  }

  /**
   * The next that was or will be opened.
   *
   * @returns {Promise<ScriptedSocket>}
   */
  next() {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#serve();
    });
  }

  #serve() {
    while (this.#waiting.length && this.#taken < this.sockets.length) {
      this.#waiting.shift()?.(this.sockets[this.#taken++]);
    }
  }
}

/**
 * Where nobody listens: a handshake that fails is asked for its reason there, and gets none.
 */
export const NOWHERE = "ws://127.0.0.1:9/v1/captions";

/** Let everything happen that waits for nothing outside. */
export function settle() {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Wait until something holds; a test that waits in vain runs out of time.
 *
 * @param {() => boolean} holds
 */
export async function until(holds) {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

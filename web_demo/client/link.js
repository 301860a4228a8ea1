/**
 * One WebSocket to the server, from its opening to its end. It ends once, with a close code; after
 * that, and after `close`, nothing more is heard of it.
 *
 * @typedef {import("./client.d.ts").ServerMessage} ServerMessage
 *
 * @typedef {object} Hooks
 * @property {() => object} greet  the first message to the server
 * @property {(message: ServerMessage) => void} onMessage
 * @property {(code: number, opened: boolean) => void} onEnd `opened`: not for a handshake that failed
 */

/** A server that says nothing for so long is taken for gone; it acknowledges once a second. */
const SILENT_MS = 15_000;
/** The code of a connection that broke (RFC 6455, 7.4.1). */
const BROKEN = 1006;

export class Link {
  #socket;
  #hooks;
  #opened = false;
  #over = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;

  /**
   * @param {URL} url
   * @param {string} token  for a server that asks for one, or ""
   * @param {Hooks} hooks
   */
  constructor(url, token, hooks) {
    // A browser cannot send headers with its handshake: the token is offered as a subprotocol.
    const socket = token ? new WebSocket(url, ["surtitle.v1", `token.${token}`]) : new WebSocket(url);
    socket.addEventListener("open", () => this.#open());
    socket.addEventListener("message", ({ data }) => this.#hear(data));
    // An "error" event always comes with a "close" event, which is the one that carries facts.
    socket.addEventListener("close", ({ code }) => this.#end(code));
    this.#socket = socket;
    this.#hooks = hooks;
  }

  /** Bytes that were given to `send` and are still in this machine. */
  get unsentBytes() {
    return this.#socket.bufferedAmount;
  }

  /** @param {string | Uint8Array<ArrayBuffer>} data */
  send(data) {
    this.#socket.send(data);
  }

  /** From now on a server that says nothing for too long is the end; from the opening on it is anyway. */
  watch() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#socket.close();
      this.#end(BROKEN);
    }, SILENT_MS);
  }

  /**
   * Leave. Without a code the server takes the connection for a broken one, and keeps the session.
   *
   * @param {1000} [code]
   */
  close(code) {
    this.#over = true;
    clearTimeout(this.#silence);
    this.#socket.close(code);
  }

  #open() {
    if (this.#over) return;
    this.#opened = true;
    this.watch();
    this.send(JSON.stringify(this.#hooks.greet()));
  }

  /** @param {string} data */
  #hear(data) {
    if (this.#over) return;
    this.watch();
    this.#hooks.onMessage(JSON.parse(data));
  }

  /** @param {number} code */
  #end(code) {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#silence);
    this.#hooks.onEnd(code, this.#opened);
  }
}

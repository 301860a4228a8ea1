/**
 * One WebSocket to the server, from its opening to its end. It ends once, with a close code; after
 * that, and after `close`, nothing more is heard of it.
 *
 * @typedef {import("./client.d.ts").ServerMessage} ServerMessage
 * @typedef {import("./client.d.ts").WebSocketConstructor} WebSocketConstructor
 *
 * @typedef {object} Hooks
 * @property {() => object} [greet] the first message to the server, if there is one
 * @property {(message: ServerMessage) => void} onMessage
 * @property {(code: number, opened: boolean) => void} onEnd `opened`: not for a handshake that failed
 * @property {() => void} [onSilence] instead of the end, where silence need not mean it
 */

import { Problem } from "./problems.js";

/** The code of a connection that broke (RFC 6455, 7.4.1). */
const BROKEN = 1006;

export class Link {
  #socket;
  #silentMs;
  #hooks;
  #opened = false;
  #over = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;

  /**
   * @param {WebSocketConstructor | undefined} WebSocket
   * @param {URL} url
   * @param {string} token    for a server that asks for one, or ""
   * @param {number} silentMs a server that says nothing for so long is taken for gone
   * @param {Hooks} hooks
   */
  constructor(WebSocket, url, token, silentMs, hooks) {
    if (!WebSocket) throw noWebSocketProblem();
    // A browser cannot send headers with its handshake: the token is offered as a subprotocol.
    const socket = token ? new WebSocket(url, ["surtitle.v1", `token.${token}`]) : new WebSocket(url);
    socket.addEventListener("open", () => this.#open());
    socket.addEventListener("message", ({ data }) => this.#hear(data));
    // An "error" event always comes with a "close" event, which is the one that carries facts. The
    // package `ws` throws an error that nobody listens for.
    socket.addEventListener("error", () => {});
    socket.addEventListener("close", ({ code }) => this.#end(code));
    this.#socket = socket;
    this.#silentMs = silentMs;
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
    this.#silence = setTimeout(() => this.#onSilence(), this.#silentMs);
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
    if (this.#hooks.greet) this.send(JSON.stringify(this.#hooks.greet()));
  }

  #onSilence() {
    if (this.#hooks.onSilence) {
      this.#hooks.onSilence();
      return;
    }
    this.#socket.close();
    this.#end(BROKEN);
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

function noWebSocketProblem() {
  return new Problem(
    "There is no WebSocket here: Node has one from version 22 on. Before that, install the package " +
      "“ws” and give its WebSocket to the client: { WebSocket }.",
    "no_websocket",
  );
}

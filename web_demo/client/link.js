/**
 * One WebSocket to the server, from its opening to its end. It ends once, with a close code; after
 * that, and after `close`, nothing more is heard of it.
 *
 * @typedef {import("./client.js").Access} Access
 * @typedef {import("./client.js").WebSocketConstructor} WebSocketConstructor
 * @typedef {import("./client.js").WebSocketLike} WebSocketLike
 *
 * @typedef {object} End
 * @property {number} code    of the close; 1007 also where what came was no message
 * @property {boolean} opened not for a handshake that failed
 * @property {unknown} [noToken]  why no handshake was tried: there was no token for it,
 * @property {unknown} [noSocket] or the platform made no socket
 * @property {boolean} [silent]   nobody has answered the handshake
 * @property {boolean} [blocked]  the page's policy allows none
 *
 * @typedef {object} Dialling
 * @property {URL} url
 * @property {WebSocketConstructor} WebSocket
 * @property {Access} access    gives the token for a server that asks for one, or ""
 *
 * @typedef {object} Hooks
 * @property {() => object} [greet] the first message to the server, if there is one
 * @property {(message: any) => void} onMessage what came, parsed
 * @property {(end: End) => void} onEnd
 */

import { PolicyWatch } from "./policy.js";
import { Problem } from "./problems.js";

/** A server that says nothing for so long is taken for gone; it says something every few seconds. */
const SILENT_MS = 15_000;
/** The code of a connection that broke (RFC 6455, 7.4.1). */
const BROKEN = 1006;
/** That of a message that is none (the same). */
const NO_MESSAGE = 1007;

export class Link {
  /** What was offered to the server. */
  token = "";
  /** @type {WebSocketLike | undefined} not before there is a token */
  #socket;
  #hooks;
  /** @type {PolicyWatch | undefined} */
  #policy;
  #opened = false;
  #over = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;

  /**
   * @param {Dialling} dialling
   * @param {Hooks} hooks
   */
  constructor(dialling, hooks) {
    this.#hooks = hooks;
    void this.#begin(dialling);
  }

  /** @param {Dialling} dialling */
  async #begin({ url, WebSocket, access }) {
    await null; // whoever makes the link has it before anything is heard of it
    if (this.#over) return;
    try {
      this.token = await access();
    } catch (noToken) {
      this.#end({ code: BROKEN, opened: false, noToken });
      return;
    }
    if (this.#over) return;
    try {
      this.#dial(url, WebSocket);
    } catch (noSocket) {
      this.#end({ code: BROKEN, opened: false, noSocket });
    }
  }

  /**
   * @param {URL} url
   * @param {WebSocketConstructor} WebSocket
   */
  #dial(url, WebSocket) {
    const { token } = this;
    this.#policy = new PolicyWatch(url, () =>
      this.#end({ code: BROKEN, opened: false, blocked: true }),
    );
    // A browser cannot send headers with its handshake: the token is offered as a subprotocol.
    const socket = token ? new WebSocket(url, ["surtitle.v1", `token.${token}`]) : new WebSocket(url);
    socket.addEventListener("open", () => this.#open());
    socket.addEventListener("message", ({ data }) => this.#hear(data));
    // An "error" event always comes with a "close" event, which is the one that carries facts. The
    // package `ws` throws an error that nobody listens for.
    socket.addEventListener("error", () => {});
    socket.addEventListener("close", ({ code }) => this.#end({ code, opened: this.#opened }));
    this.#socket = socket;
  }

  /** Bytes that were given to `send` and are still in this machine. */
  get unsentBytes() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** @param {string | Uint8Array<ArrayBuffer> | Blob} data */
  send(data) {
    this.#socket?.send(data);
  }

  /** From now on a server that says nothing for too long is the end; from the opening on it is anyway. */
  watch() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#endSilence(), SILENT_MS);
  }

  /**
   * Leave. Without a code the server takes the connection for a broken one, and keeps the session.
   *
   * @param {1000} [code]
   */
  close(code) {
    this.#over = true;
    clearTimeout(this.#silence);
    this.#policy?.stop();
    this.#socket?.close(code);
  }

  #endSilence() {
    this.#socket?.close();
    const noToken = this.#socket ? undefined : new Error("It did not come in time.");
    this.#end({ code: BROKEN, opened: this.#opened, silent: !this.#opened, noToken });
  }

  #open() {
    if (this.#over) return;
    this.#opened = true;
    this.#policy?.stop();
    this.watch();
    if (this.#hooks.greet) this.send(JSON.stringify(this.#hooks.greet()));
  }

  /** @param {string} data */
  #hear(data) {
    if (this.#over) return;
    this.watch();
    const message = parse(data);
    if (message) {
      this.#hooks.onMessage(message);
      return;
    }
    this.#socket?.close(1000); // browsers let nobody say 1007
    this.#end({ code: NO_MESSAGE, opened: true });
  }

  /** @param {End} end */
  #end(end) {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#silence);
    this.#policy?.stop();
    this.#hooks.onEnd(end);
  }
}

/**
 * @param {string} data
 * @returns {object | null} null for what is no message of the protocol
 */
function parse(data) {
  try {
    const message = JSON.parse(data);
    return typeof message?.type === "string" ? message : null;
  } catch {
    return null;
  }
}

/**
 * The WebSocket to use.
 *
 * @param {WebSocketConstructor} [WebSocket] where another one is wanted than that of the platform
 * @returns {WebSocketConstructor}
 */
export function webSocketOf(WebSocket = globalThis.WebSocket) {
  if (WebSocket) return WebSocket;
  throw new Problem(
    "WebSocket is not available: Node.js has it from version 22 on. Before that, install the package " +
      "“ws” and pass its WebSocket to the client, as { WebSocket }.",
    "no_websocket",
  );
}

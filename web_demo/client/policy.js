/**
 * Hears that the page's own Content-Security-Policy forbids a WebSocket, which does not say so itself: in
 * Chromium it does not even close.
 */
export class PolicyWatch {
  #host;
  #onBlocked;

  /**
   * @param {URL} url of a WebSocket that is about to be opened
   * @param {() => void} onBlocked
   */
  constructor({ host }, onBlocked) {
    this.#host = host;
    this.#onBlocked = onBlocked;
    globalThis.addEventListener?.("securitypolicyviolation", this.#hear); // Node has none
  }

  stop() {
    globalThis.removeEventListener?.("securitypolicyviolation", this.#hear);
  }

  #hear = (/** @type {SecurityPolicyViolationEvent} */ { blockedURI, disposition }) => {
    if (disposition !== "enforce" || !/^wss?:/.test(blockedURI)) return;
    if (new URL(blockedURI).host === this.#host) this.#onBlocked();
  };
}

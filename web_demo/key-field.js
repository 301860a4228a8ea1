/** A field for a key, shown where the server asks for one and the page has none that holds. */

import { tokenOfPage } from "./address.js";
import { byId } from "./dom.js";
import { findNetwork } from "./network.js";

const field = byId("key-field");
const input = /** @type {HTMLInputElement} */ (byId("key"));

export class KeyField {
  /** The exchange that is under way, or has given a token. */
  /** @type {Promise<string> | null} */
  #trading = null;

  constructor() {
    input.addEventListener("change", () => void this.#trade());
    void this.check();
  }

  /** A failure is not kept: the server may answer the next time. */
  async #trade() {
    const trading = trade(input.value.trim());
    this.#trading = trading;
    const problem = await trading;
    if (problem && this.#trading === trading) this.#trading = null;
    return problem;
  }

  /** Show the field, or hide it. */
  async check() {
    const { needsKey } = await findNetwork();
    if (needsKey) field.hidden = false;
    else if (tokenOfPage()) field.hidden = true;
  }

  /**
   * Wait until a key that was typed is of use. The field goes now, not before: under the finger, it would take
   * the Start button away from where it is being pressed.
   *
   * @returns {Promise<string>} why the key is of no use, or ""
   */
  async settle() {
    const problem = await (this.#trading ?? this.#trade());
    if (!problem && tokenOfPage()) field.hidden = true;
    return problem;
  }
}

/**
 * Get a token for a key: what a page sends may stand in its address, and a key must not.
 *
 * @param {string} key
 * @returns {Promise<string>} why there is none, or ""
 */
async function trade(key) {
  if (!key) return "";
  const headers = { Authorization: `Bearer ${encodeURI(key)}` }; // no other signs belong in a header
  const url = new URL("v1/token", document.baseURI);
  const response = await fetch(url, { method: "POST", headers }).catch(() => null);
  if (!response) return "The server does not answer. Check that it is running.";
  if (response.status === 401) return "The server does not know this key. Check it, and try again.";
  const { token, error } = await response.json().catch(() => ({})); // proxies answer with a page
  if (!token) return error ?? "The server cannot be reached through its proxy.";
  const hash = new URLSearchParams(location.hash.slice(1));
  hash.set("token", token);
  history.replaceState(null, "", `#${hash}`);
  input.value = "";
  return "";
}

/** Captions for an audience: the channel's name, its links, its QR code, and how many watch. */

import { tokenOfPage } from "./address.js";
import { NAME_PATTERN, proposeName } from "./channel-names.js";
import { addCopy } from "./copy.js";
import { byId } from "./dom.js";
import { keepPreference, preference } from "./preferences.js";
import { openWith } from "./settings-dialog.js";
import { announce } from "./stage.js";

const dialog = /** @type {HTMLDialogElement} */ (byId("share"));
const button = byId("open-share");
const wanted = /** @type {HTMLInputElement} */ (byId("share-on"));
const name = /** @type {HTMLInputElement} */ (byId("share-name"));
const watchLink = /** @type {HTMLInputElement} */ (byId("watch-link"));
const overlayLink = /** @type {HTMLInputElement} */ (byId("overlay-link"));
const code = /** @type {HTMLImageElement} */ (byId("qr"));

/** A name that is being typed is not asked for at each letter. */
const TYPING_MS = 250;

export class Share {
  /** The token for the audience, where the server asks for one. */
  #token = "";
  /** The channel of the run that is on; null between runs. */
  /** @type {string | null} */
  #running = null;
  #viewers = 0;
  /** Whether another session publishes under the name now: this one was away. */
  #taken = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #codeTimer;
  /** The link that the code shows. */
  #coded = "";

  constructor() {
    wanted.checked = preference("share", "off") === "on";
    const kept = preference("channel", "");
    name.value = NAME_PATTERN.test(kept) ? kept : proposeName();
    openWith(dialog, button);
    button.addEventListener("click", () => this.#show());
    wanted.addEventListener("change", () => {
      keepPreference("share", wanted.checked ? "on" : "off");
      this.#show();
    });
    name.addEventListener("input", () => {
      if (name.validity.valid) keepPreference("channel", name.value);
      this.#show();
    });
    byId("new-name").addEventListener("click", () => {
      name.value = proposeName();
      keepPreference("channel", name.value);
      this.#show();
    });
    for (const link of [watchLink, overlayLink]) link.addEventListener("focus", () => link.select());
    addCopy(byId("copy-watch-link"), () => watchLink.value, announce);
    addCopy(byId("copy-overlay-link"), () => overlayLink.value, announce);
    this.#show();
  }

  /** What to publish under; undefined where nothing is shared. */
  get channel() {
    if (!wanted.checked || !name.validity.valid) return undefined;
    keepPreference("channel", name.value); // a proposed name that was used stays
    return name.value;
  }

  /** @param {string | undefined} channel of the run that begins */
  begin(channel) {
    this.#running = channel ?? "";
    this.#taken = false;
    this.#viewers = 0;
    this.#show();
  }

  /** @param {import("./client/index.js").Ready} ready */
  noteReady({ watch_token }) {
    this.#token = watch_token ?? "";
    this.#show();
  }

  /** @param {number | undefined} viewers */
  noteViewers(viewers) {
    if (!this.#running || viewers === this.#viewers) return;
    this.#taken = viewers === undefined;
    this.#viewers = viewers ?? 0;
    this.#show();
  }

  end() {
    this.#running = null;
    this.#show();
  }

  #show() {
    const sharing = Boolean(this.#running);
    const fixed = this.#running !== null; // a session's channel is said when it begins
    const { valid } = name.validity;
    name.readOnly = sharing;
    /** @type {HTMLButtonElement} */ (byId("new-name")).disabled = sharing;
    byId("share-details").hidden = !wanted.checked && !sharing;
    byId("share-links").hidden = !valid;
    byId("name-problem").hidden = valid;
    byId("share-note").textContent = this.#note(sharing, fixed);
    byId("share-count").hidden = !sharing;
    byId("share-count").textContent = String(this.#viewers);
    byId("share-word").textContent = sharing ? "watching" : "Share";
    button.toggleAttribute("data-sharing", sharing);
    if (valid) this.#showLinks(this.#running || name.value);
  }

  /**
   * @param {boolean} sharing
   * @param {boolean} fixed
   */
  #note(sharing, fixed) {
    if (this.#taken) return "Someone else is using this name now. Stop, and start with another name.";
    if (sharing && !wanted.checked) return "Sharing ends when you press Stop.";
    if (sharing) return `${this.#viewers} watching now.`;
    if (!wanted.checked) return "";
    return fixed ? "Sharing begins with the next Start." : "Sharing begins when you press Start.";
  }

  /** @param {string} channel */
  #showLinks(channel) {
    const hash = this.#token ? `#token=${this.#token}` : "";
    const link = (/** @type {string} */ page) =>
      `${new URL(`${page}/${channel}`, document.baseURI).href}${hash}`;
    watchLink.value = link("watch");
    overlayLink.value = link("overlay");
    byId("local-note").hidden = !["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
    if (dialog.open && !byId("share-details").hidden) void this.#showCode(watchLink.value);
  }

  /** @param {string} link */
  async #showCode(link) {
    if (link === this.#coded) return;
    this.#coded = link;
    code.style.visibility = "hidden"; // nobody shall read the one before
    clearTimeout(this.#codeTimer);
    await new Promise((resolve) => (this.#codeTimer = setTimeout(resolve, TYPING_MS)));
    const svg = await qrCode(link);
    if (link !== this.#coded) return; // another one was asked for meanwhile
    code.style.visibility = "";
    code.hidden = !svg;
    if (svg) code.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
    else this.#coded = "";
  }
}

/**
 * @param {string} text goes in a header: a link may hold a token, and addresses stand in logs
 * @returns {Promise<string>} an SVG image; empty where the server makes none
 */
async function qrCode(text) {
  /** @type {Record<string, string>} */
  const headers = { "Surtitle-Text": encodeURIComponent(text) };
  const token = tokenOfPage();
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(new URL("v1/qr", document.baseURI), { headers }).catch(() => null);
  return response?.ok ? response.text() : "";
}

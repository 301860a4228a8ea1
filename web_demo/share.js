/** Captions for an audience: the channel's name, its links, its QR code, and how many watch. */

import { tokenOfPage } from "./address.js";
import { NAME_PATTERN, proposeName } from "./channel-names.js";
import { addCopy } from "./copy.js";
import { byId } from "./dom.js";
import { findNetwork, isPageLocal } from "./network.js";
import { keepPreference, preference } from "./preferences.js";
import { openWith } from "./settings-dialog.js";
import { announce } from "./stage.js";
import { put, write } from "./words.js";

const dialog = /** @type {HTMLDialogElement} */ (byId("share"));
const button = byId("open-share");
const wanted = /** @type {HTMLInputElement} */ (byId("share-on"));
const name = /** @type {HTMLInputElement} */ (byId("share-name"));
const watchLink = /** @type {HTMLInputElement} */ (byId("watch-link"));
const editLink = /** @type {HTMLInputElement} */ (byId("edit-link"));
const overlayLink = /** @type {HTMLInputElement} */ (byId("overlay-link"));
const address = /** @type {HTMLSelectElement} */ (byId("share-address"));
const command = /** @type {HTMLInputElement} */ (byId("network-command"));
const code = byId("code");
const image = /** @type {HTMLImageElement} */ (byId("qr"));

/** A name that is being typed is not asked for at each letter. */
const TYPING_MS = 250;

export class Share {
  /** The token for the audience, where the server asks for one, and the channel that it is for. */
  #token = "";
  #tokenOf = "";
  /** The server does not know yet who asks. */
  #needsKey = false;
  /** That for somebody who corrects the captions of this run. */
  #editToken = "";
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
  /** Where others find the server, if this page is at an address that only this machine knows. */
  /** @type {string[]} */
  #urls = [];

  constructor() {
    wanted.checked = preference("share", "off") === "on";
    const kept = preference("channel", "");
    name.value = NAME_PATTERN.test(kept) ? kept : proposeName();
    openWith(dialog, button);
    button.addEventListener("click", () => {
      this.#show();
      void this.#locate(); // it may be in another network by now
    });
    address.addEventListener("change", () => this.#show());
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
    for (const link of [watchLink, overlayLink, editLink, command])
      link.addEventListener("focus", () => link.select());
    code.addEventListener("click", () => {
      if (document.fullscreenElement) void document.exitFullscreen();
      else void code.requestFullscreen?.().catch(() => {}); // phones of one maker have none
    });
    addCopy(byId("copy-watch-link"), () => watchLink.value, announce);
    addCopy(byId("copy-overlay-link"), () => overlayLink.value, announce);
    addCopy(byId("copy-edit-link"), () => editLink.value, announce);
    addCopy(byId("copy-network-command"), () => command.value, announce);
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
    this.#editToken = "";
    this.#show();
  }

  /** @param {import("./client/index.js").Ready} ready */
  noteReady({ watch_token, edit_token }) {
    this.#token = watch_token ?? "";
    this.#tokenOf = this.#running ?? "";
    this.#editToken = edit_token ?? "";
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
    const channel = this.#running || name.value;
    // On a server with keys the links are of use with their tokens, which come with the run.
    const isLate = (this.#needsKey || Boolean(tokenOfPage())) && this.#tokenOf !== channel;
    byId("share-links").hidden = !valid || isLate;
    byId("name-problem").hidden = valid;
    write(byId("share-note"), this.#note(sharing, fixed));
    byId("share-count").hidden = !sharing;
    byId("share-count").textContent = String(this.#viewers);
    put(byId("share-word"), sharing ? "share.watching" : "view.share", { count: this.#viewers });
    button.toggleAttribute("data-sharing", sharing);
    if (valid && !isLate) this.#showLinks(channel);
  }

  /**
   * @param {boolean} sharing
   * @param {boolean} fixed
   */
  #note(sharing, fixed) {
    if (this.#taken) return { key: "share.taken" };
    if (sharing && !wanted.checked) return { key: "share.ends" };
    if (sharing) return { key: "share.watching_now", values: { count: this.#viewers } };
    if (!wanted.checked) return "";
    return { key: fixed ? "share.next_start" : "share.at_start" };
  }

  async #locate() {
    const network = await findNetwork();
    this.#needsKey = network.needsKey;
    if (!isPageLocal()) return this.#show();
    const chosen = address.value;
    this.#urls = network.urls;
    address.replaceChildren(
      ...network.urls.map((url) => new Option(url.replace(/^\w+:\/\//, ""), url)),
    );
    if (network.urls.includes(chosen)) address.value = chosen;
    command.value = network.command;
    this.#show();
  }

  /** @param {string} channel */
  #showLinks(channel) {
    const link = (/** @type {string} */ page, /** @type {string} */ base, token = this.#token) =>
      `${new URL(`${page}/${channel}`, base).href}${token ? `#token=${token}` : ""}`;
    const here = document.baseURI;
    const elsewhere = this.#urls.length ? `${address.value}/` : here;
    watchLink.value = link("watch", elsewhere);
    overlayLink.value = link("overlay", here); // OBS is on this machine, mostly
    byId("edit-setting").hidden = !this.#editToken;
    editLink.value = this.#editToken ? link("edit", elsewhere, this.#editToken) : "";
    const isLocal = isPageLocal() && !this.#urls.length;
    byId("share-addresses").hidden = this.#urls.length < 2;
    byId("local-note").hidden = !isLocal || Boolean(command.value);
    byId("network-advice").hidden = !isLocal || !command.value;
    if (dialog.open && !byId("share-details").hidden) void this.#showCode(watchLink.value);
  }

  /** @param {string} link */
  async #showCode(link) {
    if (link === this.#coded) return;
    this.#coded = link;
    byId("code-link").textContent = link.includes("#") ? "" : link.replace(/^\w+:\/\//, ""); // to be typed
    code.style.visibility = "hidden"; // nobody shall read the one before
    clearTimeout(this.#codeTimer);
    await new Promise((resolve) => (this.#codeTimer = setTimeout(resolve, TYPING_MS)));
    const svg = await qrCode(link);
    if (link !== this.#coded) return; // another one was asked for meanwhile
    code.style.visibility = "";
    code.hidden = !svg;
    if (svg) image.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
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

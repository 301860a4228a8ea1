/** Where captions are read: rolling up, in blocks, or as a transcript. The same on every page. */

import { BlockView } from "./block-view.js";
import { CaptionsView } from "./captions-view.js";
import { addCopy } from "./copy.js";
import { byId } from "./dom.js";
import { addDownloads } from "./download.js";
import { kept, toText, Transcript } from "./transcript.js";
import { TranscriptView } from "./transcript-view.js";
import { worded } from "./worded.js";
import { spoken } from "./words.js";

/**
 * @typedef {import("./settings.js").Settings} Settings
 * @typedef {import("./transcript.js").Entry} Entry
 */

export class Stage {
  transcript = new Transcript();
  #captions;
  #block;
  #view;
  #mayClear = true;

  /** @param {Settings} settings */
  constructor(settings) {
    this.settings = settings;
    this.#captions = new CaptionsView({
      viewport: byId("viewport"),
      lines: byId("lines"),
      log: byId("log"),
      open: byId("open"),
      earlier: byId("earlier"),
      latest: /** @type {HTMLButtonElement} */ (byId("latest")),
    });
    this.#block = new BlockView(byId("block"));
    this.#view = new TranscriptView(
      {
        scroller: byId("transcript-scroller"),
        list: byId("transcript-lines"),
        empty: byId("transcript-empty"),
        announce,
        asRead: (entry) => this.#asRead(entry),
      },
      this.transcript,
    );
    addDownloads(byId("transcript"), () => this.transcript.entries);
    addCopy(byId("copy"), () => toText(this.transcript.entries.map(worded)), announce);
    byId("open-transcript").addEventListener("click", () => this.#turn());
    byId("earlier-open").addEventListener("click", () => {
      this.#turn();
      byId("transcript-scroller").focus();
    });
    byId("smaller").addEventListener("click", () => settings.scaleBy(-1));
    byId("larger").addEventListener("click", () => settings.scaleBy(1));
    settings.addEventListener("change", (event) => {
      const { detail: name } = /** @type {CustomEvent<string>} */ (event);
      if (name === "revisions") this.#correctAll();
      this.#showBlock();
    });
    spoken.addEventListener("change", () => this.#showBlock());
    addFullScreen();
    this.mayClear(true);
  }

  /** @param {Entry} entry as the transcript has it now */
  show(entry) {
    byId("welcome").hidden = true;
    if (!entry.revised) {
      this.#captions.show(entry);
      this.#view.show(entry);
    } else if (this.#wants(entry)) {
      this.#captions.correct(this.#asRead(entry));
      this.#view.show(entry);
    }
    this.#afterChange(entry.kind !== "open");
  }

  /** @param {boolean} isKept whether the transcript has more, or less, to save */
  #afterChange(isKept) {
    this.#showBlock();
    this.#showHearing();
    if (isKept) this.#showControls();
  }

  /** Somebody speaks, and no word is known yet: the line at the top shows it, where it moves nothing. */
  #showHearing() {
    const last = this.transcript.entries.at(-1);
    const isWordless = last?.kind === "open" && !(last.stable + last.unstable).trim();
    byId("state").toggleAttribute("data-hearing", isWordless);
  }

  /** The reader wishes to see the other text of what was revised. */
  #correctAll() {
    const revised = this.transcript.entries.filter((entry) => entry.revised);
    for (const entry of revised) this.#captions.correct(this.#asRead(entry));
    this.#view.show(...revised);
  }

  /**
   * With the text that the reader wishes to see: lines that were read stay as they are, unless the settings
   * say otherwise, or a person has corrected them.
   *
   * @param {Entry} entry
   */
  #asRead(entry) {
    return this.#wants(entry) ? kept(entry) : entry;
  }

  /** @param {Entry} entry */
  #inBlock(entry) {
    return entry.kind === "lost" ? worded(entry) : this.#asRead(entry);
  }

  /** @param {Entry} entry that was revised */
  #wants(entry) {
    return Boolean(entry.by) || this.settings.isOn("revisions");
  }

  /** @param {Entry[]} entries of an earlier transcript, which goes on */
  restore(entries) {
    this.transcript.restore(entries);
    byId("welcome").hidden = true;
    for (const entry of this.transcript.entries) this.#captions.show(this.#asRead(entry));
    this.#view.show(...this.transcript.entries);
    this.#afterChange(true);
  }

  clear() {
    this.transcript.clear();
    this.#captions.clear();
    this.#block.clear();
    this.#view.clear();
    this.#showHearing();
    this.#showControls();
  }

  /** @param {boolean} may not while captions come: their times would begin anew */
  mayClear(may) {
    this.#mayClear = may;
    this.#showControls();
  }

  /** From the captions to the transcript, or back. */
  #turn() {
    const open = byId("transcript").hidden;
    byId("transcript").hidden = !open;
    byId("captions").hidden = open;
    byId("open-transcript").setAttribute("aria-pressed", String(open));
    if (open) this.#view.open();
    else this.#view.close();
  }

  #showBlock() {
    if (this.settings.get("style") === "block") {
      this.#block.show(this.transcript.entries.map((entry) => this.#inBlock(entry)));
    }
  }

  #showControls() {
    const { isEmpty } = this.transcript;
    for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (
      document.querySelectorAll("[data-needs-text]")
    )) {
      button.disabled = isEmpty || (button.id === "clear" && !this.#mayClear);
    }
  }
}

/**
 * Something that assistive technology says and nobody sees.
 *
 * @param {string} sentence
 */
export function announce(sentence) {
  byId("announcement").textContent = sentence;
}

/** Captions alone, on the whole screen where the browser can. */
function addFullScreen() {
  const button = byId("full-screen");
  const show = (/** @type {boolean} */ on) => {
    document.body.classList.toggle("presenting", on);
    button.setAttribute("aria-pressed", String(on));
  };
  button.addEventListener("click", async () => {
    const on = !document.body.classList.contains("presenting");
    show(on);
    if (on) await document.documentElement.requestFullscreen?.().catch(() => {});
    else if (document.fullscreenElement) await document.exitFullscreen();
  });
  // Escape leaves the full screen without asking the page.
  document.addEventListener("fullscreenchange", () => document.fullscreenElement || show(false));
}

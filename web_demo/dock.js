/** The controls below the captions: start and stop, where the sound comes from, the language. */

import { clock } from "./clock.js";
import {
  listMicrophones,
  openDisplayAudio,
  openMicrophone,
  openRecording,
  Problem,
} from "./client/index.js";
import { byId } from "./dom.js";
import { addLanguages } from "./languages.js";
import { keepPreference, preference } from "./preferences.js";
import { openSample } from "./sample.js";
import { language as pageLanguage, put, spoken, write } from "./words.js";

/**
 * @typedef {import("./client/index.js").EncodedSource} EncodedSource
 * @typedef {import("./client/index.js").Source} Source
 * @typedef {"idle" | "running" | "finishing"} Phase
 */

const form = /** @type {HTMLFormElement} */ (byId("controls"));
const runButton = /** @type {HTMLButtonElement} */ (byId("run"));
const sources = /** @type {HTMLFieldSetElement} */ (byId("sources"));
const device = /** @type {HTMLSelectElement} */ (byId("device"));
const file = /** @type {HTMLInputElement} */ (byId("file"));
const audible = /** @type {HTMLInputElement} */ (byId("audible"));
const language = /** @type {HTMLSelectElement} */ (byId("language"));

const RUN_WORDS = { idle: "run.start", running: "run.stop", finishing: "run.stop_now" };

/** Dispatches "run" when Start or Stop is pressed, "language" and "audible" when those change. */
export class Dock extends EventTarget {
  /** @type {Phase} */
  #phase = "idle";
  #isChosen = false;

  constructor() {
    super();
    addLanguages(language, pageLanguage());
    spoken.addEventListener("change", () => addLanguages(language, pageLanguage()));
    language.value = preference("language", "");
    this.#isChosen = language.value !== "";
    if (!this.#isChosen) language.value = "auto";
    byId("display-choice").hidden = !sharesSound();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.dispatchEvent(new Event("run"));
    });
    form.addEventListener("change", () => this.show(this.#phase));
    language.addEventListener("change", () => {
      this.#isChosen = true;
      keepPreference("language", language.value);
      this.dispatchEvent(new Event("language"));
    });
    audible.addEventListener("change", () => this.dispatchEvent(new Event("audible")));
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.listDevices());
    void this.listDevices();
    this.show("idle");
    runButton.disabled = false; // until now a press would have sent the form, which loads the page anew
  }

  /** What the speaker has chosen; undefined leaves it to the server. */
  get language() {
    return this.#isChosen ? language.value : undefined;
  }

  /** @param {string} tag of what is spoken where nobody chooses, as the server is set; or "auto" */
  expect(tag) {
    if (this.#isChosen) return;
    language.value = tag.split("-", 1)[0];
    if (!language.value) language.value = "auto";
  }

  get audible() {
    return audible.checked;
  }

  get sourceKind() {
    return /** @type {RadioNodeList} */ (form.elements.namedItem("source")).value;
  }

  /** @returns {Promise<Source | EncodedSource>} */
  async openSource() {
    const kind = this.sourceKind;
    if (kind === "microphone") return openMicrophone(device.value);
    if (kind === "display") return openDisplayAudio();
    if (kind === "sample") return openSample(audible.checked);
    const [chosen] = file.files ?? [];
    if (!chosen) throw new Problem("Choose a sound or video file first.", "no_file");
    return openRecording(chosen, chosen.name, audible.checked);
  }

  /** @param {Phase} phase */
  show(phase) {
    this.#phase = phase;
    const running = phase !== "idle";
    put(runButton, RUN_WORDS[phase]);
    form.toggleAttribute("data-running", running);
    sources.disabled = running;
    device.disabled = running;
    file.disabled = running;
    for (const field of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[data-for]"))) {
      field.hidden = !field.dataset.for?.split(" ").includes(this.sourceKind);
    }
  }

  /**
   * @param {number} atMs
   * @param {number} durationMs
   */
  showPosition(atMs, durationMs) {
    if (durationMs === Infinity) return this.hidePosition();
    const at = clock(Math.min(atMs, durationMs));
    put(byId("position"), "run.position", { at, length: clock(durationMs) });
  }

  hidePosition() {
    write(byId("position"), "");
  }

  focus() {
    runButton.focus();
  }

  /** Their names are known once the microphone was allowed. */
  async listDevices() {
    const chosen = device.value;
    // Chromium lists the default device a second time, under an id of its own.
    const options = (await listMicrophones())
      .filter(({ deviceId }) => deviceId !== "default")
      .map(({ label, deviceId }, index) => {
        const option = new Option(label, deviceId);
        return label ? option : put(option, "device.numbered", { number: index + 1 });
      });
    device.replaceChildren(put(new Option("", ""), "device.default"), ...options);
    device.value = options.some(({ value }) => value === chosen) ? chosen : "";
  }
}

/**
 * Phones cannot record what they play, and Firefox and Safari share a picture without its sound: they do
 * not know the constraints for it. A page without a secure origin says so when it is asked.
 */
function sharesSound() {
  const { mediaDevices } = navigator;
  if (!mediaDevices) return true;
  const known = mediaDevices.getSupportedConstraints();
  return "getDisplayMedia" in mediaDevices && "suppressLocalAudioPlayback" in known;
}

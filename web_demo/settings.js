/**
 * How captions are shown: what can be chosen, what is chosen, and where that is remembered. Each choice
 * stands on the root element (`data-colours="white-on-black"`), and the style sheets do the rest. Labels and
 * hints are keys of the catalogue.
 *
 * @typedef {object} Choice one of several values
 * @property {string} name
 * @property {string} label
 * @property {[value: string, label?: string][]} values one without a label stands for itself
 * @property {string} first what is chosen at first
 *
 * @typedef {object} Switch on or off
 * @property {string} name
 * @property {string} label
 * @property {string} hint
 * @property {"on" | "off"} first
 */

import { keepPreference, preference } from "./preferences.js";

/** @type {Choice[]} */
export const CHOICES = [
  {
    name: "style",
    label: "setting.style",
    values: [
      ["roll-up", "setting.style.roll_up"],
      ["block", "setting.style.block"],
    ],
    first: "roll-up",
  },
  {
    name: "colours",
    label: "setting.colours",
    values: [
      ["calm", "setting.colours.calm"],
      ["black-on-white", "setting.colours.black_on_white"],
      ["white-on-black", "setting.colours.white_on_black"],
      ["yellow-on-black", "setting.colours.yellow_on_black"],
    ],
    first: "calm",
  },
  {
    name: "position",
    label: "setting.position",
    values: [
      ["top", "setting.position.top"],
      ["centre", "setting.position.centre"],
      ["bottom", "setting.position.bottom"],
    ],
    first: "bottom", // the newest words are always at the same place
  },
  {
    name: "lines",
    label: "setting.lines",
    values: [["all", "setting.lines.all"], ["2"], ["3"], ["4"]],
    first: "all",
  },
];

/** @typedef {"words" | "revisions" | "delay" | "archive"} SwitchName */

/** @type {Record<SwitchName, Switch>} */
export const SWITCHES = {
  words: {
    name: "words",
    label: "setting.words",
    hint: "setting.words.hint",
    first: "off",
  },
  revisions: {
    name: "revisions",
    label: "setting.revisions",
    hint: "setting.revisions.hint",
    first: "off",
  },
  delay: {
    name: "delay",
    label: "setting.delay",
    hint: "setting.delay.hint",
    first: "on",
  },
  archive: {
    name: "archive",
    label: "setting.archive",
    hint: "setting.archive.hint",
    first: "on",
  },
};

/** Sizes of captions, as multiples of what suits the screen. */
export const SCALES = [0.7, 0.85, 1, 1.2, 1.45, 1.75, 2.1];
const NORMAL_SCALE = SCALES.indexOf(1);

/** Dispatches "change" with the name as `detail`. */
export class Settings extends EventTarget {
  /** @type {Map<string, string>} */
  #values = new Map();

  constructor() {
    super();
    for (const { name, values, first } of CHOICES) {
      this.#recall(
        name,
        values.map(([value]) => value),
        first,
      );
    }
    for (const { name, first } of Object.values(SWITCHES)) this.#recall(name, ["on", "off"], first);
    this.#recall("scale", Object.keys(SCALES), String(NORMAL_SCALE));
    for (const name of this.#values.keys()) this.#apply(name);
  }

  /** @param {string} name */
  get(name) {
    return /** @type {string} */ (this.#values.get(name));
  }

  /** @param {SwitchName} name */
  isOn(name) {
    return this.get(name) === "on";
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  set(name, value) {
    if (this.get(name) === value) return;
    this.#values.set(name, value);
    keepPreference(name, value);
    this.#apply(name);
    this.dispatchEvent(new CustomEvent("change", { detail: name }));
  }

  /** @param {number} step so many sizes larger */
  scaleBy(step) {
    const index = Number(this.get("scale")) + step;
    this.set("scale", String(Math.min(SCALES.length - 1, Math.max(0, index))));
  }

  /**
   * @param {string} name
   * @param {string[]} values
   * @param {string} first
   */
  #recall(name, values, first) {
    const kept = preference(name, first);
    this.#values.set(name, values.includes(kept) ? kept : first);
  }

  /** @param {string} name */
  #apply(name) {
    const root = document.documentElement;
    if (name !== "scale") root.dataset[name] = this.get(name);
    else root.style.setProperty("--caption-scale", String(SCALES[Number(this.get(name))]));
  }
}

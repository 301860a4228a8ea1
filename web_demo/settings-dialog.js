/** The panel of the settings, made from the tables of settings.js. Captions stay in sight beside it. */

import { byId, create } from "./dom.js";
import { CHOICES, SCALES, SWITCHES } from "./settings.js";
import { put } from "./words.js";

/**
 * @typedef {import("./settings.js").Settings} Settings
 * @typedef {import("./settings.js").SwitchName} SwitchName
 */

/**
 * @param {Settings} settings
 * @param {SwitchName[]} switches those that make sense on this page
 */
export function addSettingsDialog(settings, switches) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("settings"));
  const form = create("form", { method: "dialog" });
  form.append(
    scaleField(settings),
    ...CHOICES.map((choice) => choiceField(settings, choice)),
    ...switches.map((name) => switchField(settings, name)),
  );
  dialog.append(form);
  openWith(dialog, byId("open-settings"));
}

/**
 * A dialog that a button opens; Escape, its close button and a click beside it close it.
 *
 * @param {HTMLDialogElement} dialog
 * @param {HTMLElement} button
 */
export function openWith(dialog, button) {
  button.addEventListener("click", () => dialog.showModal());
  dialog.querySelector(".close")?.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog) dialog.close(); // its content covers it, so this was the backdrop
  });
}

/**
 * @param {Settings} settings
 * @param {import("./settings.js").Choice} choice
 */
function choiceField(settings, { name, label, values }) {
  const choices = create("div", { class: "choices" });
  for (const [value, key] of values) {
    const input = create("input", { type: "radio", name, value });
    input.checked = settings.get(name) === value;
    input.addEventListener("change", () => settings.set(name, value));
    const face = create("span", { "data-value": value }, value);
    if (key) put(face, key);
    choices.append(create("label", {}, input, face));
  }
  const field = create("fieldset", { class: `setting setting-${name}` });
  field.append(put(create("legend"), label), choices);
  return field;
}

/**
 * @param {Settings} settings
 * @param {SwitchName} name
 */
function switchField(settings, name) {
  const { label, hint } = SWITCHES[name];
  const hintId = `${name}-hint`;
  const input = create("input", { type: "checkbox", role: "switch", "aria-describedby": hintId });
  input.checked = settings.isOn(name);
  input.addEventListener("change", () => settings.set(name, input.checked ? "on" : "off"));
  return create(
    "div",
    { class: "setting switch" },
    create("label", {}, input, put(create("span"), label)),
    create("p", { class: "hint", id: hintId }, put(create("span"), hint)),
  );
}

/** @param {Settings} settings */
function scaleField(settings) {
  const max = String(SCALES.length - 1);
  const input = create("input", { type: "range", id: "scale", min: "0", max, step: "1" });
  const show = () => {
    input.value = settings.get("scale");
    const percent = Math.round(SCALES[Number(input.value)] * 100);
    put(input, "setting.percent", { percent }, "sayValuetext");
    put(shown, "setting.percent", { percent });
  };
  const shown = create("span", { class: "value", "aria-hidden": "true" });
  input.addEventListener("input", () => settings.set("scale", input.value));
  settings.addEventListener("change", show);
  show();
  return create(
    "div",
    { class: "setting scale" },
    put(create("label", { for: "scale" }), "setting.scale"),
    create("div", { class: "range" }, input, shown),
  );
}

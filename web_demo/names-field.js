/** The field for names and terms, in the panel of the settings. */

import { byId, create } from "./dom.js";
import { namesIn } from "./names.js";
import { keepPreference, preference } from "./preferences.js";

/** Dispatches "change" when the names are others. */
export class NamesField extends EventTarget {
  #input = create("textarea", {
    id: "names",
    rows: "3",
    spellcheck: "false",
    autocapitalize: "none",
    "aria-describedby": "names-hint names-problem",
  });
  #problem = create("p", { class: "problem", id: "names-problem", role: "status" });

  constructor() {
    super();
    this.#input.value = preference("names", "");
    this.#input.addEventListener("input", () => this.#tell());
    this.#input.addEventListener("change", () => {
      keepPreference("names", this.#input.value);
      this.dispatchEvent(new Event("change"));
    });
    const field = create(
      "div",
      { class: "setting names" },
      create("label", { for: "names" }, "Names and terms"),
      this.#input,
      create(
        "p",
        { class: "hint", id: "names-hint" },
        "One per line, spelled as they should appear. They are recognised more often.",
      ),
      this.#problem,
    );
    byId("settings").querySelector("form")?.append(field);
    this.#tell();
  }

  /** Those that are listened for. */
  get names() {
    return namesIn(this.#input.value).names;
  }

  #tell() {
    this.#problem.textContent = namesIn(this.#input.value).problem;
  }
}

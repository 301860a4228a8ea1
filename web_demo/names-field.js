/** The field for names and terms, in the panel of the settings. */

import { byId, create } from "./dom.js";
import { namesIn } from "./names.js";
import { keepPreference, preference } from "./preferences.js";
import { put, write } from "./words.js";

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
      put(create("label", { for: "names" }), "names.label"),
      this.#input,
      put(create("p", { class: "hint", id: "names-hint" }), "names.hint"),
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
    const { problems } = namesIn(this.#input.value);
    const sentences = problems.map((said) => write(create("span"), said));
    this.#problem.replaceChildren(...sentences.flatMap((each, at) => (at ? [" ", each] : [each])));
  }
}

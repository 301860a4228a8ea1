/**
 * Whether a source is heard, and what keeps it from it. Pure.
 *
 * @typedef {import("./sources.js").SoundNotice} SoundNotice
 */

export class Sound {
  /** Code → sentence. Several may hold at once; the newest is told. */
  /** @type {Map<string, string>} */
  #hindrances = new Map();
  /** @type {(notice: SoundNotice) => void} */
  #tell = () => {};

  /** @param {(notice: SoundNotice) => void} tell called at once where something holds already */
  listen(tell) {
    this.#tell = tell;
    if (this.#hindrances.size) this.#tellNewest();
  }

  /**
   * From now on nothing is heard.
   *
   * @param {string} code
   * @param {string} message
   */
  hinder(code, message) {
    if (this.#hindrances.get(code) === message) return;
    this.#hindrances.delete(code); // to stand behind the others
    this.#hindrances.set(code, message);
    this.#tellNewest();
  }

  /**
   * This does not hold any more.
   *
   * @param {string} code
   */
  free(code) {
    if (this.#hindrances.delete(code)) this.#tellNewest();
  }

  /**
   * Something that people should know, though it hinders nothing.
   *
   * @param {string} code
   * @param {string} message
   */
  inform(code, message) {
    this.#tell({ heard: this.#hindrances.size === 0, code, message });
  }

  #tellNewest() {
    const [code, message] = [...this.#hindrances].at(-1) ?? ["", ""];
    this.#tell({ heard: code === "", code, message });
  }
}

/** What the line at the top says while a run is on. */

/**
 * @typedef {import("./app.js").Run} Run
 * @typedef {import("./state-line.js").StateLine} StateLine
 */

/** More unsent sound than this is worth a word, in milliseconds. */
const BACKLOG_MS = 3000;
/** How long the page says that the connection is there again. */
const BACK_MS = 4000;

export class ConnectionWords {
  /** The server's last sentence about its state, while that state holds. */
  #sentence = "";
  /** The client's sentence about a connection that is there again, for a while. */
  #back = "";
  #away = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #backTimer;

  /**
   * @param {StateLine} line
   * @param {Run} run
   */
  constructor(line, run) {
    this.line = line;
    this.run = run;
  }

  /** @param {string} sentence that came with another state of the client */
  note(sentence) {
    const away = this.run.client?.state === "reconnecting";
    this.#sentence = sentence;
    this.#back = this.#away && !away ? sentence : "";
    this.#away = away;
    clearTimeout(this.#backTimer);
    if (this.#back) this.#backTimer = setTimeout(() => this.#forgetBack(), BACK_MS);
    this.show();
  }

  /** The run is over; the line has other things to say. */
  end() {
    clearTimeout(this.#backTimer);
  }

  show() {
    const { client, finishing } = this.run;
    const state = client?.state ?? "connecting";
    if (state === "ended" || state === "closed") return; // the page says how the run went
    if (state === "reconnecting") this.line.show(state, this.#sentence);
    else if (finishing) this.line.show("finishing");
    else if (this.run.unheard) this.line.show("unheard", this.run.unheard);
    else if (state !== "ready") this.line.show(state, this.#sentence);
    else if (this.#back) this.line.show("ready", this.#back);
    else if ((client?.backlogMs ?? 0) > BACKLOG_MS) this.line.show("slow");
    else this.line.show("ready", this.#listening());
  }

  #forgetBack() {
    this.#back = "";
    this.show();
  }

  #listening() {
    const { source, client } = this.run;
    const model = client?.ready?.model ?? "";
    if (!source || !isRecording(source)) {
      return { key: model ? "state.listening_model" : "state.listening", values: { model } };
    }
    const values = { label: source.label, model };
    return { key: model ? "state.captioning_model" : "state.captioning", values };
  }
}

/** @param {import("./client/index.js").Source | import("./client/index.js").EncodedSource} source */
export function isRecording(source) {
  return "encoding" in source || source.durationMs !== Infinity;
}

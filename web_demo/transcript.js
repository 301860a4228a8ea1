/**
 * The transcript: server messages in, entries and files out. Pure: no page, no clock, no network.
 *
 * @typedef {import("./cues.js").Layout} Layout
 * @typedef {import("./client/index.js").ServerMessage} ServerMessage
 * @typedef {import("./client/index.js").Revised} Revised
 * @typedef {import("./client/index.js").Gap} Gap
 *
 * @typedef {{text: string, startMs: number, endMs: number, confidence: number}} Word
 * @typedef {{text: string, words: Word[]}} Wording
 *
 * @typedef {object} Entry one utterance, or sound that was lost
 * @property {number} id       1, 2, 3 … over all sessions of the transcript
 * @property {"open" | "final" | "suppressed" | "failed" | "lost"} kind
 * @property {number} startMs  from the start of the transcript
 * @property {number} endMs
 * @property {string} stable   while open: what will stay
 * @property {string} unstable while open: what may still change
 * @property {string} text     the final text; for "failed" the last partial, possibly empty
 * @property {string} language BCP 47, or empty; while open that of what was said before
 * @property {string} message  for "failed": why
 * @property {Word[]} words    with their times, where those came
 * @property {Wording | null} revised what is kept instead of text and words: a better one came later
 * @property {string} by       who corrected the text, if a person did; may be missing in what was kept before
 */

import { LAYOUT, layOut } from "./cues.js";

/** Collects the utterances of one or more sessions on one time line. */
export class Transcript {
  /** @type {Entry[]} */
  entries = [];
  /** Utterance number -> entry, of the current session. */
  /** @type {Map<number, Entry>} */
  #utterances = new Map();
  /** Of the final that came last: what grows is taken to be in it. */
  #language = "";
  /** Where the current session starts on the time line. */
  #offsetMs = 0;
  /** Sessions that were entered by name; the offset is known with their first utterance. */
  /** @type {Map<string, {offsetMs: number | null, utterances: Map<number, Entry>}>} */
  #sessions = new Map();
  /** The one that was entered last. */
  #session = "";

  /**
   * Take in a message; return the entry it changed, or null.
   *
   * @param {ServerMessage} message
   * @returns {Entry | null}
   */
  apply(message) {
    if ("utterance" in message) this.#placeSession();
    switch (message.type) {
      case "speech":
        return this.#entry(message.utterance, message.start_ms);
      case "partial":
        return this.#change(message, { stable: message.stable, unstable: message.unstable });
      case "final":
        this.#language = message.language ?? "";
        return this.#change(message, {
          kind: "final",
          text: message.text.trim(),
          language: message.language ?? "",
          words: this.#placed(message.words),
          by: message.by ?? "",
        });
      case "revised":
        return this.#revise(message);
      case "suppressed":
        return this.#change(message, { kind: "suppressed", text: "" });
      case "failed":
        return this.#fail(this.#change(message, {}), message.message);
      default:
        return null;
    }
  }

  /**
   * A better text of a final; anything else has none.
   *
   * @param {Revised} revised
   * @returns {Entry | null}
   */
  #revise({ utterance, text, words, by = "" }) {
    const entry = this.#utterances.get(utterance);
    if (entry?.kind !== "final") return null;
    return Object.assign(entry, { revised: { text: text.trim(), words: this.#placed(words) }, by });
  }

  /**
   * @param {Revised["words"]} words with times of the session
   * @returns {Word[]} with those of the transcript
   */
  #placed(words = []) {
    return words.map(({ text, start_ms, end_ms, confidence }) => ({
      text,
      startMs: this.#offsetMs + start_ms,
      endMs: this.#offsetMs + end_ms,
      confidence,
    }));
  }

  /**
   * Sound was lost on its way to the server. What follows on what was lost before makes one entry.
   *
   * @param {Gap} gap
   * @returns {Entry}
   */
  lose({ start_ms, end_ms }) {
    const startMs = this.#offsetMs + start_ms;
    const known = this.entries.find(({ kind, endMs }) => kind === "lost" && endMs === startMs);
    const entry = known ?? this.#insert({ kind: "lost", startMs });
    entry.endMs = this.#offsetMs + end_ms;
    const seconds = Math.max(1, Math.round((entry.endMs - entry.startMs) / 1000));
    entry.text = `[${seconds} s lost while the connection was down]`;
    return entry;
  }

  /**
   * Open utterances will be said anew, by a server that knows nothing of them. Returns their entries.
   *
   * @returns {Entry[]}
   */
  withdrawOpen() {
    const withdrawn = [];
    for (const [utterance, entry] of this.#utterances) {
      if (entry.kind !== "open") continue;
      withdrawn.push(Object.assign(entry, { kind: "suppressed" }));
      this.#utterances.delete(utterance);
    }
    return withdrawn;
  }

  /**
   * What follows belongs to this session: a new one begins after everything that there is, one that was
   * entered before goes on. Returns the entries of utterances that were open, which are void now.
   *
   * @param {string} session
   * @returns {Entry[]}
   */
  enterSession(session) {
    const withdrawn = this.withdrawOpen();
    const known = this.#sessions.get(session) ?? { offsetMs: null, utterances: new Map() };
    this.#sessions.set(session, known);
    this.#session = session;
    this.#utterances = known.utterances;
    this.#offsetMs = known.offsetMs ?? this.#offsetMs;
    return withdrawn;
  }

  /** A session that was entered before anything was said in it begins after all that there is by now. */
  #placeSession() {
    const session = this.#sessions.get(this.#session);
    if (session?.offsetMs !== null) return;
    session.offsetMs = this.#latestMs;
    this.#offsetMs = session.offsetMs;
  }

  /**
   * The session is over: the next one starts `audioMs` later, and after all that there is by now. What is
   * still open stays incomplete. Returns the entries that this changed.
   *
   * @param {number} audioMs as far as it is known: nobody measures a recording that is not played
   * @param {string} message why nothing more comes for open utterances
   * @returns {Entry[]}
   */
  endSession(audioMs, message) {
    const open = [...this.#utterances.values()].filter((entry) => entry.kind === "open");
    for (const entry of open) this.#fail(entry, message);
    this.#utterances = new Map();
    this.#offsetMs = Math.max(this.#offsetMs + audioMs, this.#latestMs);
    return open;
  }

  /**
   * Go on from what another transcript had. Utterances that were open in it are not among it.
   *
   * @param {Entry[]} entries
   */
  restore(entries) {
    this.clear();
    this.entries = entries.map((entry, at) => ({ ...entry, id: at + 1 }));
    this.#offsetMs = this.#latestMs;
  }

  clear() {
    this.entries = [];
    this.#utterances = new Map();
    this.#sessions.clear();
    this.#session = "";
    this.#offsetMs = 0;
  }

  /** Where the last of all entries ends. */
  get #latestMs() {
    return this.entries.reduce((latest, { endMs }) => Math.max(latest, endMs), 0);
  }

  /** Whether there is anything to save. */
  get isEmpty() {
    return !this.entries.map(kept).some(isShown);
  }

  /**
   * @param {number} utterance
   * @param {number} startMs of session audio
   * @returns {Entry}
   */
  #entry(utterance, startMs) {
    const known = this.#utterances.get(utterance);
    if (known) return known;
    const entry = this.#insert({ kind: "open", startMs: this.#offsetMs + startMs });
    this.#utterances.set(utterance, entry);
    return entry;
  }

  /**
   * @param {{kind: Entry["kind"], startMs: number}} fields
   * @returns {Entry}
   */
  #insert({ kind, startMs }) {
    /** @type {Entry} */
    const entry = {
      id: this.entries.length + 1,
      kind,
      startMs,
      endMs: startMs,
      stable: "",
      unstable: "",
      text: "",
      language: kind === "open" ? this.#language : "",
      message: "",
      words: [],
      revised: null,
      by: "",
    };
    // What was lost may be known before what was said just before it.
    const before = this.entries.findLastIndex((e) => e.kind !== "lost" || e.startMs <= startMs);
    this.entries.splice(before + 1, 0, entry);
    return entry;
  }

  /**
   * @param {{utterance: number, start_ms: number, end_ms: number}} message
   * @param {Partial<Entry>} change
   * @returns {Entry}
   */
  #change(message, change) {
    const entry = this.#entry(message.utterance, message.start_ms);
    return Object.assign(entry, change, {
      startMs: this.#offsetMs + message.start_ms,
      endMs: this.#offsetMs + message.end_ms,
    });
  }

  /**
   * @param {Entry} entry
   * @param {string} message
   * @returns {Entry}
   */
  #fail(entry, message) {
    const text = (entry.stable + entry.unstable).trim();
    return Object.assign(entry, { kind: "failed", text, message });
  }
}

/** One line an utterance.
 * @param {Entry[]} entries
 */
export function toText(entries) {
  return entries
    .map(kept)
    .filter(isShown)
    .map((entry) => `${textOf(entry)}\n`)
    .join("");
}

/**
 * @param {Entry[]} entries
 * @param {Layout} [layout]
 */
export function toSrt(entries, layout) {
  return cues(entries, layout)
    .map(({ startMs, endMs, lines }, index) => {
      const times = `${timestamp(startMs, ",")} --> ${timestamp(endMs, ",")}`;
      return `${index + 1}\n${times}\n${lines.join("\n")}\n\n`;
    })
    .join("");
}

/**
 * @param {Entry[]} entries
 * @param {Layout} [layout]
 */
export function toVtt(entries, layout) {
  const body = cues(entries, layout).map(({ startMs, endMs, lines }) => {
    const times = `${timestamp(startMs, ".")} --> ${timestamp(endMs, ".")}`;
    return `${times}\n${lines.map(escapeVtt).join("\n")}\n\n`;
  });
  return `WEBVTT\n\n${body.join("")}`;
}

/**
 * @param {Entry[]} entries
 * @param {Layout} layout
 */
function cues(entries, layout = LAYOUT) {
  const shown = entries
    .map(kept)
    .filter(isShown)
    .map((entry) => ({ ...entry, text: textOf(entry) }));
  shown.forEach((entry, at) => {
    if (entry.kind !== "lost") return;
    // A cue has its own time, and an utterance may reach into what was lost.
    entry.startMs = Math.max(entry.startMs, shown[at - 1]?.endMs ?? 0);
    entry.endMs = Math.max(entry.startMs, Math.min(entry.endMs, shown[at + 1]?.startMs ?? Infinity));
  });
  return layOut(shown, layout);
}

/**
 * An entry as files and the clipboard have it: with the better text, if one came.
 *
 * @param {Entry} entry
 * @returns {Entry}
 */
export function kept(entry) {
  return entry.revised ? { ...entry, ...entry.revised } : entry;
}

/** @param {Entry} entry whether it stands in the transcript */
export function isShown(entry) {
  if (entry.kind === "final") return entry.text !== "";
  return entry.kind === "failed" || entry.kind === "lost";
}

/** @param {Entry} entry as the transcript has it */
export function textOf(entry) {
  if (entry.kind !== "failed") return entry.text;
  return entry.text ? `${entry.text} [caption incomplete]` : "[caption missing]";
}

/**
 * @param {number} ms
 * @param {"," | "."} mark before the milliseconds: SRT has a comma, WebVTT a full stop
 */
function timestamp(ms, mark) {
  const part = (/** @type {number} */ value, /** @type {number} */ digits) =>
    String(Math.floor(value)).padStart(digits, "0");
  const hours = part(ms / 3_600_000, 2);
  const minutes = part((ms / 60_000) % 60, 2);
  const seconds = part((ms / 1000) % 60, 2);
  return `${hours}:${minutes}:${seconds}${mark}${part(ms % 1000, 3)}`;
}

/** @param {string} line */
function escapeVtt(line) {
  return line.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/**
 * Transcripts that outlive the page: kept on this device as they grow, where the browser lets it keep them.
 * They leave it only as the speaker's own files.
 *
 * @typedef {import("./transcript.js").Entry} Entry
 *
 * @typedef {object} Kept a transcript of an earlier page
 * @property {string} id
 * @property {number} at        when its newest line came, in ms since 1970
 * @property {Entry[]} entries  in the order of the transcript
 *
 * @typedef {{transcript: string, at: number, entry: Entry}} Line
 */

const DATABASE = "surtitle";
const LINES = "lines";
/** Of earlier pages; older ones go. */
const MAX_KEPT = 3;

/** Dispatches "loss" when for the first time something could not be kept. */
export class Shelf extends EventTarget {
  /** Whether all that came was kept. */
  isWhole = true;
  /** That of this page: a page that is loaded anew begins another one. */
  #id = newId();
  #database = open();
  /** @type {Line[]} */
  #due = [];
  /** Transcripts that go at the same moment. */
  /** @type {string[]} */
  #replaced = [];
  #isWriting = false;

  /** @param {...Entry} entries that have come, or have changed */
  keep(...entries) {
    const at = Date.now();
    for (const entry of entries) {
      this.#due.push({ transcript: this.#id, at, entry: structuredClone(entry) });
    }
    if (!this.#isWriting) void this.#write();
  }

  /**
   * Go on with the transcript of an earlier page: it is kept as that of this one, and goes, or neither happens.
   *
   * @param {string} id
   * @param {...Entry} entries
   */
  takeOver(id, ...entries) {
    this.#replaced.push(id);
    this.keep(...entries);
  }

  /** One change after the other: what comes meanwhile goes together. */
  async #write() {
    this.#isWriting = true;
    try {
      while (this.#due.length) {
        const [due, replaced] = [this.#due.splice(0), this.#replaced.splice(0)];
        const isKept = await this.#change((lines) => {
          for (const line of due) lines.put(line);
          for (const id of replaced) lines.delete(linesOf(id));
        });
        if (!isKept) this.#noteLoss();
      }
    } finally {
      this.#isWriting = false;
    }
  }

  #noteLoss() {
    if (!this.isWhole) return;
    this.isWhole = false;
    this.dispatchEvent(new Event("loss"));
  }

  /** Forget the transcript of this page. */
  clear() {
    this.#due = [];
    void this.remove(this.#id);
    this.#id = newId();
  }

  /**
   * The transcripts of earlier pages, the newest first.
   *
   * @returns {Promise<Kept[]>}
   */
  async earlier() {
    const database = await this.#database;
    if (!database) return [];
    const inUse = await idsInUse();
    const found = byTranscript(await answer(database.transaction(LINES).objectStore(LINES).getAll()));
    const earlier = found.filter(({ id }) => id !== this.#id && !inUse.has(id));
    for (const { id } of earlier.splice(MAX_KEPT)) void this.remove(id);
    return earlier;
  }

  /**
   * Delete a transcript for good.
   *
   * @param {string} id
   */
  remove(id) {
    return this.#change((lines) => lines.delete(linesOf(id)));
  }

  /**
   * @param {(lines: IDBObjectStore) => void} change
   * @returns {Promise<boolean>} whether it was made; a full disk keeps nothing more
   */
  async #change(change) {
    const transaction = (await this.#begin()) ?? (await this.#begin());
    if (!transaction) return false;
    change(transaction.objectStore(LINES));
    const isMade = await new Promise((done) => {
      transaction.oncomplete = () => done(true);
      transaction.onabort = () => done(false);
    });
    transaction.oncomplete = transaction.onabort = null; // the browser holds it longer than we do
    return isMade;
  }

  /** @returns {Promise<IDBTransaction | null>} null where the browser keeps nothing, or closed what it kept: that opens again */
  async #begin() {
    const database = await this.#database;
    try {
      return database?.transaction(LINES, "readwrite") ?? null;
    } catch {
      this.#database = open();
      return null;
    }
  }
}

/** @param {string} id of a transcript */
function linesOf(id) {
  return IDBKeyRange.bound([id], [id, []]);
}

/**
 * @param {Line[]} lines
 * @returns {Kept[]} the newest first
 */
export function byTranscript(lines) {
  /** @type {Map<string, Kept>} */
  const found = new Map();
  for (const { transcript: id, at, entry } of lines) {
    const kept = found.get(id) ?? { id, at: 0, entries: [] };
    found.set(id, kept);
    kept.at = Math.max(kept.at, at);
    kept.entries.push(entry);
  }
  for (const { entries } of found.values())
    entries.sort((a, b) => a.startMs - b.startMs || a.id - b.id);
  return [...found.values()].sort((a, b) => b.at - a.at);
}

/** Also says to the browser's other pages that this transcript is in use, as long as this page is there. */
function newId() {
  const id = Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("-");
  void navigator.locks?.request(lockOf(id), () => new Promise(() => {}));
  return id;
}

/** @param {string} id */
function lockOf(id) {
  return `surtitle transcript ${id}`;
}

/** The transcripts of pages that are open. Without locks (no secure address) nobody knows. */
async function idsInUse() {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return new Set(held.map(({ name }) => name?.slice(lockOf("").length)));
}

/** @returns {Promise<IDBDatabase | null>} null where storage is blocked */
async function open() {
  try {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(LINES, { keyPath: ["transcript", "entry.id"] });
    };
    return await answer(request);
  } catch {
    return null;
  }
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

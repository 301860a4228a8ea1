/**
 * What a client has said and the server may still want to hear again. Pure.
 *
 * A stream of audio bytes, counted from its first byte whatever session they went to, with commands
 * between them. A command stands at the byte before which it was given. A cursor says what is sent next.
 *
 * @typedef {import("./client.js").UpdateOptions} UpdateOptions
 * @typedef {{type: "update"} & UpdateOptions | {type: "flush"} | {type: "discard"} | {type: "stop"}} Command
 *
 * @typedef {object} Place of an item in the stream
 * @property {number} number 0, 1, 2 … over all items
 * @property {number} start  byte
 * @property {number} end    the byte after the last one; a command has no length
 *
 * @typedef {Place & {data: Uint8Array<ArrayBuffer> | Blob}} Audio
 * @typedef {Place & {command: Command}} Said
 * @typedef {Audio | Said} Item
 *
 * What is sent: audio; so many bytes of silence, which stands for audio that is not kept any more, so that
 * times after it stay right; or a command.
 * @typedef {{data: Uint8Array<ArrayBuffer> | Blob} | {silence: number} | {command: Command}} Piece
 */

/**
 * @param {Uint8Array<ArrayBuffer> | Blob} data
 * @returns {number} bytes
 */
export function sizeOf(data) {
  return data instanceof Blob ? data.size : data.length;
}

/** The items since `safe`, oldest first. */
export class Outbox {
  /** Bytes of audio there were. */
  end = 0;
  /** The oldest byte that is kept. */
  start = 0;
  /** Bytes of the newest frame. */
  newestBytes = 0;
  /** Everything before this byte is answered. What lies between it and `start` was dropped. */
  safe = 0;
  /** The server has been sent everything before this byte, or silence for it. */
  sent = 0;
  /** Of the item that is sent next. */
  #nextNumber = 0;
  /** What was lost up to this byte has been told. */
  #gapsToldTo = 0;
  /** @type {Item[]} */
  #items = [];
  #count = 0;

  /** @param {number} maxBytes of audio that are kept */
  constructor(maxBytes) {
    this.maxBytes = maxBytes;
  }

  /** Bytes that the server has not been sent yet. */
  get unsent() {
    return this.end - this.sent;
  }

  /**
   * Append audio, and drop the oldest where there is too much. Commands stay: they still hold for what
   * is said after them.
   *
   * @param {Uint8Array<ArrayBuffer> | Blob} data
   */
  addAudio(data) {
    this.newestBytes = sizeOf(data);
    const end = this.end + this.newestBytes;
    this.#items.push({ number: this.#count++, start: this.end, end, data });
    this.end = end;
    while (this.end - this.start > this.maxBytes) {
      const oldest = this.#items.findIndex((item) => "data" in item);
      if (this.#items[oldest].end === this.end) break; // one frame is kept whatever its size
      const [dropped] = this.#items.splice(oldest, 1);
      this.start = dropped.end;
    }
  }

  /** @param {Command} command */
  addCommand(command) {
    this.#items.push({ number: this.#count++, start: this.end, end: this.end, command });
  }

  /**
   * Everything before this byte is answered; returns the commands that were given before it.
   *
   * @param {number} byte
   * @returns {Command[]}
   */
  forgetBefore(byte) {
    /** @type {Command[]} */
    const passed = [];
    for (let item = this.#items[0]; item; item = this.#items[0]) {
      // A command right at the byte may not have come.
      if ("command" in item ? item.start >= byte : item.end > byte) break;
      this.#items.shift();
      if ("command" in item) passed.push(item.command);
    }
    this.safe = Math.min(Math.max(this.safe, byte), this.end);
    this.start = Math.max(this.start, this.safe);
    return passed;
  }

  /**
   * The number of the first item to send so that the server has all from this byte on.
   *
   * @param {number} byte
   */
  numberAt(byte) {
    const first = this.#items.find((item) =>
      "command" in item ? item.start >= byte : item.end > byte,
    );
    return first?.number ?? this.#count;
  }

  /**
   * The item with this number, or the first after it that is kept.
   *
   * @param {number} number
   */
  next(number) {
    const guess = this.#items[number - (this.#items[0]?.number ?? 0)]; // right where none was dropped
    if (guess?.number === number) return guess;
    return this.#items.find((item) => item.number >= number);
  }
  // ---- the cursor ------------------------------------------------------------------------------

  /**
   * The server has all before this byte, and needs what follows.
   *
   * @param {number} byte
   */
  goBack(byte) {
    this.sent = byte;
    this.#nextNumber = this.numberAt(byte);
  }

  /**
   * What is to be sent next; null where all was. Audio and silence come in pieces: a server takes no frame
   * of any length.
   *
   * @param {number} mostBytes of a piece
   * @returns {Piece | null}
   */
  take(mostBytes) {
    const item = this.next(this.#nextNumber);
    if (!item) return null;
    if (item.start > this.sent) {
      const silence = Math.min(item.start - this.sent, mostBytes);
      this.sent += silence;
      return { silence };
    }
    const start = this.sent;
    this.sent = Math.min(item.end, start + mostBytes);
    if (this.sent === item.end) this.#nextNumber = item.number + 1;
    if ("command" in item) return { command: item.command };
    return { data: part(item.data, start - item.start, this.sent - item.start) };
  }

  /**
   * The bytes that the server needs and nobody has any more, unless they were told before.
   *
   * @returns {[start: number, end: number] | null}
   */
  takeGap() {
    const start = Math.max(this.sent, this.#gapsToldTo);
    if (start >= this.start) return null;
    this.#gapsToldTo = this.start;
    return [start, this.start];
  }
}

/**
 * @param {Uint8Array<ArrayBuffer> | Blob} data
 * @param {number} start the first byte that is wanted
 * @param {number} end   the first that is not
 */
function part(data, start, end) {
  return data instanceof Blob ? data.slice(start, end) : data.subarray(start, end);
}

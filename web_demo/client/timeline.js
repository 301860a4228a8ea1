/**
 * The sessions of one stream, one after the other, seen as one session. Pure.
 *
 * A server that has lost the session (it was restarted) gets a new one, which begins at the first byte
 * that was not answered. Its times and utterances go on where those of the one before ended.
 *
 * @typedef {import("./client.js").ServerMessage} ServerMessage
 * @typedef {import("./client.js").PartialCaption} PartialCaption
 * @typedef {import("./client.js").Pause} Pause
 * @typedef {import("./client.js").Final} Final
 * @typedef {import("./client.js").Revised} Revised
 * @typedef {import("./client.js").Suppressed} Suppressed
 * @typedef {import("./client.js").Failed} Failed
 * @typedef {import("./client.js").Ended} Ended
 */

/**
 * The bytes that an answer covers which ends there. A time is that of a sample, rounded down: no sample before
 * this byte lies behind it.
 *
 * @param {number} sessionMs
 * @param {number} bytesPerSecond
 * @param {number} frameBytes
 */
export function bytesBefore(sessionMs, bytesPerSecond, frameBytes) {
  return Math.ceil((sessionMs * (bytesPerSecond / frameBytes)) / 1000) * frameBytes;
}

/** Where the session of now begins in the stream, and what the ones before it answered. */
export class Timeline {
  beginByte = 0;
  beginMs = 0;
  /** Utterances answered by the sessions before. */
  #utterances = 0;
  /** Utterances answered in all. */
  #answered = 0;
  #answeredMs = { captioned: 0, suppressed: 0, failed: 0 };
  /** Utterances up to this one of the session of now were answered by the one before. */
  #said = 0;
  /** These three when the session of now began. */
  #before = { captioned: 0, suppressed: 0, failed: 0 };

  /**
   * A new session begins at a byte of the stream.
   *
   * @param {number} byte
   * @param {number} bytesPerSecond
   */
  goOn(byte, bytesPerSecond) {
    this.beginByte = byte;
    this.beginMs = Math.floor((byte * 1000) / bytesPerSecond);
    this.#utterances = this.#answered;
    this.#before = { ...this.#answeredMs };
  }

  /**
   * A container cannot go on in the middle: its next session begins at the first byte, and says again what was
   * answered before. That is left out; the same bytes make the same utterances.
   */
  startOver() {
    this.#said = this.#answered;
  }

  /**
   * The message with the times and numbers of the stream.
   *
   * @param {ServerMessage} message
   * @returns {ServerMessage | null} null for what was said before
   */
  place(message) {
    if ("utterance" in message && message.utterance <= this.#said) return null;
    switch (message.type) {
      case "speech":
        return {
          ...message,
          utterance: message.utterance + this.#utterances,
          start_ms: message.start_ms + this.beginMs,
        };
      case "partial":
        return this.#moved(message);
      case "pause":
        return this.#moved(this.#withMovedWords(message));
      case "pause_over":
        return { ...message, utterance: message.utterance + this.#utterances };
      case "final":
        return this.#answer("captioned", this.#withMovedWords(message));
      case "revised":
        return this.#moved(this.#withMovedWords(message)); // its final was counted
      case "suppressed":
        return this.#answer("suppressed", message);
      case "failed":
        return this.#answer("failed", message);
      case "flushed":
        return { ...message, audio_ms: message.audio_ms + this.beginMs };
      case "ended":
        return this.#sum(message);
      case "ack":
        return {
          ...message,
          received: message.received + this.beginByte,
          safe: message.safe + this.beginByte,
        };
      default:
        return message;
    }
  }

  /**
   * @template {PartialCaption | Pause | Final | Revised | Suppressed | Failed} Captioned
   * @param {Captioned} message
   * @returns {Captioned}
   */
  #moved(message) {
    return {
      ...message,
      utterance: message.utterance + this.#utterances,
      start_ms: message.start_ms + this.beginMs,
      end_ms: message.end_ms + this.beginMs,
    };
  }

  /**
   * @template {Pause | Final | Revised} Worded
   * @param {Worded} message
   * @returns {Worded}
   */
  #withMovedWords(message) {
    if (!message.words) return message;
    const words = message.words.map((word) => ({
      ...word,
      start_ms: word.start_ms + this.beginMs,
      end_ms: word.end_ms + this.beginMs,
    }));
    return { ...message, words };
  }

  /**
   * @param {"captioned" | "suppressed" | "failed"} how
   * @param {Final | Suppressed | Failed} message
   */
  #answer(how, message) {
    this.#answeredMs[how] += message.end_ms - message.start_ms;
    const moved = this.#moved(message);
    this.#answered = Math.max(this.#answered, moved.utterance);
    return moved;
  }

  /**
   * @param {Ended} ended
   * @returns {Ended}
   */
  #sum(ended) {
    const { captioned, suppressed, failed } = this.#before;
    return {
      ...ended,
      audio_ms: ended.audio_ms + this.beginMs,
      captioned_ms: ended.captioned_ms + captioned,
      suppressed_ms: ended.suppressed_ms + suppressed,
      failed_ms: ended.failed_ms + failed,
      silence_ms: ended.silence_ms + this.beginMs - captioned - suppressed - failed,
      utterances: ended.utterances + this.#utterances,
    };
  }
}

/**
 * A recording: its bytes go to the server as they are, which decodes them, at the pace at which it is played.
 *
 * @typedef {import("./player.js").Player} Player
 * @typedef {import("./sources.js").EncodedFrame} EncodedFrame
 * @typedef {import("./sources.js").EncodedSource} EncodedSource
 * @typedef {import("./sources.js").SoundNotice} SoundNotice
 */

import { FRAME_MS } from "./capture-worklet.js";
import { orderContainer } from "./container-order.js";
import { Deferred } from "./deferred.js";
import { pause } from "./pause.js";
import { openPlayer } from "./player.js";
import { Problem } from "./problems.js";

/** A frame has no more; servers take up to 1 MiB. */
const MAX_FRAME_BYTES = 64 * 1024;
/**
 * How far the bytes are ahead of what is heard: decoders give sound with a lag, of FLAC for instance ten of
 * its frames (2.5 s at 16 kHz), and words take a second until they are on screen.
 */
const AHEAD_MS = 2000;

/**
 * @param {Blob} blob
 * @param {string} [label]
 * @param {boolean} [audible]
 * @returns {Promise<EncodedSource>}
 */
export async function openRecording(blob, label = "Recording", audible = false) {
  if (!blob.size) {
    // Chromium says so of a file that is gone, too.
    throw new Problem(`“${label}” is empty, or can no longer be read. Choose another file.`, "empty");
  }
  try {
    const { blob: sent, headBytes } = await orderContainer(blob);
    return new RecordingSource(sent, headBytes, label, await openPlayer(blob, audible), audible);
  } catch (error) {
    throw readingProblem(error, label);
  }
}

/**
 * What reading throws is a DOMException (W3C File API, 7.1); anything else is a mistake of a program.
 *
 * @param {unknown} error
 * @param {string} label
 */
function readingProblem(error, label) {
  if (!(error instanceof DOMException)) return error;
  return new Problem(`“${label}” can no longer be read. Choose it again.`, "not_readable");
}

/** @implements {EncodedSource} */
class RecordingSource {
  /** @type {"auto"} */
  encoding = "auto";
  #blob;
  #headBytes;
  #player;
  #audible;
  #sent = 0;
  #frames = 0;
  /** @type {Deferred<void>} */
  #ended = new Deferred();
  #stopped = new AbortController();
  /** Of the player. */
  /** @type {Promise<void> | undefined} */
  #closed;

  /**
   * @param {Blob} blob
   * @param {number} headBytes before the first sound
   * @param {string} label
   * @param {Player | null} player without one, the bytes go as fast as they are taken
   * @param {boolean} audible
   */
  constructor(blob, headBytes, label, player, audible) {
    this.label = label;
    this.size = blob.size;
    this.durationMs = player?.durationMs ?? Infinity;
    this.ended = this.#ended.promise;
    this.#blob = blob;
    this.#headBytes = headBytes;
    this.#player = player;
    this.#audible = audible;
  }

  /**
   * @param {(frame: EncodedFrame) => unknown} onFrame
   * @param {(notice: SoundNotice) => void} [onSound]
   */
  start(onFrame, onSound = () => {}) {
    if (!this.#player && this.#audible) {
      const message = "This browser cannot play this recording. It is captioned anyway.";
      onSound({ heard: true, code: "not_played", message });
    }
    this.#sendAll(onFrame).then(this.#ended.resolve, this.#ended.reject);
  }

  async stop() {
    this.#stopped.abort();
    this.#closed ??= this.#player?.close();
    await this.#closed;
  }

  /** @param {boolean} audible */
  setAudible(audible) {
    this.#player?.setAudible(audible);
  }

  /** @param {(frame: EncodedFrame) => unknown} onFrame */
  async #sendAll(onFrame) {
    this.#player?.start();
    const { signal } = this.#stopped;
    const startedAt = performance.now();
    for (;;) {
      const atMs = performance.now() - startedAt;
      // A hidden page's timers are slowed down; then several frames are due at once.
      const due = Math.floor(Math.min(atMs, this.durationMs) / FRAME_MS);
      while (this.#player && this.#frames < due && !signal.aborted) {
        this.#frames += 1;
        await this.#sendUpTo(this.#bytesAt(this.#frames * FRAME_MS), onFrame, this.#player.level);
      }
      if (atMs >= this.durationMs || !this.#player) {
        await this.#sendUpTo(this.size, onFrame);
        return;
      }
      if (signal.aborted) return;
      await pause(FRAME_MS / 2, signal);
    }
  }

  /**
   * How many bytes are due.
   *
   * @param {number} atMs
   */
  #bytesAt(atMs) {
    const share = Math.min(1, (atMs + AHEAD_MS) / this.durationMs);
    return Math.round(this.#headBytes + (this.size - this.#headBytes) * share);
  }

  /**
   * @param {number} end
   * @param {(frame: EncodedFrame) => unknown} onFrame
   * @param {import("./client.js").Level} [level] goes with the first of the frames
   */
  async #sendUpTo(end, onFrame, level) {
    do {
      const data = this.#blob.slice(this.#sent, Math.min(end, this.#sent + MAX_FRAME_BYTES));
      await this.#check(data);
      if (this.#stopped.signal.aborted) return;
      this.#sent += data.size;
      await onFrame({ data, ...level });
      level = undefined;
    } while (this.#sent < end && !this.#stopped.signal.aborted);
  }

  /**
   * A file that was moved or changed is not there any more; sent, it would break the connection.
   *
   * @param {Blob} data
   */
  async #check(data) {
    try {
      await data.slice(0, 1).arrayBuffer();
    } catch (error) {
      throw readingProblem(error, this.label);
    }
  }
}

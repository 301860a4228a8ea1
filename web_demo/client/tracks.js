/**
 * The audio tracks of a stream as one input: all that it has, also those that come later.
 *
 * @typedef {object} Input
 * @property {AudioNode} node
 * @property {number} index  of the destination's inputs
 * @property {boolean} muted by the system, not by a script
 * @property {AbortController} left
 */

/** Tracks side by side have an input each, so that every one is mixed down by itself; further ones share. */
export const TRACK_INPUTS = 8;

const MUTED_SENTENCE =
  "The system or a switch has muted the sound. Captions continue when it is unmuted.";

export class Tracks {
  #context;
  #sound;
  #onEmpty;
  /** @type {MediaStream | null} */
  #stream = null;
  /** What is connected now. */
  /** @type {Map<MediaStreamTrack, Input>} */
  #inputs = new Map();
  /** Tracks that have said that they are over. */
  /** @type {WeakSet<MediaStreamTrack>} */
  #over = new WeakSet();
  /** @type {AudioNode | null} */
  #destination = null;
  #left = new AbortController();

  /**
   * @param {AudioContext} context
   * @param {object} [how]
   * @param {import("./sound.js").Sound} [how.sound] is told while all tracks are muted
   * @param {() => void} [how.onEmpty] no track is left
   */
  constructor(context, { sound, onEmpty = () => {} } = {}) {
    this.#context = context;
    this.#sound = sound;
    this.#onEmpty = onEmpty;
  }

  /** @param {AudioNode} destination with TRACK_INPUTS inputs */
  connect(destination) {
    this.#destination = destination;
    for (const { node, index } of this.#inputs.values()) node.connect(destination, 0, index);
  }

  /** Nothing is heard or looked at any more. */
  disconnect() {
    this.#destination = null;
    this.#stream = null;
    this.#left.abort();
    for (const track of this.#inputs.keys()) this.#remove(track);
  }

  /**
   * From now on those of this stream are heard.
   *
   * @param {MediaStream} stream
   */
  follow(stream) {
    this.#left.abort();
    this.#left = new AbortController();
    const { signal } = this.#left;
    this.#stream = stream;
    for (const type of ["addtrack", "removetrack"]) {
      stream.addEventListener(type, () => this.refresh(), { signal });
    }
    this.refresh();
  }

  /** Look which tracks there are; those that a script adds or removes raise no event. */
  refresh() {
    if (!this.#stream) return;
    const live = this.#stream.getAudioTracks().filter((track) => this.#isLive(track));
    const before = this.#inputs.size;
    for (const track of this.#inputs.keys()) if (!live.includes(track)) this.#remove(track);
    for (const track of live) if (!this.#inputs.has(track)) this.#add(track);
    this.#lookIfMuted();
    if (before && !this.#inputs.size) this.#onEmpty();
  }

  get isEmpty() {
    return this.#inputs.size === 0;
  }

  get isMuted() {
    return !this.isEmpty && [...this.#inputs.values()].every(({ muted }) => muted);
  }

  /** @param {MediaStreamTrack} track */
  #isLive(track) {
    return track.readyState === "live" && !this.#over.has(track);
  }

  /** @param {MediaStreamTrack} track */
  #add(track) {
    const node = this.#context.createMediaStreamSource(new MediaStream([track]));
    const left = new AbortController();
    /** @type {Input} */
    const input = { node, index: this.#freeIndex(), muted: track.muted, left };
    this.#inputs.set(track, input);
    if (this.#destination) node.connect(this.#destination, 0, input.index);
    const { signal } = left;
    const onEnd = () => {
      this.#over.add(track);
      this.refresh();
    };
    const onMute = (/** @type {Event} */ { type }) => {
      input.muted = type === "mute";
      this.#lookIfMuted();
    };
    track.addEventListener("ended", onEnd, { signal });
    track.addEventListener("mute", onMute, { signal });
    track.addEventListener("unmute", onMute, { signal });
  }

  /** @param {MediaStreamTrack} track */
  #remove(track) {
    const { node, left } = /** @type {Input} */ (this.#inputs.get(track));
    left.abort();
    node.disconnect();
    this.#inputs.delete(track);
  }

  #freeIndex() {
    const taken = [...this.#inputs.values()].map(({ index }) => index);
    for (let index = 0; index < TRACK_INPUTS; index++) if (!taken.includes(index)) return index;
    return taken.length % TRACK_INPUTS;
  }

  #lookIfMuted() {
    if (this.isMuted) this.#sound?.hinder("muted", MUTED_SENTENCE);
    else this.#sound?.free("muted");
  }
}

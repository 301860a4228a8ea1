/**
 * The sound of a media element of the page, whatever it plays: the next episode and an advertisement too.
 *
 * @typedef {import("./capture.js").Captured} Captured
 * @typedef {import("./sources.js").Source} Source
 */

import { CaptureSource, captureContext, closeContext } from "./capture.js";
import { Deferred } from "./deferred.js";
import { Problem } from "./problems.js";
import { Sound } from "./sound.js";
import { Tracks } from "./tracks.js";

/** How long after its end an element may begin with something else. */
const NEXT_WITHIN_MS = 2000;
/** By these it shows that it does. */
const BEGINNINGS = ["loadstart", "seeking", "playing"];

/**
 * An element once led into a context stays there for good (W3C Web Audio API, 1.22), and is heard through
 * it: where that is the only way, the context lives as long as the element.
 *
 * @type {WeakMap<HTMLMediaElement, Promise<{context: AudioContext, input: AudioNode}>>}
 */
const rerouted = new WeakMap();

/**
 * @param {HTMLMediaElement} element
 * @param {{nextWithinMs?: number, signal?: AbortSignal}} [options]
 * @returns {Promise<Source>}
 */
export async function openElement(element, { nextWithinMs = NEXT_WITHIN_MS, signal } = {}) {
  signal?.throwIfAborted();
  await metadataOf(element, signal);
  const sound = new Sound();
  const way = "captureStream" in element ? await copyOf(element) : await reroute(element);
  const course = new Course(element, sound, nextWithinMs, way.look);
  const release = async () => {
    course.leave();
    await way.release();
  };
  try {
    return new CaptureSource({
      label: element.title || "Media",
      durationMs: Number.isFinite(element.duration) ? element.duration * 1000 : Infinity,
      ended: course.ended,
      sound,
      setAudible: (audible) => {
        element.muted = !audible;
      },
      ...way,
      release,
    });
  } catch (error) {
    await release();
    throw error;
  }
}

/**
 * Before its metadata is there, an element has no sound to capture. One without a source waits for it.
 *
 * @param {HTMLMediaElement} element
 * @param {AbortSignal} [signal] ends the waiting
 */
async function metadataOf(element, signal) {
  if (element.readyState >= element.HAVE_METADATA) return;
  if (element.error) throw notPlayableProblem();
  const settled = new AbortController();
  const options = { signal: settled.signal };
  try {
    await new Promise((resolve, reject) => {
      element.addEventListener("loadedmetadata", resolve, options);
      element.addEventListener("error", () => reject(notPlayableProblem()), options);
      signal?.addEventListener("abort", () => reject(signal.reason), options);
      if (element.preload === "none") element.load();
    });
  } finally {
    settled.abort();
  }
}

function notPlayableProblem() {
  return new Problem("The browser cannot play this media. Check its address.", "not_playable");
}

function noAudioProblem() {
  return new Problem("This media has no sound. Choose media that has sound.", "no_audio");
}

function crossOriginProblem() {
  return new Problem(
    "This media comes from another site, which does not share its sound with this page. It must be " +
      "sent with CORS headers, and the element must have the attribute “crossorigin”.",
    "cross_origin",
  );
}

/** What an element plays one after the other, and when that is over. */
class Course {
  #element;
  #sound;
  #nextWithinMs;
  #look;
  /** @type {Deferred<void>} */
  #ended = new Deferred();
  #left = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #end;

  /**
   * @param {HTMLMediaElement} element
   * @param {Sound} sound is told what keeps a later medium from being heard
   * @param {number} nextWithinMs
   * @param {() => void} look takes the sound of what plays now; throws a Problem where there is none
   */
  constructor(element, sound, nextWithinMs, look) {
    this.#element = element;
    this.#sound = sound;
    this.#nextWithinMs = nextWithinMs;
    this.#look = look;
    this.ended = this.#ended.promise;
    const options = { signal: this.#left.signal };
    element.addEventListener("ended", () => this.#endSoon(this.#ended.resolve), options);
    element.addEventListener("error", () => this.#onError(), options);
    element.addEventListener("emptied", () => this.#onEmptied(), options);
    for (const type of BEGINNINGS) element.addEventListener(type, () => this.#goOn(), options);
    element.addEventListener("loadstart", () => this.#forget(), options);
    element.addEventListener("playing", () => this.#onPlaying(), options);
  }

  leave() {
    this.#left.abort();
    this.#goOn();
  }

  /** What was there is taken away: for something else, which begins at once, or by a page that closes. */
  #onEmptied() {
    if (this.#end) return; // that has a reason already
    this.#endSoon(() => {
      if (this.#element.networkState === this.#element.NETWORK_EMPTY) this.#ended.resolve();
    });
  }

  #onError() {
    const problem = notPlayableProblem();
    this.#sound.hinder(problem.code, problem.message);
    this.#endSoon(() => this.#ended.reject(problem));
  }

  /** Something else begins. */
  #forget() {
    for (const code of ["not_playable", "no_audio", "cross_origin"]) this.#sound.free(code);
  }

  #onPlaying() {
    this.#forget();
    try {
      this.#look();
    } catch (error) {
      const { code, message } = /** @type {Problem} */ (error);
      this.#sound.hinder(code, message);
    }
  }

  /** @param {() => void} end what happens where nothing else begins */
  #endSoon(end) {
    this.#goOn();
    if (this.#nextWithinMs === Infinity) return;
    this.#end = setTimeout(end, this.#nextWithinMs);
  }

  #goOn() {
    clearTimeout(this.#end);
    this.#end = undefined;
  }
}

/**
 * A copy of its sound; the element itself plays on as before.
 *
 * @param {HTMLMediaElement} element
 */
async function copyOf(element) {
  const first = soundOf(element);
  try {
    return await wayOf(await captureContext(), element, first);
  } catch (error) {
    if (first !== element.srcObject) stopTracks(first);
    throw error;
  }
}

/**
 * @param {AudioContext} context
 * @param {HTMLMediaElement} element
 * @param {MediaStream} first copy of its sound
 */
async function wayOf(context, element, first) {
  const tracks = new Tracks(context);
  const release = async () => {
    tracks.disconnect();
    await closeContext(context);
  };
  try {
    const copy = new Copy(element, first, tracks);
    return {
      context,
      input: tracks,
      look: () => copy.look(),
      onFrame: () => tracks.refresh(),
      release: async () => {
        copy.stop();
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** The stream that a browser makes of an element, renewed where the browser does not do that itself. */
class Copy {
  #element;
  #tracks;
  #stream;
  #object;

  /**
   * @param {HTMLMediaElement} element
   * @param {MediaStream} stream of it
   * @param {Tracks} tracks
   */
  constructor(element, stream, tracks) {
    this.#element = element;
    this.#tracks = tracks;
    this.#stream = stream;
    this.#object = element.srcObject;
    tracks.follow(stream);
  }

  look() {
    if (isForeign(this.#element)) throw crossOriginProblem();
    this.#tracks.refresh();
    // Chromium gives a stream new tracks with a new address, but not after an end nor with another object.
    if (!this.#tracks.isEmpty && this.#object === this.#element.srcObject) return;
    const stream = soundOf(this.#element);
    this.stop();
    this.#object = this.#element.srcObject;
    this.#stream = stream;
    this.#tracks.follow(stream);
  }

  stop() {
    if (this.#stream !== this.#object) stopTracks(this.#stream);
  }
}

/**
 * @param {HTMLMediaElement} element
 * @returns {MediaStream} with sound: a copy, or the page's own where the element plays one
 */
function soundOf(element) {
  const { srcObject } = element;
  const stream = srcObject instanceof MediaStream ? srcObject : captureStream(element);
  if (!stream.getAudioTracks().length) throw noAudioProblem();
  return stream;
}

/**
 * @param {HTMLMediaElement} element
 * @returns {MediaStream}
 */
function captureStream(element) {
  try {
    /** @type {MediaStream} */
    const stream = /** @type {any} */ (element).captureStream();
    for (const video of stream.getVideoTracks()) video.stop();
    return stream;
  } catch {
    throw crossOriginProblem();
  }
}

/** @param {MediaStream} stream */
function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/**
 * Whether browsers keep the sound of what plays now from this page: they give silence and say nothing.
 *
 * @param {HTMLMediaElement} element
 */
function isForeign({ srcObject, currentSrc, crossOrigin }) {
  if (srcObject || crossOrigin !== null) return false;
  const { protocol, origin } = new URL(currentSrc, location.href);
  return protocol.startsWith("http") && origin !== location.origin;
}

/** @param {HTMLMediaElement} element */
async function reroute(element) {
  let opening = rerouted.get(element);
  if (!opening) {
    opening = newWay(element);
    rerouted.set(element, opening); // at once, so that who comes meanwhile waits for the same
    opening.catch(() => rerouted.delete(element));
  }
  const way = await opening;
  const look = () => {
    if (isForeign(element)) throw crossOriginProblem();
  };
  return { ...way, look, release: async () => {} };
}

/** @param {HTMLMediaElement} element */
async function newWay(element) {
  const context = await captureContext();
  try {
    const input = context.createMediaElementSource(element);
    input.connect(context.destination);
    return { context, input };
  } catch (error) {
    await closeContext(context);
    throw error;
  }
}

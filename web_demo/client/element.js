/**
 * The sound of a media element of the page.
 *
 * @typedef {import("./capture.js").Captured} Captured
 * @typedef {import("./sources.js").Source} Source
 */

import { CaptureSource, captureContext } from "./capture.js";
import { Deferred } from "./deferred.js";
import { Problem } from "./problems.js";

/**
 * An element once led into a context stays there for good (W3C Web Audio API, 1.22), and is heard through
 * it: where that is the only way, the context lives as long as the element.
 *
 * @type {WeakMap<HTMLMediaElement, {context: AudioContext, input: AudioNode}>}
 */
const rerouted = new WeakMap();

/**
 * @param {HTMLMediaElement} element
 * @returns {Promise<Source>}
 */
export async function openElement(element) {
  await metadataOf(element);
  /** @type {Deferred<void>} */
  const ended = new Deferred();
  const left = new AbortController();
  const options = { once: true, signal: left.signal };
  element.addEventListener("ended", () => ended.resolve(), options);
  element.addEventListener("error", () => ended.reject(notPlayableProblem()), options);
  try {
    const captured = "captureStream" in element ? await copyOf(element) : await reroute(element);
    return new CaptureSource({
      label: element.title || "Media",
      durationMs: Number.isFinite(element.duration) ? element.duration * 1000 : Infinity,
      ended: ended.promise,
      setAudible: (audible) => {
        element.muted = !audible;
      },
      ...captured,
      release: async () => {
        left.abort();
        await captured.release();
      },
    });
  } catch (error) {
    left.abort();
    throw error;
  }
}

/**
 * Before its metadata is there, an element has no sound to capture.
 *
 * @param {HTMLMediaElement} element
 */
async function metadataOf(element) {
  if (element.readyState >= element.HAVE_METADATA) return;
  if (element.error) throw notPlayableProblem();
  const settled = new AbortController();
  const options = { signal: settled.signal };
  try {
    await new Promise((resolve, reject) => {
      element.addEventListener("loadedmetadata", resolve, options);
      element.addEventListener("error", () => reject(notPlayableProblem()), options);
      if (element.preload === "none") element.load();
    });
  } finally {
    settled.abort();
  }
}

function notPlayableProblem() {
  return new Problem("The browser cannot play this media. Check its address.", "not_playable");
}

/**
 * A copy of its sound; the element itself plays on as before.
 *
 * @param {HTMLMediaElement} element
 * @returns {Promise<Pick<Captured, "context" | "input" | "release">>}
 */
async function copyOf(element) {
  const stream = captureStream(element);
  const [track] = stream.getAudioTracks();
  if (!track) {
    throw new Problem("This media has no sound. Choose one that has.", "no_audio");
  }
  for (const video of stream.getVideoTracks()) video.stop();
  try {
    const context = await captureContext();
    return {
      context,
      input: context.createMediaStreamSource(new MediaStream([track])),
      release: async () => {
        track.stop();
        await context.close();
      },
    };
  } catch (error) {
    track.stop();
    throw error;
  }
}

/**
 * @param {HTMLMediaElement} element
 * @returns {MediaStream}
 */
function captureStream(element) {
  try {
    return /** @type {any} */ (element).captureStream();
  } catch {
    throw new Problem(
      "This media comes from another site, which does not share its sound with this page. It must be " +
        "sent with CORS headers, and the element must have the attribute “crossorigin”.",
      "cross_origin",
    );
  }
}

/**
 * @param {HTMLMediaElement} element
 * @returns {Promise<Pick<Captured, "context" | "input" | "release" | "setAudible">>}
 */
async function reroute(element) {
  const way = rerouted.get(element) ?? (await newWay(element));
  rerouted.set(element, way);
  return { ...way, release: async () => {} };
}

/** @param {HTMLMediaElement} element */
async function newWay(element) {
  const context = await captureContext();
  const input = context.createMediaElementSource(element);
  input.connect(context.destination);
  return { context, input };
}

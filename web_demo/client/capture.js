/**
 * Sound that happens now, captured from a graph of Web Audio.
 *
 * @typedef {import("./sources.js").Frame} Frame
 * @typedef {import("./sources.js").Source} Source
 * @typedef {import("./sources.js").SoundNotice} SoundNotice
 * @typedef {import("./sound.js").Sound} Sound
 * @typedef {import("./tracks.js").Tracks} Tracks
 *
 * @typedef {object} Captured what is captured
 * @property {string} label
 * @property {AudioContext} context with the capture processor loaded, see `captureContext`
 * @property {AudioNode | Tracks} input
 * @property {Sound} sound
 * @property {number} [durationMs] Infinity unless given
 * @property {Promise<void>} ended
 * @property {(audible: boolean) => void} [setAudible]
 * @property {() => void} [onFrame] called ten times a second, while the context runs
 * @property {() => Promise<void>} release lets go of everything
 */

import { Deferred } from "./deferred.js";
import { Keeper } from "./keeper.js";
import { Problem } from "./problems.js";
import { TRACK_INPUTS } from "./tracks.js";

/** Highest rate of the protocol; a device above it is asked for a common lower one. */
export const MAX_SAMPLE_RATE = 96_000;
const COMMON_SAMPLE_RATE = 48_000;
/** How long to wait for the worklet's last frame when the device may be gone. */
const LAST_FRAME_TIMEOUT_MS = 500;
/** A context that does not run after so long waits for the person to touch the page. */
const RESUME_TIMEOUT_MS = 2000;

/** A running context at the device's own rate, with the capture processor loaded. */
export async function captureContext() {
  let context = new AudioContext({ latencyHint: "interactive" });
  if (context.sampleRate > MAX_SAMPLE_RATE) {
    await context.close();
    context = new AudioContext({ latencyHint: "interactive", sampleRate: COMMON_SAMPLE_RATE });
  }
  try {
    if (!context.audioWorklet) throw insecureSoundProblem();
    await loadProcessor(context);
    await resume(context);
  } catch (error) {
    await context.close();
    throw error;
  }
  return context;
}

/** @param {AudioContext} context that the browser may have closed already */
export async function closeContext(context) {
  if (context.state !== "closed") await context.close();
}

/**
 * The files that a worklet loads. Bundlers find them by this form. Vite would make small files, or all of a
 * library, `data:` URLs, which a Content-Security-Policy forbids: what it reads after `?` prevents that.
 */
const worklets = [
  new URL("./downmix.js?no-inline", import.meta.url),
  new URL("./capture-worklet.js?no-inline", import.meta.url),
];

/** @param {string | URL} folder */
export function loadWorkletsFrom(folder) {
  const base = new URL(folder, document.baseURI);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  const names = ["downmix.js", "capture-worklet.js"];
  worklets.splice(0, Infinity, ...names.map((name) => new URL(name, base)));
}

/** @param {AudioContext} context */
async function loadProcessor(context) {
  try {
    for (const worklet of worklets) await context.audioWorklet.addModule(worklet);
  } catch {
    throw new Problem(
      "Part of this page could not be loaded. Check that the server is running.",
      "not_fetched",
    );
  }
}

/** @param {AudioContext} context */
async function resume(context) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const tooLate = new Promise((resolve) => {
    timer = setTimeout(resolve, RESUME_TIMEOUT_MS);
  });
  await Promise.race([context.resume(), tooLate]);
  clearTimeout(timer);
  if (context.state !== "running") {
    throw new Problem(
      "Browsers let a page use sound only after a click or a key press. Press the button that starts the " +
        "captions again.",
      "needs_gesture",
    );
  }
}

function insecureSoundProblem() {
  return new Problem(
    "Browsers allow the capture of sound only on secure pages. Open this page over https, or on the " +
      "server's own machine at http://localhost.",
    "insecure_page",
  );
}

/** @implements {Source} */
export class CaptureSource {
  #captured;
  #capture;
  #keeper;
  /** @type {Deferred<void>} */
  #ended = new Deferred();
  /** Whether the input leads to the processor. */
  #started = false;
  /** @type {Promise<void> | undefined} */
  #stopped;

  /** @param {Captured} captured */
  constructor(captured) {
    const { context, sound, ended } = captured;
    this.label = captured.label;
    this.sampleRate = context.sampleRate;
    this.durationMs = captured.durationMs ?? Infinity;
    this.ended = this.#ended.promise;
    this.ended.catch(() => {}); // nobody may be waiting yet
    ended.then(this.#ended.resolve, this.#ended.reject);
    this.#captured = captured;
    this.#capture = new AudioWorkletNode(context, "surtitle-capture", {
      numberOfInputs: TRACK_INPUTS,
      channelCountMode: "max", // all channels come, and the processor mixes them down
      channelInterpretation: "discrete",
    });
    this.#keeper = new Keeper(context, sound, this.#ended.reject);
  }

  /**
   * @param {(frame: Frame) => void} onFrame
   * @param {(notice: SoundNotice) => void} [onSound]
   */
  start(onFrame, onSound = () => {}) {
    const { context, input, sound } = this.#captured;
    sound.listen(onSound);
    this.#capture.port.onmessage = ({ data }) => {
      if (!data) return;
      this.#keeper.beat();
      this.#captured.onFrame?.();
      onFrame(data);
    };
    input.connect(this.#capture);
    this.#started = true;
    // The processor writes no output, so this is silent; a node that leads nowhere may not be run.
    this.#capture.connect(context.destination);
    this.#keeper.start();
  }

  /** @param {boolean} audible */
  setAudible(audible) {
    this.#captured.setAudible?.(audible);
  }

  /** @returns {Promise<void>} */
  stop() {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop() {
    this.#keeper.stop();
    if (this.#started) {
      await this.#lastFrame();
      this.#captured.input.disconnect(this.#capture);
    }
    this.#capture.disconnect();
    this.#capture.port.close();
    await this.#captured.release();
  }

  /** @returns {Promise<void>} */
  #lastFrame() {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LAST_FRAME_TIMEOUT_MS);
      const { port } = this.#capture;
      port.addEventListener("message", ({ data }) => {
        if (data !== null) return;
        clearTimeout(timer);
        resolve();
      });
      port.start();
      port.postMessage("finish");
    });
  }
}

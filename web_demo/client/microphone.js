/**
 * The microphone: the one that was chosen, or while that is away the one that the system has.
 *
 * @typedef {import("./sources.js").Source} Source
 */

import { CaptureSource, captureContext, closeContext } from "./capture.js";
import { Deferred } from "./deferred.js";
import { insecurePageProblem, microphoneProblem } from "./problems.js";
import { Sound } from "./sound.js";
import { Tracks } from "./tracks.js";

/** Echo cancellation and noise suppression are made for calls; they cost recognition accuracy. */
export const AS_IT_IS = { echoCancellation: false, noiseSuppression: false };

/** A mixing desk has the speaker on any of its channels; browsers give two unless they are asked for more. */
const MAX_CHANNELS = 32;
/** Until a device is asked for again that could not be had, and between two of which the first broke. */
const AGAIN_MS = 2000;
/** Chromium's name for what the system has chosen; other browsers do not list it. */
const DEFAULT = "default";

const DISCONNECTED_SENTENCE =
  "The microphone was disconnected. Connect it or another one, and captions continue.";

/** @returns {Promise<MediaDeviceInfo[]>} */
export async function listMicrophones() {
  if (!navigator.mediaDevices) return [];
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === "audioinput" && device.deviceId !== "");
}

/**
 * @param {string} [deviceId]
 * @returns {Promise<Source>}
 */
export async function openMicrophone(deviceId = "") {
  if (!navigator.mediaDevices) throw insecurePageProblem();
  let stream;
  try {
    stream = await ask(deviceId);
  } catch (error) {
    throw microphoneProblem(error);
  }
  try {
    return await new Microphone(await captureContext(), deviceId, stream).open();
  } catch (error) {
    stopTracks(stream);
    throw error;
  }
}

/**
 * @param {string} deviceId empty for the default device
 * @returns {Promise<MediaStream>}
 */
function ask(deviceId) {
  /** @type {MediaTrackConstraints} */
  const audio = { channelCount: { ideal: MAX_CHANNELS }, ...AS_IT_IS };
  if (deviceId) audio.deviceId = { exact: deviceId };
  return navigator.mediaDevices.getUserMedia({ audio });
}

/** One that is followed from device to device. */
class Microphone {
  #context;
  #wanted;
  #stream;
  #tracks;
  #sound = new Sound();
  /** @type {Deferred<void>} */
  #ended = new Deferred();
  #left = new AbortController();
  /** The physical device that was the system's choice. */
  #defaultGroup = "";
  /** Its sound has ended. */
  #lost = false;
  #takenAtMs = performance.now();
  /** The one that is asked for now, or was last. */
  #turn = Promise.resolve();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;

  /**
   * @param {AudioContext} context
   * @param {string} deviceId
   * @param {MediaStream} stream of that device
   */
  constructor(context, deviceId, stream) {
    this.#context = context;
    this.#wanted = deviceId;
    this.#stream = stream;
    this.#tracks = new Tracks(context, { sound: this.#sound, onEmpty: () => this.#onEnd() });
  }

  async open() {
    const { signal } = this.#left;
    try {
      this.#defaultGroup = groupOfDefault(await listMicrophones().catch(() => []));
      navigator.mediaDevices.addEventListener("devicechange", () => this.#follow(), { signal });
      this.#tracks.follow(this.#stream);
      if (this.#tracks.isEmpty) this.#onEnd(); // gone meanwhile
      return new CaptureSource({
        label: labelOf(this.#stream) || "Microphone",
        context: this.#context,
        input: this.#tracks,
        sound: this.#sound,
        ended: this.#ended.promise,
        release: () => this.#release(),
      });
    } catch (error) {
      await this.#release();
      throw error;
    }
  }

  async #release() {
    this.#left.abort();
    clearTimeout(this.#again);
    this.#tracks.disconnect();
    stopTracks(this.#stream);
    await closeContext(this.#context);
  }

  #onEnd() {
    this.#lost = true;
    if (performance.now() - this.#takenAtMs > AGAIN_MS) this.#follow();
    else this.#again = setTimeout(() => this.#follow(), AGAIN_MS);
  }

  /** Look for a better device, after those that were looked for before. */
  #follow() {
    this.#turn = this.#turn.then(() => this.#change());
  }

  async #change() {
    clearTimeout(this.#again);
    if (this.#left.signal.aborted) return;
    const devices = await listMicrophones().catch(() => []);
    const group = groupOfDefault(devices);
    if (!this.#lost && !this.#isBetter(devices, group)) return;
    try {
      const stream = await this.#askForBest();
      if (this.#left.signal.aborted) stopTracks(stream);
      else this.#take(stream, group);
    } catch (error) {
      const problem = microphoneProblem(error);
      if (problem.code === "not_allowed") {
        this.#ended.reject(problem);
      } else if (this.#lost && !this.#left.signal.aborted) {
        this.#sound.hinder("disconnected", DISCONNECTED_SENTENCE);
        this.#again = setTimeout(() => this.#follow(), AGAIN_MS);
      }
    }
  }

  /**
   * Whether there is one that is rather heard than the present one.
   *
   * @param {MediaDeviceInfo[]} devices
   * @param {string} group of the default one
   */
  #isBetter(devices, group) {
    if (this.#tracks.isMuted) return true; // some systems mute a device that is gone
    if (!this.#wanted) return group !== "" && group !== this.#defaultGroup;
    const [track] = this.#stream.getAudioTracks();
    const present = track.getSettings().deviceId;
    return present !== this.#wanted && devices.some(({ deviceId }) => deviceId === this.#wanted);
  }

  /** The chosen one, else that of the system. */
  async #askForBest() {
    if (!this.#wanted) return ask("");
    try {
      return await ask(this.#wanted);
    } catch (error) {
      if (microphoneProblem(error).code === "not_allowed") throw error;
      return ask("");
    }
  }

  /**
   * @param {MediaStream} stream
   * @param {string} group of the default device
   */
  #take(stream, group) {
    const before = labelOf(this.#stream);
    stopTracks(this.#stream);
    this.#takenAtMs = performance.now();
    this.#lost = true;
    try {
      this.#tracks.follow(stream);
    } catch (error) {
      stopTracks(stream); // Firefox lets nobody hear a device whose rate is not the context's
      throw error;
    }
    this.#stream = stream;
    this.#lost = this.#tracks.isEmpty;
    this.#defaultGroup = group;
    this.#sound.free("disconnected");
    const label = labelOf(stream);
    if (label !== before) {
      this.#sound.inform(
        "other_microphone",
        `The microphone has changed. Captions continue with “${label}”.`,
      );
    }
  }
}

/**
 * @param {MediaDeviceInfo[]} devices
 * @returns {string} empty where the browser does not tell
 */
function groupOfDefault(devices) {
  return devices.find(({ deviceId }) => deviceId === DEFAULT)?.groupId ?? "";
}

/** @param {MediaStream} stream */
function labelOf(stream) {
  return stream.getAudioTracks()[0]?.label ?? "";
}

/** @param {MediaStream} stream */
function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/**
 * Where the sound comes from. Types: sources.d.ts.
 *
 * @typedef {import("./sources.js").Source} Source
 */

import { CaptureSource, captureContext, closeContext } from "./capture.js";
import { Deferred } from "./deferred.js";
import { AS_IT_IS } from "./microphone.js";
import { displayProblem, Problem } from "./problems.js";
import { Sound } from "./sound.js";
import { Tracks } from "./tracks.js";

export { openElement } from "./element.js";
export { listMicrophones, openMicrophone } from "./microphone.js";
export { openRecording } from "./recording.js";
export { openSamples } from "./samples-source.js";

/** @returns {Promise<Source>} */
export async function openDisplayAudio() {
  if (!navigator.mediaDevices?.getDisplayMedia) throw displayProblem("unsupported");
  const stream = await askForDisplay();
  if (!stream.getAudioTracks().length) {
    stopTracks(stream);
    throw displayProblem("no_audio_shared");
  }
  for (const video of stream.getVideoTracks()) video.stop();
  try {
    const [{ label }] = stream.getAudioTracks();
    return await capture(stream, label || "Shared sound", () => stopTracks(stream));
  } catch (error) {
    stopTracks(stream);
    throw error;
  }
}

/**
 * @param {MediaStream} stream
 * @param {string} [label]
 * @returns {Promise<Source>}
 */
export async function openStream(stream, label) {
  if (!stream.getAudioTracks().length) {
    throw new Problem("This stream has no sound. Use one with an audio track.", "no_audio");
  }
  return capture(stream, label ?? "Stream", () => {});
}

/** @returns {Promise<MediaStream>} */
async function askForDisplay() {
  // Browsers share sound only beside a picture. `systemAudio` offers that of the whole machine.
  const wanted = { audio: AS_IT_IS, video: true, systemAudio: "include" };
  try {
    return await navigator.mediaDevices.getDisplayMedia(wanted);
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    throw displayProblem(name === "NotAllowedError" ? "not_allowed" : "failed", error);
  }
}

/**
 * @param {MediaStream} stream
 * @param {string} label
 * @param {() => void} release
 * @returns {Promise<Source>}
 */
async function capture(stream, label, release) {
  const context = await captureContext();
  /** @type {Deferred<void>} */
  const ended = new Deferred();
  const sound = new Sound();
  const tracks = new Tracks(context, { sound, onEmpty: ended.resolve });
  const releaseAll = async () => {
    tracks.disconnect();
    release();
    await closeContext(context);
  };
  try {
    tracks.follow(stream);
    if (tracks.isEmpty) ended.resolve(); // all have ended meanwhile
    return new CaptureSource({
      label,
      context,
      sound,
      input: tracks,
      ended: ended.promise,
      onFrame: () => tracks.refresh(),
      release: releaseAll,
    });
  } catch (error) {
    await releaseAll();
    throw error;
  }
}

/** @param {MediaStream} stream */
function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/**
 * Where the sound comes from. Types: sources.d.ts.
 *
 * @typedef {import("./sources.js").Source} Source
 */

import { CaptureSource, captureContext } from "./capture.js";
import { Deferred } from "./deferred.js";
import { displayProblem, insecurePageProblem, microphoneProblem, Problem } from "./problems.js";

export { openElement } from "./element.js";
export { openRecording } from "./recording.js";
export { openSamples } from "./samples-source.js";

// Echo cancellation and noise suppression are made for calls; they cost recognition accuracy.
const AS_IT_IS = { echoCancellation: false, noiseSuppression: false };

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
  const stream = await askForMicrophone(deviceId);
  const disconnected = "The microphone was disconnected. Connect one, then press Start again.";
  return captureOwn(stream, "Microphone", new Problem(disconnected, "disconnected"));
}

/** @returns {Promise<Source>} */
export async function openDisplayAudio() {
  if (!navigator.mediaDevices?.getDisplayMedia) throw displayProblem("unsupported");
  const stream = await askForDisplay();
  if (!stream.getAudioTracks().length) {
    stopTracks(stream);
    throw displayProblem("no_audio_shared");
  }
  for (const video of stream.getVideoTracks()) video.stop();
  return captureOwn(stream, "Shared sound");
}

/**
 * @param {MediaStream} stream
 * @param {string} [label]
 * @returns {Promise<Source>}
 */
export async function openStream(stream, label) {
  if (!stream.getAudioTracks().length) {
    throw new Problem("This stream has no sound. Give one with an audio track.", "no_audio");
  }
  return capture(stream, label ?? "Stream", undefined, () => {});
}

/**
 * @param {string} deviceId empty for the default device
 * @returns {Promise<MediaStream>}
 */
async function askForMicrophone(deviceId) {
  /** @type {MediaTrackConstraints} */
  const audio = { channelCount: 1, ...AS_IT_IS };
  if (deviceId) audio.deviceId = { exact: deviceId };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw microphoneProblem(error);
  }
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
 * @param {MediaStream} stream to be stopped with the source
 * @param {string} label    where the track has none
 * @param {Problem} [lost]  why the track ends, where that is no regular end
 */
async function captureOwn(stream, label, lost) {
  const [track] = stream.getAudioTracks();
  try {
    return await capture(stream, track.label || label, lost, () => stopTracks(stream));
  } catch (error) {
    stopTracks(stream);
    throw error;
  }
}

/**
 * @param {MediaStream} stream
 * @param {string} label
 * @param {Problem | undefined} lost
 * @param {() => void} release
 * @returns {Promise<Source>}
 */
async function capture(stream, label, lost, release) {
  const context = await captureContext();
  /** @type {Deferred<void>} */
  const ended = new Deferred();
  const left = new AbortController();
  const [track] = stream.getAudioTracks();
  const onEnd = () => (lost ? ended.reject(lost) : ended.resolve());
  track.addEventListener("ended", onEnd, { signal: left.signal });
  if (track.readyState === "ended") onEnd();
  return new CaptureSource({
    label,
    context,
    input: context.createMediaStreamSource(stream),
    ended: ended.promise,
    release: async () => {
      left.abort();
      release();
      await context.close();
    },
  });
}

/** @param {MediaStream} stream */
function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}

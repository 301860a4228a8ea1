/**
 * Where the sound comes from: a microphone, or a recording played at the pace of life.
 *
 * @typedef {import("./capture-worklet.js").Frame} Frame
 *
 * @typedef {object} Source
 * @property {number} sampleRate Hz, of the frames
 * @property {string} label      for people
 * @property {number} durationMs of a recording; Infinity for a microphone
 * @property {(onFrame: (frame: Frame) => void) => void} start
 * @property {() => Promise<void>} stop resolves after the last frame
 * @property {(audible: boolean) => void} setAudible play a recording aloud or not
 * @property {Promise<void>} ended      resolves at the end of a recording; rejects with a Problem
 */

import { FRAME_MS, PcmFramer } from "./capture-worklet.js";
import { insecurePageProblem, microphoneProblem, Problem } from "./problems.js";

/** Highest rate of the protocol; a device above it is asked for a common lower one. */
const MAX_SAMPLE_RATE = 96_000;
/** Recordings are decoded at the rate of speech models: less memory, nothing lost for captions. */
const RECORDING_SAMPLE_RATE = 16_000;
/** Decoding holds the whole recording in memory. */
const MAX_FILE_BYTES = 300 * 1024 * 1024;
/** How long to wait for the worklet's last frame when the device may be gone. */
const LAST_FRAME_TIMEOUT_MS = 500;

/** @returns {Promise<MediaDeviceInfo[]>} labels are empty until the microphone was allowed once */
export async function listMicrophones() {
  if (!navigator.mediaDevices) return [];
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === "audioinput" && device.deviceId !== "");
}

/**
 * @param {string} deviceId empty for the default device
 * @returns {Promise<Source>}
 */
export async function openMicrophone(deviceId) {
  if (!navigator.mediaDevices) throw insecurePageProblem();
  const stream = await askForMicrophone(deviceId);
  try {
    return new MicrophoneSource(stream, await captureContext());
  } catch (error) {
    for (const track of stream.getTracks()) track.stop();
    throw error;
  }
}

/**
 * @param {Blob} blob
 * @param {string} label
 * @param {boolean} audible
 * @returns {Promise<RecordingSource>}
 */
export async function openRecording(blob, label, audible) {
  if (blob.size > MAX_FILE_BYTES) {
    throw new Problem(
      "This file is too large to decode in a browser (over 300 MB). Choose a shorter one, or run " +
        "“surtitle caption FILE” in a terminal.",
    );
  }
  return new RecordingSource(await decode(blob, label), label, audible);
}

/** @param {boolean} audible */
export async function openSample(audible) {
  const response = await fetch(new URL("../sample.flac", import.meta.url)).catch(() => null);
  if (!response?.ok) {
    throw new Problem("The sample could not be fetched. Check that the server is running.");
  }
  return openRecording(await response.blob(), "Sample", audible);
}

/**
 * @param {string} deviceId
 * @returns {Promise<MediaStream>}
 */
async function askForMicrophone(deviceId) {
  // Echo cancellation and noise suppression are made for calls; they cost recognition accuracy.
  /** @type {MediaTrackConstraints} */
  const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false };
  if (deviceId) audio.deviceId = { exact: deviceId };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw microphoneProblem(error);
  }
}

/** A context at the device's own rate, with the capture processor loaded. */
async function captureContext() {
  let context = new AudioContext({ latencyHint: "interactive" });
  if (context.sampleRate > MAX_SAMPLE_RATE) {
    await context.close();
    context = new AudioContext({ latencyHint: "interactive", sampleRate: 48_000 });
  }
  try {
    await context.audioWorklet.addModule(new URL("capture-worklet.js", import.meta.url));
  } catch {
    throw new Problem("A part of this page could not be fetched. Check that the server is running.");
  }
  await context.resume();
  return context;
}

/** @implements {Source} */
class MicrophoneSource {
  durationMs = Infinity;

  /**
   * @param {MediaStream} stream
   * @param {AudioContext} context
   */
  constructor(stream, context) {
    const [track] = stream.getAudioTracks();
    this.label = track.label || "Microphone";
    this.sampleRate = context.sampleRate;
    this.stream = stream;
    this.context = context;
    this.input = context.createMediaStreamSource(stream);
    this.capture = new AudioWorkletNode(context, "surtitle-capture", {
      numberOfInputs: 1,
      channelCount: 1,
      channelCountMode: "explicit",
      channelInterpretation: "speakers", // stereo microphones are mixed down, not cut to the left
    });
    this.ended = new Promise((_, reject) => {
      track.addEventListener("ended", () => {
        reject(new Problem("The microphone was disconnected. Connect one, then press Start again."));
      });
    });
    this.ended.catch(() => {}); // nobody may be waiting yet
  }

  /** @param {(frame: Frame) => void} onFrame */
  start(onFrame) {
    this.capture.port.onmessage = ({ data }) => data && onFrame(data);
    this.input.connect(this.capture);
    // The processor writes no output, so this is silent; a node that leads nowhere may not be run.
    this.capture.connect(this.context.destination);
  }

  setAudible() {} // a microphone is never played back: it would howl

  async stop() {
    await this.#lastFrame();
    for (const track of this.stream.getTracks()) track.stop();
    await this.context.close();
  }

  /** @returns {Promise<void>} */
  #lastFrame() {
    return new Promise((resolve) => {
      setTimeout(resolve, LAST_FRAME_TIMEOUT_MS);
      const { port } = this.capture;
      port.addEventListener("message", ({ data }) => data === null && resolve());
      port.start();
      port.postMessage("finish");
    });
  }
}

/**
 * @param {Blob} blob
 * @param {string} label
 * @returns {Promise<AudioBuffer>}
 */
async function decode(blob, label) {
  const decoder = new OfflineAudioContext(1, 1, RECORDING_SAMPLE_RATE);
  try {
    return await decoder.decodeAudioData(await blob.arrayBuffer());
  } catch {
    throw new Problem(
      `This browser cannot decode “${label}”. Choose a sound file such as WAV, FLAC, MP3, M4A or Opus.`,
    );
  }
}

/**
 * A decoded recording, sent as if it were spoken now. Its frames come from the decoded samples and
 * not from a capture of the playback, so every run sends the same bytes, on pages without a secure
 * origin (which have no AudioWorklet) too.
 *
 * @implements {Source}
 */
class RecordingSource {
  /**
   * @param {AudioBuffer} buffer
   * @param {string} label
   * @param {boolean} audible
   */
  constructor(buffer, label, audible) {
    this.label = label;
    this.sampleRate = buffer.sampleRate;
    this.durationMs = buffer.duration * 1000;
    this.frames = framesOf(buffer);
    this.sent = 0;
    this.timer = 0;
    this.player = new Player(buffer, audible);
    /** @type {() => void} */
    this.end = () => {};
    this.ended = new Promise((resolve) => {
      this.end = () => resolve(undefined);
    });
  }

  /** @param {(frame: Frame) => void} onFrame */
  start(onFrame) {
    const startedAt = performance.now();
    // A hidden page's timers are slowed down; then several frames are due at once, none is lost.
    this.timer = window.setInterval(() => {
      const due = Math.floor((performance.now() - startedAt) / FRAME_MS);
      while (this.sent < Math.min(due, this.frames.length)) onFrame(this.frames[this.sent++]);
      if (this.sent === this.frames.length) this.#finish();
    }, FRAME_MS / 2);
    this.player.start();
  }

  async stop() {
    this.#finish();
    await this.player.close();
  }

  /** @param {boolean} audible */
  setAudible(audible) {
    this.player.setAudible(audible);
  }

  #finish() {
    clearInterval(this.timer);
    this.end();
  }
}

/**
 * @param {AudioBuffer} buffer
 * @returns {Frame[]}
 */
function framesOf(buffer) {
  /** @type {Frame[]} */
  const frames = [];
  const framer = new PcmFramer(buffer.sampleRate, (frame) => frames.push(frame));
  framer.push(mixDown(buffer));
  framer.flush();
  return frames;
}

/** @param {AudioBuffer} buffer */
function mixDown(buffer) {
  if (buffer.numberOfChannels === 1) return buffer.getChannelData(0);
  const mono = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const samples = buffer.getChannelData(channel);
    for (let i = 0; i < mono.length; i++) mono[i] += samples[i] / buffer.numberOfChannels;
  }
  return mono;
}

/** The audible side of a recording. */
class Player {
  /**
   * @param {AudioBuffer} buffer
   * @param {boolean} audible
   */
  constructor(buffer, audible) {
    this.context = new AudioContext();
    this.volume = this.context.createGain();
    this.volume.connect(this.context.destination);
    this.playback = this.context.createBufferSource();
    this.playback.buffer = buffer;
    this.playback.connect(this.volume);
    this.setAudible(audible);
  }

  start() {
    this.playback.start();
  }

  /** @param {boolean} audible */
  setAudible(audible) {
    this.volume.gain.value = audible ? 1 : 0;
  }

  async close() {
    if (this.context.state !== "closed") await this.context.close();
  }
}

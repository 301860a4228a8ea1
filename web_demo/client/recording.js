/**
 * A recording, decoded by the browser.
 *
 * @typedef {import("./sources.js").Frame} Frame
 * @typedef {import("./sources.js").Source} Source
 */

import { Problem } from "./problems.js";
import { SamplesSource } from "./samples-source.js";

/** Recordings are decoded at the rate of speech models: less memory, nothing lost for captions. */
const RECORDING_SAMPLE_RATE = 16_000;
/** Decoding holds the whole recording in memory. */
const MAX_FILE_BYTES = 300 * 1024 * 1024;

/**
 * @param {Blob} blob
 * @param {string} [label]
 * @param {boolean} [audible]
 * @returns {Promise<Source>}
 */
export async function openRecording(blob, label = "Recording", audible = false) {
  if (blob.size > MAX_FILE_BYTES) {
    throw new Problem(
      "This file is too large to decode in a browser (over 300 MB). Choose a shorter one, or run " +
        "“surtitle caption FILE” in a terminal.",
      "too_large",
    );
  }
  return new RecordingSource(await decode(blob, label), label, audible);
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
      "not_decodable",
    );
  }
}

/**
 * Its frames come from the decoded samples and not from a capture of the playback, so every run sends the
 * same bytes, on pages without a secure origin (which have no AudioWorklet) too.
 */
class RecordingSource extends SamplesSource {
  #player;

  /**
   * @param {AudioBuffer} buffer
   * @param {string} label
   * @param {boolean} audible
   */
  constructor(buffer, label, audible) {
    super(mixDown(buffer), buffer.sampleRate, label);
    this.#player = new Player(buffer, audible);
  }

  /** @param {(frame: Frame) => void} onFrame */
  start(onFrame) {
    super.start(onFrame);
    this.#player.start();
  }

  async stop() {
    await super.stop();
    await this.#player.close();
  }

  /** @param {boolean} audible */
  setAudible(audible) {
    this.#player.setAudible(audible);
  }
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
  #context = new AudioContext();
  #volume = this.#context.createGain();
  #playback = this.#context.createBufferSource();

  /**
   * @param {AudioBuffer} buffer
   * @param {boolean} audible
   */
  constructor(buffer, audible) {
    this.#volume.connect(this.#context.destination);
    this.#playback.buffer = buffer;
    this.#playback.connect(this.#volume);
    this.setAudible(audible);
  }

  start() {
    this.#playback.start();
  }

  /** @param {boolean} audible */
  setAudible(audible) {
    this.#volume.gain.value = audible ? 1 : 0;
  }

  async close() {
    if (this.#context.state !== "closed") await this.#context.close();
  }
}

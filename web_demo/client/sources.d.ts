/**
 * Where the sound comes from: types of `sources.js`. All but `openSamples` and `openRecording` need a browser. Errors are
 * `Problem`s, whose sentences are fit to show.
 */

/** 100 ms of sound, the last one of a source less. */
export interface Frame {
  samples: Int16Array<ArrayBuffer>;
  /** Root mean square of the samples, 0 to 1. */
  rms: number;
  /** Largest magnitude of the samples, 0 to 1. */
  peak: number;
}

/** That a source is not heard any more though it has not ended, is heard again, or has changed. */
export interface SoundNotice {
  /** Whether sound comes. */
  heard: boolean;
  /** What is the matter; "" where nothing is. docs/javascript.md names the codes. */
  code: string;
  /** A sentence for people; "" where nothing is the matter. */
  message: string;
}

/** Sound, mono, in frames. Whoever makes one of their own may give frames of any size. */
export interface Source {
  /** Hz, of the frames. */
  readonly sampleRate: number;
  /** For people. */
  readonly label: string;
  /** Of a recording; Infinity where nobody knows. */
  readonly durationMs: number;
  /** Resolves at the end of the sound; rejects with a Problem when it broke off. */
  readonly ended: Promise<void>;
  /** `onSound` is for sources that may fall silent without having ended. */
  start(onFrame: (frame: Frame) => void, onSound?: (notice: SoundNotice) => void): void;
  /** Let go of everything. Resolves after the last frame. */
  stop(): Promise<void>;
  /** Let an element be heard, or not. */
  setAudible(audible: boolean): void;
}

/** The names of the devices are empty until the microphone was allowed once. */
export function listMicrophones(): Promise<MediaDeviceInfo[]>;

/**
 * Without a device, the default one. A microphone that goes away is replaced by the system's, or waited for;
 * the chosen one is taken again when it is back.
 */
export function openMicrophone(deviceId?: string): Promise<Source>;

/**
 * The sound of a tab, a window or the whole machine, as the person chooses in the browser's dialog. To be
 * called in a handler of a click or key. Chromium has this (and Electron, see docs/javascript.md); other
 * browsers share no sound, and the Problem says so.
 */
export function openDisplayAudio(): Promise<Source>;

/**
 * A stream of yours, of a call for example: all its audio tracks together, those that come later too. The
 * source ends when all have ended. The tracks go on when the source is stopped.
 */
export function openStream(stream: MediaStream, label?: string): Promise<Source>;

/**
 * What an `<audio>` or `<video>` plays, while it plays; start it yourself. What it plays next is heard too:
 * the source ends when nothing new has begun `nextWithinMs` after an end, 2000 unless given. With Infinity
 * it ends when it is stopped.
 */
export function openElement(
  element: HTMLMediaElement,
  options?: { nextWithinMs?: number },
): Promise<Source>;

/**
 * Part of a recording, as it is. `rms` and `peak` come ten times a second: of what is played then, and not
 * of the bytes.
 */
export interface EncodedFrame {
  data: Blob;
  rms?: number;
  peak?: number;
}

/** A recording that the server decodes. */
export interface EncodedSource {
  readonly encoding: "auto";
  /** Bytes. */
  readonly size: number;
  readonly label: string;
  /** Infinity where nobody knows. */
  readonly durationMs: number;
  /** Resolves when all is sent and played; rejects with a Problem when the recording cannot be read. */
  readonly ended: Promise<void>;
  /** The next frame comes when what `onFrame` returns is settled. */
  start(onFrame: (frame: EncodedFrame) => unknown, onSound?: (notice: SoundNotice) => void): void;
  stop(): Promise<void>;
  setAudible(audible: boolean): void;
}

/**
 * A file with sound, of any size and any format that the server decodes. A browser that can play it does so
 * (silently, unless `audible`), and the bytes go at that pace; otherwise, and in Node, as fast as the server
 * takes them. A file is read as it is sent, and not held in memory.
 */
export function openRecording(
  blob: Blob,
  label?: string,
  audible?: boolean,
): Promise<EncodedSource>;

/**
 * Samples that are there already, sent at the pace of life, or `pace` times as fast. Several `channels` are
 * interleaved, and mixed down to one. Works in Node too.
 */
export function openSamples(
  samples: Int16Array | Float32Array,
  sampleRate: number,
  options?: { label?: string; pace?: number; channels?: number },
): Source;

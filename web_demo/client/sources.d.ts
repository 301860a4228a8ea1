/**
 * Where the sound comes from: types of `sources.js`. All but `openSamples` need a browser. Errors are
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
  /** Let a recording or an element be heard, or not. */
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

/** A file with sound, decoded by the browser (300 MB at most) and sent at the pace of life. */
export function openRecording(blob: Blob, label?: string, audible?: boolean): Promise<Source>;

/**
 * Mono samples that are there already, sent at the pace of life, or `pace` times as fast. Works in Node too.
 */
export function openSamples(
  samples: Int16Array | Float32Array,
  sampleRate: number,
  options?: { label?: string; pace?: number },
): Source;

/**
 * Where the sound comes from: types of `sources.js`. All but `openSamples` and `openRecording` need a
 * browser. Errors are `Problem`s, whose sentences can be shown to users.
 */

/** 100 ms of sound; the last frame of a source may be shorter. */
export interface Frame {
  samples: Int16Array<ArrayBuffer>;
  /** Root mean square of the samples, 0 to 1. */
  rms: number;
  /** Largest magnitude of the samples, 0 to 1. */
  peak: number;
}

/** Reports that the sound has stopped although its source has not ended, has returned, or has changed. */
export interface SoundNotice {
  /** Whether there is sound. */
  heard: boolean;
  /** The kind of problem; "" if there is none. docs/javascript.md lists the codes. */
  code: string;
  /** A sentence for people; "" if there is no problem. */
  message: string;
}

/** Mono sound in frames. Your own source may use frames of any size. */
export interface Source {
  /** Hz, of the frames. */
  readonly sampleRate: number;
  /** For people. */
  readonly label: string;
  /** The length of a recording; Infinity if it is unknown. */
  readonly durationMs: number;
  /** Resolves at the end of the sound; rejects with a Problem if it breaks off. */
  readonly ended: Promise<void>;
  /**
   * A source that can wait gives the next frame when the promise that `onFrame` returns is settled: then
   * nothing is lost, however long the server is away. `onSound` is for sources whose sound may stop without
   * having ended.
   */
  start(onFrame: (frame: Frame) => unknown, onSound?: (notice: SoundNotice) => void): void;
  /** Release everything. Resolves after the last frame, each time it is called. */
  stop(): Promise<void>;
  /** Whether an element is audible. */
  setAudible(audible: boolean): void;
}

/** The names of the devices are empty until the microphone has been allowed once. */
export function listMicrophones(): Promise<MediaDeviceInfo[]>;

/**
 * Without a device, the default one. A microphone that disappears is replaced by the system's, or waited for;
 * the chosen one is used again when it is back.
 */
export function openMicrophone(deviceId?: string): Promise<Source>;

/**
 * The sound of a tab, a window or the whole machine, as the user chooses in the browser's dialog. Call it in
 * a click or key handler. Chromium supports this (and Electron, see docs/javascript.md); other browsers
 * cannot share sound, and the Problem says so.
 */
export function openDisplayAudio(): Promise<Source>;

/**
 * Your own stream, for example of a call: all its audio tracks together, including those added later. The
 * source ends when all have ended. Stopping the source does not stop the tracks.
 */
export function openStream(stream: MediaStream, label?: string): Promise<Source>;

/**
 * What an `<audio>` or `<video>` plays, while it plays; start it yourself. What it plays next is included:
 * the source ends if nothing new begins within `nextWithinMs` after playback ends, 2000 by default. With
 * Infinity, it ends when it is stopped. An element that has no source yet is waited for, until `signal` is
 * aborted.
 */
export function openElement(
  element: HTMLMediaElement,
  options?: { nextWithinMs?: number; signal?: AbortSignal },
): Promise<Source>;

/**
 * Part of a recording, as it is. `rms` and `peak` come ten times a second, for the sound played at that
 * moment, not for the bytes.
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
  /** Infinity if it is unknown. */
  readonly durationMs: number;
  /** Resolves when everything is sent and played; rejects with a Problem if the recording cannot be read. */
  readonly ended: Promise<void>;
  /** The next frame comes when the promise that `onFrame` returns is settled. */
  start(onFrame: (frame: EncodedFrame) => unknown, onSound?: (notice: SoundNotice) => void): void;
  stop(): Promise<void>;
  setAudible(audible: boolean): void;
}

/**
 * A file with sound, of any size and any format that the server decodes. A browser that can play it does so
 * (silently, unless `audible`), and the data is sent at that pace; otherwise, and in Node.js, as fast as the
 * server accepts it. A file is read as it is sent, and not kept in memory.
 */
export function openRecording(blob: Blob, label?: string, audible?: boolean): Promise<EncodedSource>;

/**
 * Existing samples of 8000 to 96000 Hz, sent in real time, or `pace` times as fast; while the server cannot
 * follow or is away, they wait. Several `channels` are interleaved, and mixed down to one. Also works in
 * Node.js.
 */
export function openSamples(
  samples: Int16Array | Float32Array,
  sampleRate: number,
  options?: { label?: string; pace?: number; channels?: number },
): Source;

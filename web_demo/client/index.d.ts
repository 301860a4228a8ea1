/** Surtitle's client library: types of `index.js`. */

import type { Frame } from "./sources.js";

export * from "./client.js";
export {
  type EncodedFrame,
  type EncodedSource,
  type Frame,
  type SoundNotice,
  type Source,
  listMicrophones,
  openDisplayAudio,
  openElement,
  openMicrophone,
  openRecording,
  openSamples,
  openStream,
} from "./sources.js";
export * from "./viewer.js";

/** Length of a frame, in milliseconds. */
export const FRAME_MS: number;

/** Splits samples, in blocks of any size, into frames; for your own sources. */
export class PcmFramer {
  /** `sampleRate` in Hz. */
  constructor(sampleRate: number, emit: (frame: Frame) => void);
  /** Mono, -1 to 1. */
  push(samples: Float32Array): void;
  /** Emit the remaining samples, even if they are shorter than a frame. */
  flush(): void;
}

/**
 * Where `downmix.js` and `capture-worklet.js` of this package are, for a bundler that does not include them:
 * copy both into a folder of the page. Without that, they are beside the library.
 */
export function loadWorkletsFrom(folder: string | URL): void;

/** Decibels below full scale, -96 to 0, of a `level`'s `rms` or `peak`. */
export function decibels(level: number): number;

/** What TypeScript does not know of AudioWorklet's global scope (W3C Web Audio API, 1.32). */

interface AudioWorkletProcessor {
  readonly port: MessagePort;
}

declare var AudioWorkletProcessor: { prototype: AudioWorkletProcessor; new (): AudioWorkletProcessor };

/** Hz, of the context; in an AudioWorklet alone. */
declare var sampleRate: number;

declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

interface Downmix {
  mix(block: Float32Array[]): Float32Array;
}

/** Of downmix.js, which is loaded before. */
declare var Downmix: { new (channels: number): Downmix };

/** Of the same. */
declare function blockLength(sampleRate: number): number;

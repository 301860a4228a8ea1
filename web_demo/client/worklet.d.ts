/** What TypeScript does not know of AudioWorklet's global scope (W3C Web Audio API, 1.32). */

interface AudioWorkletProcessor {
  readonly port: MessagePort;
}

declare var AudioWorkletProcessor: { prototype: AudioWorkletProcessor; new (): AudioWorkletProcessor };

/** Hz, of the context; in an AudioWorklet alone. */
declare var sampleRate: number;

declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

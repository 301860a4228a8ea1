/**
 * Surtitle client for browsers: types of `client.js`.
 *
 * Times are integers in milliseconds of session audio: 0 is the first sample sent.
 */

/** Fields of the `start` message. Everything has a default on the server. */
export interface StartOptions {
  /** Hz, 8000 to 96000. The server resamples, so declare the rate of the device. Default 16000. */
  sample_rate?: number;
  /** BCP 47, such as "en", or "auto" (the default). */
  language?: string;
  /** What "auto" may choose from. */
  languages?: string[];
  task?: "transcribe" | "translate";
  /** Captions that grow while the person speaks. Default true. */
  partials?: boolean;
  /** Times of single words in `final`. Default false. */
  words?: boolean;
  /** Names and terms to listen for. */
  hotwords?: string[];
  /** Text that comes before, in the style and spelling wanted. */
  prompt?: string;
  /** Silence that ends an utterance, in milliseconds. */
  endpoint_silence_ms?: number;
  /** Longest utterance, in milliseconds; a longer one is cut at its best pause. */
  max_utterance_ms?: number;
}

/** Fields that `update()` may change; they hold from the next utterance on. */
export type UpdateOptions = Pick<
  StartOptions,
  "language" | "languages" | "hotwords" | "prompt" | "partials"
>;

export interface Ready {
  type: "ready";
  seq: number;
  session: string;
  token: string;
  model: string;
  sample_rate: number;
  resume_window_s: number;
  protocol: number;
}

/** An utterance opened. Utterances are numbered 1, 2, 3 … */
export interface Speech {
  type: "speech";
  seq: number;
  utterance: number;
  start_ms: number;
}

/** The caption so far: show `stable + unstable`. `stable` only grows within an utterance. */
export interface PartialCaption {
  type: "partial";
  seq: number;
  utterance: number;
  start_ms: number;
  end_ms: number;
  stable: string;
  unstable: string;
}

export interface Word {
  text: string;
  start_ms: number;
  end_ms: number;
  confidence: number;
}

export interface Final {
  type: "final";
  seq: number;
  utterance: number;
  start_ms: number;
  end_ms: number;
  text: string;
  language: string;
  language_probability: number;
  confidence: number;
  words?: Word[];
}

/** Takes the place of the final: nothing worth a caption was said. */
export interface Suppressed {
  type: "suppressed";
  seq: number;
  utterance: number;
  start_ms: number;
  end_ms: number;
  reason: string;
}

/** Takes the place of the final: the recogniser gave up on this utterance. */
export interface Failed {
  type: "failed";
  seq: number;
  utterance: number;
  start_ms: number;
  end_ms: number;
  code: string;
  message: string;
}

export interface Status {
  type: "status";
  seq: number;
  state: "normal" | "recovering" | "overloaded" | "draining";
  message: string;
}

/** Bytes of audio payload received, and how many of them need never be sent again. */
export interface Ack {
  type: "ack";
  received: number;
  safe: number;
}

export interface ServerError {
  type: "error";
  seq: number;
  code: string;
  message: string;
  fatal: boolean;
}

/** The account of the session; the four parts add up to `audio_ms`. */
export interface Ended {
  type: "ended";
  seq: number;
  audio_ms: number;
  captioned_ms: number;
  silence_ms: number;
  suppressed_ms: number;
  failed_ms: number;
  utterances: number;
}

export type ServerMessage =
  | Ready
  | Speech
  | PartialCaption
  | Final
  | Suppressed
  | Failed
  | Status
  | Ack
  | ServerError
  | Ended;

export type ClientState =
  | "idle"
  | "connecting"
  | "ready"
  | "recovering"
  | "overloaded"
  | "draining"
  | "ended"
  | "closed";

export interface StateChange {
  state: ClientState;
  /** A sentence for people; empty where the state says it all. */
  message: string;
  /** Why the connection is gone; only with `closed`. */
  error?: CaptionError;
}

/** Why there is no (or no longer a) connection. `message` is a sentence a person can act on. */
export class CaptionError extends Error {
  constructor(code: string, message: string);
  /** A code of the server's `error`, else "unreachable", "refused", "closed_NNNN" or "closed". */
  readonly code: string;
}

/** Event name -> what `event.detail` holds. */
export interface CaptionEvents {
  /** The client's state changed. */
  state: StateChange;
  /** Every message, also of types this client does not know. */
  message: ServerMessage;
  ready: Ready;
  speech: Speech;
  partial: PartialCaption;
  final: Final;
  suppressed: Suppressed;
  failed: Failed;
  status: Status;
  ack: Ack;
  error: ServerError;
  ended: Ended;
}

/** One session: connect once, send audio, receive captions, stop. */
export class CaptionClient extends EventTarget {
  /** `url`: of `/v1/captions`, with ws(s): or http(s):. */
  constructor(url: string | URL, start?: StartOptions);

  readonly state: ClientState;
  /** What the server said when the session began, or null before that. */
  readonly ready: Ready | null;
  /** Audio handed to `send()` that has not left this machine yet, in milliseconds. */
  readonly backlogMs: number;

  /** Resolves when the session is ready for audio; rejects with a CaptionError. */
  connect(): Promise<Ready>;
  /** Send mono samples at `sample_rate`. False when there is no open connection to take them. */
  send(samples: Int16Array): boolean;
  /** End the open utterance now. */
  flush(): void;
  update(options: UpdateOptions): void;
  /** No more audio. Resolves when the last caption has come; rejects with a CaptionError. */
  stop(): Promise<Ended>;
  /** Leave at once, without waiting for captions. */
  close(): void;

  addEventListener<K extends keyof CaptionEvents>(
    type: K,
    listener: (event: CustomEvent<CaptionEvents[K]>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof CaptionEvents>(
    type: K,
    listener: (event: CustomEvent<CaptionEvents[K]>) => void,
    options?: boolean | EventListenerOptions,
  ): void;
}

/**
 * Surtitle's client: types of `client.js`.
 *
 * Times are integers in milliseconds of all audio given to `send()`: 0 is its first sample. Times and
 * utterance numbers go on where the server had to begin a new session.
 */

/** Fields of the `start` message. Everything has a default on the server. */
export interface StartOptions {
  /** Hz, 8000 to 96000. The server resamples, so declare the rate of the device. Default 16000. */
  sample_rate?: number;
  /** BCP 47, such as "en", or "auto". Without it the server's own setting holds. */
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
  /** Set by the source; samples are "pcm_s16le". */
  encoding?: "pcm_s16le" | "auto";
  /** Publish the captions under this name: 1 to 64 of A-Z, a-z, 0-9, `_` and `-`. */
  channel?: string;
}

/** Fields that `update()` may change; they hold from the next utterance on. */
export type UpdateOptions = Pick<
  StartOptions,
  "language" | "languages" | "hotwords" | "prompt" | "partials"
>;

import type { TypedEventTarget } from "./events.js";
import type { EncodedSource, SoundNotice, Source } from "./sources.js";

/** How a client deals with connections that break. */
export interface ClientOptions {
  /**
   * How long a server that is gone is tried again, in milliseconds. Default 120000. With 0 a
   * connection that breaks is the end.
   */
  patienceMs?: number;
  /**
   * Audio without an answer that is kept to be sent again, in milliseconds. Default 120000, which is
   * 12 MB at 48 kHz. What is older is dropped, and told as a `gap` if the server turns out to need it.
   */
  keepMs?: number;
  /**
   * The token for a server that asks for one (see `surtitle token`). Asked for at each connection, so
   * that a long stream can have a fresh one when it needs it.
   */
  access?: Access;
  /** Where there is none of the platform's own (Node before version 22), that of the package `ws`. */
  WebSocket?: WebSocketConstructor;
}

/** Gives the token for the server, at once or later; "" for none. */
export type Access = () => string | Promise<string>;

/** What is needed of a WebSocket: that of a browser, of Node, of the packages `ws` and `undici`. */
export interface WebSocketLike {
  readonly bufferedAmount: number;
  send(data: string | Uint8Array<ArrayBuffer> | Blob): void;
  close(code?: number): void;
  // The event types of the implementations differ; what is read of them is `data` and `code`.
  addEventListener(
    type: "open" | "message" | "error" | "close",
    listener: (event: any) => void,
  ): void;
}

export interface CaptionOptions {
  /** Aborted, it ends the sound; the captions of what was said still come. */
  signal?: AbortSignal;
}

export type WebSocketConstructor = new (
  url: string | URL,
  protocols?: string | string[],
) => WebSocketLike;

/** The greeting of a session; another one comes where the server has lost the session before. */
export interface Ready {
  type: "ready";
  seq: number;
  session: string;
  token: string;
  model: string;
  sample_rate: number;
  resume_window_s: number;
  protocol: number;
  /** Codes of the languages that the model knows. */
  languages: string[];
  /** The channel that the session is published under, where it is. */
  channel?: string;
  /** For its audience, where the server asks for tokens: allows to watch this channel, nothing else. */
  watch_token?: string;
}

/** The session goes on after a broken connection. The client sends again what is missing. */
export interface Resumed {
  type: "resumed";
  /** Bytes of audio that the session has received. */
  received: number;
  token: string;
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

/** Bytes of the session's audio received, and how many of them need never be sent again. */
export interface Ack {
  type: "ack";
  received: number;
  safe: number;
  /** How many people watch the channel, where the session has one. */
  viewers?: number;
}

export interface ServerError {
  type: "error";
  seq: number;
  code: string;
  message: string;
  fatal: boolean;
}

/** The account of all sessions; the four parts add up to `audio_ms`. */
export interface Ended {
  type: "ended";
  seq: number;
  audio_ms: number;
  captioned_ms: number;
  silence_ms: number;
  suppressed_ms: number;
  failed_ms: number;
  utterances: number;
  /** How much of a recording could not be decoded; silence stands for it. */
  missing_ms?: number;
}

/** Of a frame of sound; `decibels` makes them fit for a meter. */
export interface Level {
  /** Root mean square, 0 to 1. */
  rms: number;
  /** Largest magnitude, 0 to 1. */
  peak: number;
}

/** Audio that was lost: more came while the connection was away than is kept. */
export interface Gap {
  start_ms: number;
  end_ms: number;
}

export type ServerMessage =
  | Ready
  | Resumed
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
  | "reconnecting"
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

/** What went wrong, where the cause is known. `message` is a sentence a person can act on. */
export class Problem extends Error {
  constructor(message: string, code?: string);
  /** For programs. */
  readonly code: string;
}

/**
 * Why there is no (or no longer a) connection. `code` is one of the server's `error`, else "unreachable",
 * "refused", "no_token", "closed_NNNN" or "closed".
 */
export class CaptionError extends Problem {
  constructor(code: string, message: string);
}

/** Event name -> what `event.detail` holds. */
export interface CaptionEvents {
  /** The client's state changed. */
  state: StateChange;
  /** Every message, also of types this client does not know. */
  message: ServerMessage;
  ready: Ready;
  resumed: Resumed;
  speech: Speech;
  partial: PartialCaption;
  final: Final;
  suppressed: Suppressed;
  failed: Failed;
  status: Status;
  ack: Ack;
  error: ServerError;
  ended: Ended;
  /** Comes from the client itself, so not as a `message`. */
  gap: Gap;
  /** Of each frame that `caption()` and `stream()` send, ten a second. */
  level: Level;
  /** The source of `caption()` or `stream()` is not heard any more, is heard again, or has changed. */
  sound: SoundNotice;
}

/**
 * One stream: connect once, send audio, receive captions, stop.
 *
 * When the connection breaks, the client connects again by itself (state `reconnecting`, then `ready`)
 * and goes on where it was: no caption is lost or comes twice. Where the server has lost the session, the
 * captions of what is not answered yet begin anew after another `ready`: partials before it are void.
 */
export class CaptionClient extends TypedEventTarget<CaptionEvents> {
  /** `url`: of `/v1/captions`, with ws(s): or http(s):. */
  constructor(url: string | URL, start?: StartOptions, options?: ClientOptions);

  readonly state: ClientState;
  /** What the server said when its newest session began, or null before that. */
  readonly ready: Ready | null;
  /**
   * Audio that has not left this machine yet, in milliseconds; 0 for a recording of which nobody knows how
   * long it is.
   */
  readonly backlogMs: number;

  /** Resolves when the session is ready for audio; rejects with a CaptionError. */
  connect(): Promise<Ready>;
  /**
   * Send mono samples at `sample_rate`, or keep a copy of them until there is a connection again. Who
   * sends faster than people speak waits while `backlogMs` is large: it is `keepMs` at most. False
   * before `connect()` and after `stop()`, and when there is no session any more.
   */
  send(samples: Int16Array): boolean;
  /** End the open utterance now. As all that is said, this waits for a connection that is away. */
  flush(): void;
  update(options: UpdateOptions): void;
  /**
   * No more audio. Resolves when the last caption has come; rejects with a CaptionError. Before
   * `connect()` the same as `close()`: this client is of no use any more.
   */
  stop(): Promise<Ended>;
  /** Leave at once, without waiting for captions; the server drops the session. */
  close(): void;

  /**
   * All in one: connect, send the source until it ends or `signal` is aborted, and give every message up
   * to `ended`. `sample_rate` is that of the source. Throws the CaptionError of a session that is lost, and,
   * after the last caption, the Problem of a source that broke off. Whoever leaves the loop early leaves the
   * session. The source is stopped in every case.
   */
  caption(
    source: Source | EncodedSource,
    options?: CaptionOptions,
  ): AsyncGenerator<ServerMessage, void, undefined>;
  /** The same for those who listen to events. Resolves when the last caption has come. */
  stream(source: Source | EncodedSource, options?: CaptionOptions): Promise<Ended>;

  /**
   * The messages from now on until the session has ended, or until `close()`; throws the CaptionError of a
   * session that is lost. A loop that falls behind misses partials and acks, nothing else.
   */
  [Symbol.asyncIterator](): AsyncGenerator<ServerMessage, void, undefined>;
}

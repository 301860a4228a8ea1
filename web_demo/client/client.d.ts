/**
 * Surtitle's client: types of `client.js`.
 *
 * Times are integers in milliseconds of all audio given to `send()`: 0 is its first sample. Times and
 * utterance numbers continue if the server had to begin a new session.
 */

/** Fields of the `start` message. Everything has a default on the server. */
export interface StartOptions {
  /** Hz, 8000 to 96000. The server resamples, so declare the rate of the device. Default 16000. */
  sample_rate?: number;
  /** BCP 47, such as "en", or "auto". Without it, the server's own setting applies. */
  language?: string;
  /** The languages that "auto" may choose from. */
  languages?: string[];
  task?: "transcribe" | "translate";
  /**
   * "file": nobody waits for a caption, so there are no partials, and utterances are as long as the model hears
   * at once. Default "live".
   */
  mode?: "live" | "file";
  /** Captions that grow while the person speaks. Default true. */
  partials?: boolean;
  /** Whether `final` has the time of each word. Default false. */
  words?: boolean;
  /** Whether better texts of finals come afterwards, as `revised`. Default false. */
  revisions?: boolean;
  /** Whether `pause` tells what the final would be, as soon as the speaker pauses. Default false. */
  eager?: boolean;
  /** Names and terms to listen for. */
  hotwords?: string[];
  /** What to write instead of what is heard. */
  replacements?: Record<string, string>;
  /** Preceding text, in the desired style and spelling. */
  prompt?: string;
  /** Silence that ends an utterance, in milliseconds. */
  endpoint_silence_ms?: number;
  /** Maximum length of an utterance, in milliseconds; a longer one is cut at its best pause. */
  max_utterance_ms?: number;
  /** Whether silence ends an utterance. Default true; else only `flush()`, `stop()` and the maximum length do. */
  endpointing?: boolean;
  /**
   * Time without any audio in the middle of an utterance after which it ends, in milliseconds; 0 waits for
   * ever.
   */
  silent_after_ms?: number;
  /** Set by the source; samples are "pcm_s16le". */
  encoding?: "pcm_s16le" | "auto";
  /** Publish the captions in this channel: 1 to 64 of A-Z, a-z, 0-9, `_` and `-`. */
  channel?: string;
  /** False: a server that keeps what is said does not keep this session. */
  archive?: boolean;
}

/** Fields that `update()` may change; they apply from the next utterance on. */
export type UpdateOptions = Pick<
  StartOptions,
  "language" | "languages" | "hotwords" | "prompt" | "partials" | "endpoint_silence_ms" | "endpointing"
>;

import type { TypedEventTarget } from "./events.js";
import type { EncodedSource, SoundNotice, Source } from "./sources.js";

/** How a client handles broken connections. */
export interface ClientOptions {
  /**
   * How long the client tries to reconnect, in milliseconds. Default 120000. With 0, a broken connection ends
   * the session.
   */
  patienceMs?: number;
  /**
   * Amount of unanswered audio that is kept to be sent again, in milliseconds. Default 120000, which is 12 MB
   * at 48 kHz. Older audio is dropped, and reported as a `gap` if the server turns out to need it.
   */
  keepMs?: number;
  /**
   * Returns the token for a server that requires one (see `surtitle token`). Called at each connection, so
   * that a long stream gets a fresh token when it needs one; it may take 15 s.
   */
  access?: Access;
  /** If the platform has none (Node.js before version 22), the WebSocket of the package `ws`. */
  WebSocket?: WebSocketConstructor;
}

/** Returns the token for the server, or a promise of it; "" for none. */
export type Access = () => string | Promise<string>;

/**
 * The required part of a WebSocket; those of browsers, of Node.js and of the packages `ws` and `undici` have
 * it.
 */
export interface WebSocketLike {
  readonly bufferedAmount: number;
  send(data: string | Uint8Array<ArrayBuffer> | Blob): void;
  close(code?: number): void;
  // The event types of the implementations differ; what is read of them is `data` and `code`.
  // biome-ignore lint/suspicious/noExplicitAny: as it says above
  addEventListener(type: "open" | "message" | "error" | "close", listener: (event: any) => void): void;
}

export interface CaptionOptions {
  /** Aborting it ends the sound; the remaining captions still arrive. */
  signal?: AbortSignal;
}

export type WebSocketConstructor = new (
  url: string | URL,
  protocols?: string | string[],
) => WebSocketLike;

/** The greeting of a session; sent again if the server has lost the previous session. */
export interface Ready {
  type: "ready";
  seq: number;
  session: string;
  token: string;
  model: string;
  sample_rate: number;
  resume_window_s: number;
  protocol: number;
  /** Codes of the languages that the model supports. */
  languages: string[];
  /** The channel in which the session publishes, if it does. */
  channel?: string;
  /** For its audience, if the server requires tokens: permits only watching this channel. */
  watch_token?: string;
  /** For somebody who corrects its captions: permits only watching and correcting this channel. */
  edit_token?: string;
  /** After how many days the server deletes what is said in this session; 0: not by itself. */
  archive_days?: number;
}

/** The session continues after a broken connection. The client resends what is missing. */
export interface Resumed {
  type: "resumed";
  /** Bytes of audio that the session has received. */
  received: number;
  token: string;
}

/** An utterance has begun. Utterances are numbered 1, 2, 3 … */
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

/** The speaker pauses; this would be the final, if the utterance ended here. */
export interface Pause {
  type: "pause";
  seq: number;
  utterance: number;
  start_ms: number;
  end_ms: number;
  text: string;
  /** Whether the text ends a sentence, and the utterance more likely with it. */
  finished: boolean;
  confidence: number;
  words?: Word[];
}

/** The speaker goes on after the last `pause`: its text does not stand. */
export interface PauseOver {
  type: "pause_over";
  seq: number;
  utterance: number;
}

/** Silence, the greatest length (speech goes on in the next utterance), or your `flush`, `discard` or `stop`. */
export type EndedBy = "pause" | "length" | "flush" | "discard" | "stop";

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
  ended_by?: EndedBy;
  words?: Word[];
  /** Who corrected the text, if a person did. */
  by?: string;
}

/**
 * A better text of an utterance whose `final` has come: one at most was decoded together with what was said
 * around it, some seconds later. Any others were written by a person, whom `by` names. `text` may be empty if a
 * word of the utterance before or after it has everything that was heard, or if the person deleted it.
 */
export interface Revised {
  type: "revised";
  seq: number;
  utterance: number;
  start_ms: number;
  end_ms: number;
  text: string;
  confidence: number;
  words?: Word[];
  by?: string;
}

/** Sent instead of the final if the sound yields no caption. */
export interface Suppressed {
  type: "suppressed";
  seq: number;
  utterance: number;
  start_ms: number;
  end_ms: number;
  reason: string;
  ended_by?: EndedBy;
}

/** Sent instead of the final if the recogniser gave up on this utterance. */
export interface Failed {
  type: "failed";
  seq: number;
  utterance: number;
  start_ms: number;
  end_ms: number;
  code: string;
  message: string;
  ended_by?: EndedBy;
}

/** Everything said before your `flush`, at `audio_ms` of the audio, has been answered. */
export interface Flushed {
  type: "flushed";
  seq: number;
  audio_ms: number;
  /** How many flushes it answers: those that came together. */
  flushes: number;
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
  /** Number of viewers of the channel, if the session has one. */
  viewers?: number;
}

export interface ServerError {
  type: "error";
  seq: number;
  code: string;
  message: string;
  fatal: boolean;
}

/** Accounts for the audio of all sessions; the four parts add up to `audio_ms`. */
export interface Ended {
  type: "ended";
  seq: number;
  audio_ms: number;
  captioned_ms: number;
  silence_ms: number;
  suppressed_ms: number;
  failed_ms: number;
  utterances: number;
  /** How much of a recording could not be decoded and was replaced by silence. */
  missing_ms?: number;
}

/** The level of a frame of sound; `decibels` converts it for a meter. */
export interface Level {
  /** Root mean square, 0 to 1. */
  rms: number;
  /** Largest magnitude, 0 to 1. */
  peak: number;
}

/** Audio that was lost, because more arrived during a break of the connection than is kept. */
export interface Gap {
  start_ms: number;
  end_ms: number;
}

export type ServerMessage =
  | Ready
  | Resumed
  | Speech
  | PartialCaption
  | Pause
  | PauseOver
  | Final
  | Revised
  | Suppressed
  | Failed
  | Flushed
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
  /** A sentence for people; empty if the state needs no explanation. */
  message: string;
  /** Why the connection is gone; only for `closed`. */
  error?: CaptionError;
}

/** An error with a known cause. `message` is a sentence that a person can act on. */
export class Problem extends Error {
  constructor(message: string, code?: string);
  /** For programs. */
  readonly code: string;
}

/**
 * Why there is no connection (any longer). `code` is that of the server's `error`, or "unreachable",
 * "refused", "no_token", "no_socket", "closed_NNNN" or "closed".
 */
export class CaptionError extends Problem {
  constructor(code: string, message: string);
}

/** Event name -> content of `event.detail`. */
export interface CaptionEvents {
  /** The client's state changed. */
  state: StateChange;
  /** Every message, including types that this client does not know. */
  message: ServerMessage;
  ready: Ready;
  resumed: Resumed;
  speech: Speech;
  partial: PartialCaption;
  /** These two only if `start` asks for `eager`. */
  pause: Pause;
  pause_over: PauseOver;
  final: Final;
  /** Only if `start` asks for `revisions`. */
  revised: Revised;
  suppressed: Suppressed;
  failed: Failed;
  flushed: Flushed;
  status: Status;
  ack: Ack;
  error: ServerError;
  ended: Ended;
  /** Comes from the client itself, so it is not a `message`. */
  gap: Gap;
  /** For each frame that `caption()` and `stream()` send, ten per second. */
  level: Level;
  /** The sound of `caption()` or `stream()` has stopped, has returned, or has changed its source. */
  sound: SoundNotice;
}

/**
 * One stream: connect once, send audio, receive captions, stop.
 *
 * If the connection breaks, the client reconnects by itself (state `reconnecting`, then `ready`) and
 * continues where it was, without losing or repeating a caption. If the server has lost the session, the
 * captions of unanswered audio start again after another `ready`: partials before it are void.
 */
export class CaptionClient extends TypedEventTarget<CaptionEvents> {
  /** `url`: the address of `/v1/captions`, with ws(s): or http(s):. */
  constructor(url: string | URL, start?: StartOptions, options?: ClientOptions);

  readonly state: ClientState;
  /** The greeting of the newest session, or null before that. */
  readonly ready: Ready | null;
  /** Audio that has not left this machine yet, in milliseconds; 0 for a recording of unknown length. */
  readonly backlogMs: number;

  /**
   * Resolves when the session is ready for audio; rejects with a CaptionError, also if the server says nothing
   * for 15 s.
   */
  connect(): Promise<Ready>;
  /**
   * Send mono samples at `sample_rate`, or keep a copy of them until the connection is restored. If you send
   * faster than real time, wait while `backlogMs` is large; it is at most `keepMs`. Returns false before
   * `connect()`, after `stop()`, and when the session is over.
   */
  send(samples: Int16Array): boolean;
  /**
   * End the open utterance now. Like everything that is sent, this waits for a broken connection to be
   * restored.
   */
  flush(): void;
  /** Throw away the open utterance; `suppressed` answers it, with the reason `discarded`. */
  discard(): void;
  /** From the next utterance on. What is left out, undefined or null stays as it is. */
  update(options: UpdateOptions): void;
  /**
   * End the audio. Resolves when the last caption has arrived; rejects with a CaptionError. Before
   * `connect()`, this is the same as `close()`: the client can no longer be used.
   */
  stop(): Promise<Ended>;
  /** Leave immediately, without waiting for captions; the server drops the session. */
  close(): void;

  /**
   * All in one: connect, send the source until it ends or `signal` is aborted, and yield every message up to
   * `ended`. `sample_rate` is that of the source. Throws the CaptionError of a lost session and, after the
   * last caption, the Problem of a source that broke off. Leaving the loop early leaves the session. The
   * source is always stopped.
   */
  caption(
    source: Source | EncodedSource,
    options?: CaptionOptions,
  ): AsyncGenerator<ServerMessage, void, undefined>;
  /** The same, with events. Resolves when the last caption has arrived. */
  stream(source: Source | EncodedSource, options?: CaptionOptions): Promise<Ended>;

  /**
   * The messages from now on until the session has ended, or until `close()`; throws the CaptionError of a
   * lost session. A loop that falls behind misses only partials and acks.
   */
  [Symbol.asyncIterator](): AsyncGenerator<ServerMessage, void, undefined>;
}

/**
 * Surtitle's viewer of a channel: types of `viewer.js`.
 */

import type {
  Access,
  CaptionError,
  Failed,
  Final,
  PartialCaption,
  Revised,
  Speech,
  Suppressed,
  WebSocketConstructor,
} from "./client.js";
import type { TypedEventTarget } from "./events.js";

export interface ViewerOptions {
  /** Returns the token for a server that requires one. Called at each connection. */
  access?: Access;
  /** If the platform has none (Node.js before version 22), the WebSocket of the package `ws`. */
  WebSocket?: WebSocketConstructor;
}

/** The state of the channel. The messages after it belong to its session. */
export interface ChannelMessage {
  type: "channel";
  channel: string;
  /**
   * `live`: a session is publishing. `away`: its connection is broken, and the session is waiting for it.
   * `waiting`: no session is publishing.
   */
  state: "live" | "away" | "waiting";
  /**
   * Empty if there is none. When it changes, an open partial is void, and utterance numbers and times start
   * again.
   */
  session: string;
  viewers: number;
}

export type ViewerMessage =
  | ChannelMessage
  | Speech
  | PartialCaption
  | Final
  | Revised
  | Suppressed
  | Failed;

export type ViewerState =
  | "idle"
  | "connecting"
  | "live"
  | "away"
  | "waiting"
  | "reconnecting"
  | "closed";

export interface ViewerStateChange {
  state: ViewerState;
  /** A sentence for people; empty if the state needs no explanation. */
  message: string;
  /** Why there is no connection; for `reconnecting`, and for `closed` after a permanent refusal. */
  error?: CaptionError;
}

/** Event name -> content of `event.detail`. */
export interface ViewerEvents {
  state: ViewerStateChange;
  /** Every message, including types that this client does not know. */
  message: ViewerMessage;
  channel: ChannelMessage;
  speech: Speech;
  partial: PartialCaption;
  final: Final;
  /** Only if the speaker's `start` asks for `revisions`. */
  revised: Revised;
  suppressed: Suppressed;
  failed: Failed;
}

/**
 * Watches a channel: first the recent captions, then live ones. It keeps restoring a broken connection,
 * unless the server refuses permanently (any status but 429 and 5xx, or a close such as 1008) or sends
 * something that is not a message. Each answer is passed on once, although the server repeats recent ones at
 * each connection; if one of them was revised in the meantime, that comes as `revised`.
 */
export class ChannelViewer extends TypedEventTarget<ViewerEvents> {
  /** `url`: the address of `/v1/channels/NAME`, with ws(s): or http(s):. */
  constructor(url: string | URL, options?: ViewerOptions);

  readonly state: ViewerState;

  /** Resolves when the server has sent its greeting; rejects if it refuses permanently, and at `close()`. */
  connect(): Promise<ChannelMessage>;
  close(): void;

  /**
   * The messages from now on until `close()`; throws the CaptionError of a refusal. A loop that falls behind
   * misses only partials.
   */
  [Symbol.asyncIterator](): AsyncGenerator<ViewerMessage, void, undefined>;
}

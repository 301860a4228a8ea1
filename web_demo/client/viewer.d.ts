/**
 * Surtitle's viewer of a channel: types of `viewer.js`.
 */

import type {
  Access,
  CaptionError,
  Failed,
  Final,
  PartialCaption,
  Speech,
  Suppressed,
  WebSocketConstructor,
} from "./client.js";
import type { TypedEventTarget } from "./events.js";

export interface ViewerOptions {
  /** The token for a server that asks for one. Asked for at each connection. */
  access?: Access;
  /** Where there is none of the platform's own (Node before version 22), that of the package `ws`. */
  WebSocket?: WebSocketConstructor;
}

/** What goes on in the channel. What follows it belongs to its session. */
export interface ChannelMessage {
  type: "channel";
  channel: string;
  /**
   * `live`: somebody publishes. `away`: the publisher's connection is broken, the session waits for it.
   * `waiting`: nobody publishes.
   */
  state: "live" | "away" | "waiting";
  /**
   * Empty while there is none. With another one, an open partial is void, and utterance numbers and
   * times begin anew.
   */
  session: string;
  viewers: number;
}

export type ViewerMessage =
  | ChannelMessage
  | Speech
  | PartialCaption
  | Final
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
  /** A sentence for people; empty where the state says it all. */
  message: string;
  /** Why there is no connection; with `reconnecting`, and with `closed` after a refusal for good. */
  error?: CaptionError;
}

/** Event name -> what `event.detail` holds. */
export interface ViewerEvents {
  state: ViewerStateChange;
  /** Every message, also of types this client does not know. */
  message: ViewerMessage;
  channel: ChannelMessage;
  speech: Speech;
  partial: PartialCaption;
  final: Final;
  suppressed: Suppressed;
  failed: Failed;
}

/**
 * Watches a channel: the recent past first, then what is said. A connection that breaks is set up again,
 * for ever, unless the server refuses for good (401, 403, 404) or says what is no message. Each answer is
 * passed on once, though the server tells the recent past at each connection.
 */
export class ChannelViewer extends TypedEventTarget<ViewerEvents> {
  /** `url`: of `/v1/channels/NAME`, with ws(s): or http(s):. */
  constructor(url: string | URL, options?: ViewerOptions);

  readonly state: ViewerState;

  /** Resolves when the server has greeted; rejects when it refuses for good, and at `close()`. */
  connect(): Promise<ChannelMessage>;
  close(): void;

  /**
   * The messages from now on until `close()`; throws the CaptionError of a refusal. A loop that falls
   * behind misses partials, nothing else.
   */
  [Symbol.asyncIterator](): AsyncGenerator<ViewerMessage, void, undefined>;
}

/** What each page can ask of the application: all of it, and nothing else. */

/** A message of the server that changes what is shown (docs/protocol.md). */
export type Shown = Extract<
  import("../../client/client.d.ts").ServerMessage,
  { type: "ready" | "speech" | "partial" | "final" | "suppressed" | "failed" }
>;

/** `clear`: another talk begins. */
export type Caption = Shown | { type: "clear" };

export interface ServerState {
  state: "starting" | "ready" | "restarting" | "failed" | "stopped";
  /** Where it serves, such as http://127.0.0.1:43117; only with `ready`. */
  url: string;
  /** A sentence for people; empty where the state says it all. */
  message: string;
}

/** `window.host` of control.html. */
export interface ControlHost {
  /** Called at once with the state, and whenever it changes. */
  onServer(listener: (state: ServerState) => void): void;
  showCaption(caption: Caption): void;
  /** Whether the subtitles can be taken by their handle wherever the pointer comes from. */
  setMovable(movable: boolean): void;
  placeAt(edge: "top" | "bottom"): void;
  quit(): void;
}

/** `window.host` of subtitles.html. */
export interface SubtitleHost {
  onCaption(listener: (caption: Caption) => void): void;
  onMovable(listener: (movable: boolean) => void): void;
  /** Whether the pointer is over the handle: only there the window takes clicks. */
  setPointerOver(over: boolean): void;
  /** The handle is being moved: how far since it was taken, and whether it was let go. */
  drag(dx: number, dy: number, done: boolean): void;
}

/**
 * The window of the subtitles: over everything, through which one clicks, moved by its handle.
 *
 * @typedef {import("electron").BrowserWindow} BrowserWindow
 * @typedef {import("electron").Screen} Screen
 * @typedef {import("./window-place.js").Edge} Edge
 * @typedef {import("./window-place.js").Memory} Memory
 */

import { atEdge, isPlace, within } from "./window-place.js";

export const SIZE = { width: 960, height: 180 };

/** @type {import("electron").BrowserWindowConstructorOptions} */
export const OPTIONS = {
  ...SIZE,
  title: "Subtitles",
  show: false, // until there is something to see
  frame: false,
  transparent: true,
  backgroundColor: "#00000000",
  hasShadow: false,
  resizable: false, // a transparent window that can be resized stops being one on some systems
  minimizable: false,
  maximizable: false,
  fullscreenable: false,
  focusable: false, // the keyboard stays where the person types
  skipTaskbar: true,
};

export class SubtitleWindow {
  /** The person wants to move it, whatever is below. */
  #movable = false;
  /** The pointer is over the handle. */
  #pointerOver = false;
  /** Where it stood when the handle was taken. */
  /** @type {{x: number, y: number} | null} */
  #grabbedAt = null;

  /**
   * @param {Pick<BrowserWindow, "getBounds" | "isDestroyed" | "setBounds" | "setAlwaysOnTop" | "setIgnoreMouseEvents" | "setVisibleOnAllWorkspaces">} window
   * @param {Pick<Screen, "getDisplayMatching" | "getPrimaryDisplay" | "on">} screen
   * @param {Pick<Memory, "read" | "write">} memory
   */
  constructor(window, screen, memory) {
    this.window = window;
    this.screen = screen;
    this.memory = memory;
    const place = memory.read();
    if (isPlace(place)) this.#put({ ...place, ...SIZE });
    else this.#put(atEdge(screen.getPrimaryDisplay().workArea, "bottom", SIZE));
    window.setAlwaysOnTop(true, "screen-saver"); // over full screen, task bar and dock
    window.setVisibleOnAllWorkspaces(true, { visibleOnFullScreen: true });
    this.#letThrough();
    const stayOnScreen = () => {
      if (!window.isDestroyed()) this.#put(window.getBounds());
    };
    screen.on("display-removed", stayOnScreen);
    screen.on("display-metrics-changed", stayOnScreen);
  }

  /** @param {boolean} movable */
  setMovable(movable) {
    this.#movable = movable;
    this.#letThrough();
  }

  /** @param {boolean} over whether the pointer is over the handle */
  setPointerOver(over) {
    this.#pointerOver = over;
    this.#letThrough();
  }

  /**
   * The handle is being moved.
   *
   * @param {number} dx since it was taken
   * @param {number} dy
   * @param {boolean} done it was let go
   */
  drag(dx, dy, done) {
    this.#grabbedAt ??= this.window.getBounds();
    const { x, y } = this.#grabbedAt;
    this.#put({ x: x + dx, y: y + dy, ...SIZE });
    if (!done) return;
    this.#grabbedAt = null;
    this.#remember();
  }

  /** @param {Edge} edge of the screen it is on */
  placeAt(edge) {
    const { workArea } = this.screen.getDisplayMatching(this.window.getBounds());
    this.#put(atEdge(workArea, edge, SIZE));
    this.#remember();
  }

  /** @param {import("./window-place.js").Rectangle} bounds */
  #put(bounds) {
    // The screen that has most of it, or is nearest: the one it stood on may be gone. All of the bounds,
    // since a place alone changes the size on screens with a fractional scale.
    const { workArea } = this.screen.getDisplayMatching(bounds);
    this.window.setBounds(within(workArea, { ...bounds, ...SIZE }));
  }

  #remember() {
    const { x, y } = this.window.getBounds();
    this.memory.write({ x, y });
  }

  /** Clicks go to what is below, except at the handle; `forward` tells us when the pointer is there. */
  #letThrough() {
    const ignore = !this.#movable && !this.#pointerOver;
    this.window.setIgnoreMouseEvents(ignore, { forward: true });
  }
}

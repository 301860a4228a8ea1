/**
 * The page of the subtitle window: shows what the control page hears, and can be moved by its handle.
 *
 * @typedef {import("../preload/hosts.js").SubtitleHost} SubtitleHost
 * @typedef {import("../preload/hosts.js").Caption} Caption
 */

import { BlockView } from "../../block-view.js";
import { Transcript } from "../../transcript.js";

/** So long a caption stays when nothing more is said. */
const HIDE_AFTER_MS = 6000;

const { host } = /** @type {{host: SubtitleHost}} */ (/** @type {unknown} */ (window));
const page = /** @type {HTMLElement} */ (document.getElementById("window"));
const handle = /** @type {HTMLElement} */ (document.getElementById("handle"));
const lines = /** @type {HTMLElement} */ (document.getElementById("lines"));

const transcript = new Transcript();
const view = new BlockView(lines);
let hideTimer = 0;

host.onCaption((caption) => {
  apply(caption);
  view.show(transcript.entries);
  page.classList.remove("silent");
  clearTimeout(hideTimer);
  hideTimer = window.setTimeout(() => page.classList.add("silent"), HIDE_AFTER_MS);
});

host.onMovable((movable) => page.classList.toggle("movable", movable));

/** @param {Caption} caption */
function apply(caption) {
  if (caption.type === "clear") {
    transcript.clear();
    view.clear();
  } else if (caption.type === "ready") {
    transcript.withdrawOpen(); // another session: what is open will be said anew
  } else {
    transcript.apply(caption);
  }
}

// ---- the handle -----------------------------------------------------------------------------------

// Drawn by hand: an area that Electron lets one drag (app-region) sees no pointer, so the page would not
// know when it has left.

/** Where the pointer took the handle, on the screen. */
/** @type {{x: number, y: number} | null} */
let grabbed = null;

// Told also while clicks go through the window (`forward`).
document.addEventListener("pointermove", () => page.classList.add("near"));
document.documentElement.addEventListener("pointerleave", () => page.classList.remove("near"));
handle.addEventListener("pointerenter", () => host.setPointerOver(true));
handle.addEventListener("pointerleave", () => host.setPointerOver(false));

handle.addEventListener("pointerdown", (event) => {
  handle.setPointerCapture(event.pointerId); // the window follows; the pointer may be faster
  grabbed = { x: event.screenX, y: event.screenY };
});
handle.addEventListener("pointermove", (event) => drag(event, false));
handle.addEventListener("pointerup", (event) => drag(event, true));
handle.addEventListener("pointercancel", (event) => drag(event, true));

/**
 * @param {PointerEvent} event
 * @param {boolean} done
 */
function drag({ screenX, screenY }, done) {
  if (!grabbed) return;
  host.drag(screenX - grabbed.x, screenY - grabbed.y, done);
  if (done) grabbed = null;
}

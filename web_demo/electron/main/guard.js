/**
 * What pages may do. Every decision is a function of its own, without Electron; `guardSession` and
 * `guardContents` hand them to it.
 *
 * @typedef {import("electron").Session} Session
 * @typedef {import("electron").WebContents} WebContents
 * @typedef {{isMainFrame?: boolean, requestingUrl?: string, mediaTypes?: string[], mediaType?: string}} Details
 */

import { isOwn } from "./own-pages.js";

/**
 * Besides sound: a page that is no page of this machine's own web servers must be allowed to connect to
 * one. The content security policy says which.
 */
const TO_THE_SERVER = new Set(["loopback-network", "local-network-access"]);

/**
 * The answer to a request (a microphone is about to be opened) and to a check (may it be?).
 *
 * @param {string} permission
 * @param {Details} details
 * @returns {boolean}
 */
export function admits(permission, { isMainFrame, requestingUrl, mediaTypes, mediaType }) {
  if (!isMainFrame || !isOwn(requestingUrl)) return false;
  if (permission === "media") {
    const kinds = mediaTypes ?? [mediaType];
    return kinds.length > 0 && kinds.every((kind) => kind === "audio"); // never a camera
  }
  return permission === "display-capture" || TO_THE_SERVER.has(permission);
}

/**
 * What to capture where a page asks for the display: the sound of the machine. There is none without a
 * picture, so the page gets one of itself, and drops it. A picture of a screen would make macOS and
 * Wayland ask the person for it.
 *
 * @template {{url: string, parent: unknown}} Frame
 * @param {{frame: Frame | null, audioRequested: boolean}} request
 * @returns {{video: Frame, audio: "loopback"} | null} null: refused
 */
export function systemAudio({ frame, audioRequested }) {
  if (!frame || frame.parent || !isOwn(frame.url) || !audioRequested) return null;
  return { video: frame, audio: "loopback" };
}

/**
 * @param {Pick<Session, "setPermissionRequestHandler" | "setPermissionCheckHandler" | "setDisplayMediaRequestHandler">} session
 */
export function guardSession(session) {
  session.setPermissionRequestHandler((_contents, permission, decide, details) =>
    decide(admits(permission, details)),
  );
  session.setPermissionCheckHandler((_contents, permission, origin, details) =>
    admits(permission, { ...details, requestingUrl: details.requestingUrl ?? origin }),
  );
  session.setDisplayMediaRequestHandler((request, grant) => grant(systemAudio(request)));
}

/**
 * No page of ours ever leads elsewhere: no link, no window, no frame of another page.
 *
 * @param {Pick<WebContents, "on" | "setWindowOpenHandler">} contents
 */
export function guardContents(contents) {
  contents.setWindowOpenHandler(() => ({ action: "deny" }));
  contents.on("will-navigate", (event) => event.preventDefault());
  contents.on("will-frame-navigate", (event) => event.preventDefault());
  contents.on("will-redirect", (event) => event.preventDefault());
  contents.on("will-attach-webview", (event) => event.preventDefault());
}

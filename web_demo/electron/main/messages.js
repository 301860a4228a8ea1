/**
 * What the pages may ask of the main process. A message counts only if it comes from the window that it
 * is for, from its main frame, showing our page, and is what it should be.
 *
 * @typedef {import("electron").IpcMain} IpcMain
 * @typedef {import("electron").IpcMainEvent} IpcMainEvent
 * @typedef {import("electron").WebContents} WebContents
 */

import { isOwn } from "./own-pages.js";

/**
 * @param {Pick<IpcMainEvent, "sender" | "senderFrame">} event
 * @param {WebContents} contents
 * @returns {boolean}
 */
export function isFrom({ sender, senderFrame }, contents) {
  if (sender !== contents || !senderFrame) return false; // null: it has gone elsewhere since
  return senderFrame.parent === null && isOwn(senderFrame.url);
}

/**
 * @param {Pick<IpcMain, "on">} ipc
 * @param {WebContents} contents whose messages these are
 * @param {Record<string, [(...values: unknown[]) => boolean, (...values: any[]) => void]>} messages
 *   channel -> whether the values are right, and what to do
 */
export function listen(ipc, contents, messages) {
  for (const [channel, [isRight, act]] of Object.entries(messages)) {
    ipc.on(channel, (event, ...values) => {
      if (isFrom(event, contents) && isRight(...values)) act(...values);
    });
  }
}

/** @param {unknown[]} values */
export const isNothing = (...values) => values.length === 0;

/** @param {unknown[]} values */
export const isBoolean = (...values) => values.length === 1 && typeof values[0] === "boolean";

/** @param {unknown[]} values */
export const isEdge = (...values) =>
  values.length === 1 && (values[0] === "top" || values[0] === "bottom");

/** @param {unknown[]} values dx, dy, done */
export const isDrag = (...values) =>
  values.length === 3 &&
  Number.isFinite(values[0]) &&
  Number.isFinite(values[1]) &&
  typeof values[2] === "boolean";

/** @param {unknown[]} values a message of the server, which the subtitle page takes apart */
export const isCaption = (...values) =>
  values.length === 1 && typeof values[0] === "object" && values[0] !== null;

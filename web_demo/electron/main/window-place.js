/**
 * Where the subtitles stand on the screen, and the file that remembers it. All in the units of
 * Electron's screen (DIP).
 *
 * @typedef {{x: number, y: number, width: number, height: number}} Rectangle
 * @typedef {"top" | "bottom"} Edge
 */

import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Between the subtitles and the edge of the screen. */
const MARGIN = 32;

/**
 * @param {Rectangle} area of the screen, without task bar and dock
 * @param {Edge} edge
 * @param {{width: number, height: number}} size
 * @returns {Rectangle}
 */
export function atEdge(area, edge, { width, height }) {
  const x = area.x + Math.round((area.width - width) / 2);
  const y = edge === "top" ? area.y + MARGIN : area.y + area.height - height - MARGIN;
  return within(area, { x, y, width, height });
}

/**
 * The nearest place that is whole on the screen; where the screen is too small, its beginning.
 *
 * @param {Rectangle} area
 * @param {Rectangle} bounds
 * @returns {Rectangle}
 */
export function within(area, { x, y, width, height }) {
  const clamp = (/** @type {number} */ value, /** @type {number} */ from, /** @type {number} */ room) =>
    Math.round(Math.max(from, Math.min(value, from + room)));
  return {
    x: clamp(x, area.x, area.width - width),
    y: clamp(y, area.y, area.height - height),
    width,
    height,
  };
}

/**
 * @param {unknown} value what the file said
 * @returns {value is {x: number, y: number}}
 */
export function isPlace(value) {
  if (typeof value !== "object" || value === null) return false;
  const { x, y } = /** @type {Record<string, unknown>} */ (value);
  return Number.isFinite(x) && Number.isFinite(y);
}

/** A file that remembers one value. Without it, or where it is damaged, there is none. */
export class Memory {
  /** @param {string} path */
  constructor(path) {
    this.path = path;
  }

  /** @returns {unknown} */
  read() {
    try {
      return JSON.parse(readFileSync(this.path, "utf8"));
    } catch {
      return undefined;
    }
  }

  /** @param {unknown} value */
  write(value) {
    mkdirSync(dirname(this.path), { recursive: true });
    const unfinished = `${this.path}.new`; // whoever is cut off while writing leaves the old file whole
    writeFileSync(unfinished, JSON.stringify(value));
    renameSync(unfinished, this.path);
  }
}

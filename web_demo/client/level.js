/** Levels of sound, for meters. */

/** Quieter than this is no sound, in decibels below full scale: 16 bits reach as far. */
const FLOOR_DB = -96;

/**
 * Decibels below full scale, -96 to 0.
 *
 * @param {number} level of a frame: its `rms` or `peak`, 0 to 1
 */
export function decibels(level) {
  return Math.max(FLOOR_DB, Math.min(0, 20 * Math.log10(level)));
}

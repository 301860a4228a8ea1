/** Times as people write them. */

/**
 * @param {number} ms
 * @returns {string} such as 3:05, or 1:03:05
 */
export function clock(ms) {
  const seconds = Math.round(ms / 1000);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

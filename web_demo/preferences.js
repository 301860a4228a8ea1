/** Choices that outlive the page, where the browser lets it keep them. */

const PREFIX = "surtitle.";

/**
 * @param {string} name
 * @param {string} fallback
 */
export function preference(name, fallback) {
  try {
    return localStorage.getItem(PREFIX + name) ?? fallback;
  } catch {
    return fallback; // storage is blocked
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
export function keepPreference(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // storage is blocked: the choice holds for this page only
  }
}

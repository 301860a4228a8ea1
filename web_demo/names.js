/** Names and terms that a speaker is likely to say, one in a line or between commas. Pure. */

/** What `start` takes of them. */
export const MAX_NAMES = 100;
export const MAX_LETTERS = 100;

/**
 * @param {string} text as somebody has written it
 * @returns {{names: string[], problems: import("./wording.js").Said[]}} those that can be sent, and what is
 *   wrong with the rest
 */
export function namesIn(text) {
  const written = text
    .split(/[\n,;]/u)
    .map((name) => name.trim().split(/\s+/u).join(" "))
    .filter(Boolean);
  const names = [...new Set(written)];
  const short = names.filter((name) => [...name].length <= MAX_LETTERS);
  const problems = [];
  if (short.length < names.length) problems.push({ key: "names.long", values: { most: MAX_LETTERS } });
  if (short.length > MAX_NAMES) problems.push({ key: "names.many", values: { most: MAX_NAMES } });
  return { names: short.slice(0, MAX_NAMES), problems };
}

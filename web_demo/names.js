/** Names and terms that a speaker is likely to say, one in a line or between commas. Pure. */

/** What `start` takes of them. */
export const MOST_NAMES = 100;
export const MOST_LETTERS = 100;

/**
 * @param {string} text as somebody has written it
 * @returns {{names: string[], problem: string}} those that can be sent, and what is wrong with the rest, or ""
 */
export function namesIn(text) {
  const written = text
    .split(/[\n,;]/u)
    .map((name) => name.trim().split(/\s+/u).join(" "))
    .filter(Boolean);
  const names = [...new Set(written)];
  const short = names.filter((name) => [...name].length <= MOST_LETTERS);
  const problems = [];
  if (short.length < names.length) problems.push(`A name may have ${MOST_LETTERS} letters at most.`);
  if (short.length > MOST_NAMES) problems.push(`Only the first ${MOST_NAMES} are used.`);
  return { names: short.slice(0, MOST_NAMES), problem: problems.join(" ") };
}

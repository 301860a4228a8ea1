/** Names for channels: easy to read out, and not to be guessed. */

// biome-ignore format: a table
const FIRST = [
  "amber", "blue", "bright", "calm", "clear", "coral", "gentle", "golden", "green", "ivory", "lively",
  "misty", "quiet", "rosy", "silver", "sunny", "tall", "violet", "warm", "wide",
];
// biome-ignore format: a table
const SECOND = [
  "bay", "bridge", "brook", "cedar", "cloud", "dune", "field", "forest", "garden", "harbour", "hill",
  "island", "lake", "meadow", "orchard", "river", "shore", "stone", "valley", "willow",
];

/** As the server wants them. */
export const NAME_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

/** What is hardly taken for something else. */
const MARKS = "23456789abcdefghjkmnpqrstuvwxyz";
const MARKS_IN_A_NAME = 5;

/**
 * Where a server asks for no key, whoever knows the name reads along: 20 × 20 × 31⁵ names, ten thousand
 * million, so that nobody finds one by trying.
 *
 * @returns {string} such as quiet-harbour-k7m2x
 */
export function proposeName() {
  const marks = Array.from({ length: MARKS_IN_A_NAME }, () => MARKS[below(MARKS.length)]).join("");
  return `${FIRST[below(FIRST.length)]}-${SECOND[below(SECOND.length)]}-${marks}`;
}

/**
 * @param {number} limit
 * @returns {number} 0 to limit - 1, at random
 */
function below(limit) {
  return crypto.getRandomValues(new Uint32Array(1))[0] % limit;
}

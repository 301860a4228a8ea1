/** Names for channels: easy to read out, and hardly one twice. */

const FIRST = [
  "amber", "blue", "bright", "calm", "clear", "coral", "gentle", "golden", "green", "ivory", "lively",
  "misty", "quiet", "rosy", "silver", "sunny", "tall", "violet", "warm", "wide",
];
const SECOND = [
  "bay", "bridge", "brook", "cedar", "cloud", "dune", "field", "forest", "garden", "harbour", "hill",
  "island", "lake", "meadow", "orchard", "river", "shore", "stone", "valley", "willow",
];

/** As the server wants them. */
export const NAME_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

/** @returns {string} such as quiet-harbour-42 */
export function proposeName() {
  const pick = (/** @type {string[]} */ words) => words[Math.floor(Math.random() * words.length)];
  return `${pick(FIRST)}-${pick(SECOND)}-${10 + Math.floor(Math.random() * 90)}`;
}

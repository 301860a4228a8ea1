/**
 * How long to wait before the next attempt to connect: twice as long from one to the other, less up to
 * half at random, so that the clients of a server that comes back do not come all at once.
 */

const FIRST_WAIT_MS = 200;

export class Backoff {
  #waitMs = FIRST_WAIT_MS;
  #longestMs;

  /** @param {number} longestMs */
  constructor(longestMs) {
    this.#longestMs = longestMs;
  }

  /** The wait before the next attempt, in milliseconds. */
  next() {
    const waitMs = this.#waitMs * (1 - Math.random() / 2);
    this.#waitMs = Math.min(2 * this.#waitMs, this.#longestMs);
    return waitMs;
  }

  /** A connection was of use. */
  reset() {
    this.#waitMs = FIRST_WAIT_MS;
  }
}

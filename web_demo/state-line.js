/** The line at the top that says how things stand: one sentence, and a mark before it. */

/** @typedef {"idle" | "ready" | "working" | "trouble"} Mark */

/** State -> what the page says when nobody said anything better. */
/** @type {Record<string, {words: string, mark: Mark}>} */
const STATES = {
  idle: { words: "Not started", mark: "idle" },
  microphone: { words: "Waiting for you to allow the microphone…", mark: "working" },
  display: { words: "Choose a tab or screen, and share its sound…", mark: "working" },
  opening: { words: "Reading the recording…", mark: "working" },
  connecting: { words: "Connecting to the server…", mark: "working" },
  ready: { words: "Listening", mark: "ready" },
  reconnecting: {
    words: "Reconnecting to the server. Anything said in the meantime is kept.",
    mark: "trouble",
  },
  recovering: {
    words: "Recognition is restarting. Keep speaking: nothing is lost.",
    mark: "trouble",
  },
  overloaded: { words: "The server is busy. Captions arrive later than usual.", mark: "trouble" },
  draining: { words: "The server is about to stop.", mark: "trouble" },
  slow: { words: "The connection is slow. Captions arrive later than usual.", mark: "trouble" },
  unheard: { words: "No sound is coming in at the moment.", mark: "trouble" },
  finishing: { words: "Finishing the last caption…", mark: "working" },
  ended: { words: "Finished", mark: "idle" },
  closed: { words: "Not connected", mark: "trouble" },
  live: { words: "Live", mark: "ready" },
  waiting: {
    words: "Nobody is speaking here yet. Captions appear when somebody starts.",
    mark: "working",
  },
  over: { words: "Nobody is speaking at the moment.", mark: "idle" },
  away: {
    words: "The speaker’s connection is lost. Captions continue when it is back.",
    mark: "trouble",
  },
};

export class StateLine {
  /**
   * @param {HTMLElement} line
   * @param {HTMLElement} words
   */
  constructor(line, words) {
    this.line = line;
    this.words = words;
  }

  /**
   * @param {string} state
   * @param {string} [sentence] better than the words of the state
   */
  show(state, sentence = "") {
    const known = STATES[state];
    this.line.dataset.state = known.mark;
    const words = sentence || known.words;
    // A live region announces every write, so the same words are not written twice.
    if (this.words.textContent !== words) this.words.textContent = words;
  }
}

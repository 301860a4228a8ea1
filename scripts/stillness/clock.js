/** A clock that is turned by hand, for what a page waits for and for what it reads. */
{
  /** @type {Map<number, {at: number, call: (...all: any[]) => void, all: any[], everyMs: number}>} */
  const waiting = new Map();
  let nowMs = 0;
  let last = 0;

  /**
   * @param {boolean} again
   * @returns {(call: (...all: any[]) => void, ms?: number, ...all: any[]) => number}
   */
  const timer =
    (again) =>
    (call, ms = 0, ...all) => {
      waiting.set(++last, { at: nowMs + ms, call, all, everyMs: again ? Math.max(ms, 1) : 0 });
      return last;
    };
  /** @param {number | undefined} number */
  const clear = (number) => void waiting.delete(Number(number));

  /** @param {number} ms */
  const turn = async (ms) => {
    const endMs = nowMs + ms;
    for (;;) {
      const [due] = [...waiting].sort(([, one], [, other]) => one.at - other.at);
      if (!due || due[1].at > endMs) break;
      const [number, { at, call, all, everyMs }] = due;
      nowMs = Math.max(nowMs, at);
      if (everyMs) waiting.set(number, { at: at + everyMs, call, all, everyMs });
      else waiting.delete(number);
      call(...all);
      await null; // what was promised goes on before the next one is due
    }
    nowMs = endMs;
  };

  Date.now = () => nowMs;
  performance.now = () => nowMs;
  Object.assign(window, {
    setTimeout: timer(false),
    setInterval: timer(true),
    clearTimeout: clear,
    clearInterval: clear,
    turn,
  });
}

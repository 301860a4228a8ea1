/**
 * Looks at the words of a page: where they are, in CSS pixels, and which are seen. Installed before the
 * page's own code, and before the clock that it turns.
 */
{
  const frame = requestAnimationFrame.bind(window);
  const Socket = WebSocket;
  let heard = 0;
  let last = "";
  let wake = () => {};
  let changed = true;

  new MutationObserver(() => (changed = true)).observe(document, {
    attributes: true,
    characterData: true,
    childList: true,
    subtree: true,
  });

  window.WebSocket = class extends Socket {
    /** @param {...any} all */
    constructor(...all) {
      super(.../** @type {[string]} */ (all));
      this.addEventListener("message", () => {
        heard++;
        wake();
      });
    }
  };

  /**
   * @param {string} roots    selector of what holds the words
   * @param {string} window   selector of what cuts them off
   * @returns {[string, number, number][]}
   */
  function words(roots, window) {
    const seen = document.querySelector(window)?.getBoundingClientRect();
    if (!seen) return [];
    /** @type {[string, number, number][]} */
    const found = [];
    for (const root of document.querySelectorAll(roots)) {
      if (root.closest(".faded, .silent")) continue;
      const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
      for (let text = texts.nextNode(); text; text = texts.nextNode()) {
        for (const { 0: word, index } of (text.textContent ?? "").matchAll(/\S+/gu)) {
          const range = document.createRange();
          range.setStart(text, index);
          range.setEnd(text, index + word.length);
          const { left, top, height } = range.getClientRects()[0] ?? new DOMRect();
          const middle = top + height / 2;
          if (height && middle > seen.top && middle < seen.bottom) found.push([word, left, top]);
        }
      }
    }
    return found;
  }

  /**
   * What is seen so long after so many messages have come; null if it is what was seen before.
   *
   * @param {number} messages
   * @param {number} ms       by which the clock is turned
   * @param {string} roots
   * @param {string} window
   */
  const look = async (messages, ms, roots, window) => {
    while (heard < messages) await new Promise((done) => (wake = () => done(null)));
    await turn(ms);
    await null; // observers are told before this goes on
    if (!changed) return null;
    await new Promise((done) => frame(done));
    await new Promise((done) => frame(done)); // what was resized has been told
    changed = false;
    const found = words(roots, window);
    const text = JSON.stringify(found);
    if (text === last) return null;
    last = text;
    return found;
  };
  Object.assign(window, { look });
}

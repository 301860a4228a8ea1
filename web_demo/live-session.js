/**
 * One run from Start to the last caption: a source of sound joined to a caption client.
 *
 * @typedef {import("./client/index.js").Source} Source
 * @typedef {import("./client/index.js").Frame} Frame
 * @typedef {import("./client/index.js").CaptionClient} CaptionClient
 * @typedef {import("./client/index.js").Ended} Ended
 *
 * @typedef {object} Hooks
 * @property {AbortSignal} stopped the person wants to end
 * @property {() => void} onStart  the server is ready, sound begins
 * @property {(frame: Frame) => void} onFrame
 * @property {(problem: Error) => void} onSourceProblem the sound broke off; captions still come
 * @property {() => void} onFinishing no more sound, the last captions are awaited
 */

/**
 * Stream the source to the client until the recording ends, the person stops, or either side fails.
 * Resolves when the server has answered everything, rejects with a CaptionError when the connection
 * fails. The source is closed in every case.
 *
 * @param {Source} source
 * @param {CaptionClient} client
 * @param {Hooks} hooks
 * @returns {Promise<Ended>}
 */
export async function runSession(source, client, hooks) {
  try {
    const over = whenOver(client);
    await client.connect();
    hooks.onStart();
    source.start((frame) => {
      client.send(frame.samples);
      hooks.onFrame(frame);
    });
    const soundEnded = source.ended.catch(hooks.onSourceProblem);
    await Promise.race([soundEnded, whenAborted(hooks.stopped), over]);
  } finally {
    await source.stop(); // first, so that its last frame goes out before `stop`
  }
  hooks.onFinishing();
  return client.stop();
}

/** @param {AbortSignal} signal */
function whenAborted(signal) {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined));
  });
}

/**
 * Resolves when the server ends the session, rejects when the connection is lost.
 *
 * @param {CaptionClient} client
 */
function whenOver(client) {
  const over = new Promise((resolve, reject) => {
    client.addEventListener("ended", () => resolve(undefined));
    client.addEventListener("state", ({ detail }) => detail.error && reject(detail.error));
  });
  over.catch(() => {}); // nobody may be waiting any more
  return over;
}

/**
 * One run from the first sample to the last caption: a source of sound joined to a client.
 *
 * @typedef {object} Client
 * @property {() => Promise<unknown>} connect
 * @property {(data: Int16Array | Blob) => boolean} send
 * @property {() => Promise<void>} drained resolved when there is room for another frame like the last
 * @property {() => Promise<Ended>} stop
 * @property {() => void} close
 *
 * @typedef {import("./client.js").Ended} Ended
 * @typedef {import("./sources.js").EncodedFrame} EncodedFrame
 * @typedef {import("./sources.js").EncodedSource} EncodedSource
 * @typedef {import("./sources.js").Frame} Frame
 * @typedef {import("./sources.js").Source} Source
 * @typedef {import("./sources.js").SoundNotice} SoundNotice
 */

/**
 * Connect, and stream the source until it ends, the signal is aborted, or the session is over. Sound that
 * comes before the connection is there is sent then. The source is stopped in every case.
 *
 * @param {Client} client
 * @param {Source | EncodedSource} source
 * @param {object} how
 * @param {(frame: Frame | EncodedFrame) => void} how.onFrame
 * @param {(notice: SoundNotice) => void} how.onSound
 * @param {Promise<unknown>} how.over settled when the session is
 * @param {AbortSignal} [how.signal]
 * @returns {Promise<Ended>} rejects with the Problem of a source that broke off, after its last caption
 */
export async function streamSource(client, source, { onFrame, onSound, over, signal }) {
  /** @type {{problem?: Error}} */
  const sound = {};
  const done = new AbortController();
  try {
    try {
      void client.connect(); // its failure is that of the session
      // The union of both kinds of source takes what takes the frames of both.
      source.start((/** @type {Frame | EncodedFrame} */ frame) => {
        onFrame(frame);
        client.send("samples" in frame ? frame.samples : frame.data);
        return client.drained(); // for a source that can wait
      }, onSound);
      const soundEnded = source.ended.catch((/** @type {Error} */ problem) => {
        sound.problem = problem;
      });
      await Promise.race([soundEnded, whenAborted(signal, done.signal), over]);
    } finally {
      done.abort();
      await source.stop(); // before the client's `stop`, so that the last frame goes out
    }
  } catch (error) {
    client.close();
    throw error;
  }
  const ended = await client.stop();
  if (sound.problem) throw sound.problem;
  return ended;
}

/**
 * @param {AbortSignal | undefined} signal
 * @param {AbortSignal} done ends the waiting
 * @returns {Promise<void>}
 */
function whenAborted(signal, done) {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve();
    signal?.addEventListener("abort", () => resolve(), { once: true, signal: done });
  });
}

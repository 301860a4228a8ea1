/**
 * Stands in for the preload scripts and the main process: the same `window.host` on each page, joined by
 * a channel between pages. `calls` has what a page asked of the main process, `tell` is the main process.
 */
{
  const wire = new BroadcastChannel("main process");
  /** @type {Map<string, (value: any) => void>} */
  const listeners = new Map();
  /** @type {any[][]} */
  const calls = [];
  const tell = (/** @type {string} */ channel, /** @type {any} */ value) =>
    listeners.get(channel)?.(value);
  const call =
    (/** @type {string} */ name) =>
    (/** @type {any[]} */ ...values) => {
      calls.push([name, ...values]);
    };
  wire.onmessage = ({ data: [channel, value] }) => tell(channel, value);

  /** @type {import("../../web_demo/electron/preload/hosts.js").ControlHost} */
  const control = {
    onServer: (listener) => {
      listeners.set("server", listener);
      listener({ state: "starting", url: "", message: "" });
    },
    showCaption: (caption) => wire.postMessage(["caption", caption]),
    setMovable: (movable) => wire.postMessage(["movable", movable]),
    placeAt: call("placeAt"),
    quit: call("quit"),
  };
  /** @type {import("../../web_demo/electron/preload/hosts.js").SubtitleHost} */
  const subtitles = {
    onCaption: (listener) => void listeners.set("caption", listener),
    onMovable: (listener) => void listeners.set("movable", listener),
    setPointerOver: call("setPointerOver"),
    drag: call("drag"),
  };
  const host = location.pathname.endsWith("/control.html") ? control : subtitles;
  Object.assign(window, { host, calls, tell });
}

// Counts what is taken and not given back: timers, contexts, tracks, listeners on what outlives a session.
// `leftovers()` names what there is now.

{
  const timers = new Set();
  for (const [set, clear, repeats] of [
    ["setTimeout", "clearTimeout", false],
    ["setInterval", "clearInterval", true],
  ]) {
    const [realSet, realClear] = [globalThis[set], globalThis[clear]];
    globalThis[set] = (call, ...rest) => {
      const id = realSet(
        () => {
          if (!repeats) timers.delete(id);
          call();
        },
        ...rest,
      );
      timers.add(id);
      return id;
    };
    globalThis[clear] = (id) => {
      timers.delete(id);
      realClear(id);
    };
  }

  const contexts = new Set();
  globalThis.AudioContext = class extends AudioContext {
    constructor(...options) {
      super(...options);
      contexts.add(this);
    }
  };

  const tracks = new Set();
  for (const name of ["getUserMedia", "getDisplayMedia"]) {
    const real = MediaDevices.prototype[name];
    MediaDevices.prototype[name] = async function (wanted) {
      const stream = await real.call(this, wanted);
      for (const track of stream.getTracks()) tracks.add(track);
      return stream;
    };
  }
  const realCapture = HTMLMediaElement.prototype.captureStream;
  HTMLMediaElement.prototype.captureStream = function () {
    const stream = realCapture.call(this);
    for (const track of stream.getTracks()) tracks.add(track);
    return stream;
  };

  const listeners = new Set();
  const playwrights =
    /^(__playwright|mouse|pointer|touch|auxclick|click|dblclick|contextmenu|drag|drop|key|wheel)/;
  const outlives = (target) =>
    target === globalThis ||
    target instanceof MediaDevices ||
    target instanceof MediaStreamTrack ||
    target instanceof HTMLMediaElement;
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  EventTarget.prototype.addEventListener = function (type, listener, options) {
    addEventListener.call(this, type, listener, options);
    if (!outlives(this ?? globalThis) || playwrights.test(type)) return;
    const entry = { target: this, type, listener };
    listeners.add(entry);
    options?.signal?.addEventListener("abort", () => listeners.delete(entry));
  };
  EventTarget.prototype.removeEventListener = function (type, listener, options) {
    removeEventListener.call(this, type, listener, options);
    for (const entry of listeners) {
      if (entry.target === this && entry.type === type && entry.listener === listener) {
        listeners.delete(entry);
      }
    }
  };

  globalThis.leftovers = () => ({
    timers: timers.size,
    contexts: [...contexts].filter(({ state }) => state !== "closed").length,
    tracks: [...tracks].filter(({ readyState }) => readyState === "live").map(({ kind }) => kind),
    listeners: [...listeners].map(({ type }) => type),
  });
}

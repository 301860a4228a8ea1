// CommonJS, and no file beside it: a sandboxed preload script has nothing else.
const { contextBridge, ipcRenderer } = require("electron");

/** @type {import("./hosts.js").SubtitleHost} */
const host = {
  onCaption: (listener) => {
    ipcRenderer.on("caption", (_event, caption) => listener(caption)); // the event would hand over ipcRenderer
  },
  onMovable: (listener) => {
    ipcRenderer.on("movable", (_event, movable) => listener(movable));
  },
  setPointerOver: (over) => ipcRenderer.send("pointer-over", over),
  drag: (dx, dy, done) => ipcRenderer.send("drag", dx, dy, done),
};

contextBridge.exposeInMainWorld("host", host);

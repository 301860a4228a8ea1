// CommonJS, and no file beside it: a sandboxed preload script has nothing else.
const { contextBridge, ipcRenderer } = require("electron");

/** @type {import("./hosts.js").ControlHost} */
const host = {
  onServer: (listener) => {
    ipcRenderer.on("server", (_event, state) => listener(state)); // the event would hand over ipcRenderer
    ipcRenderer.send("control:ready");
  },
  showCaption: (caption) => ipcRenderer.send("caption", caption),
  setMovable: (movable) => ipcRenderer.send("movable", movable),
  placeAt: (edge) => ipcRenderer.send("place", edge),
  quit: () => ipcRenderer.send("quit"),
};

contextBridge.exposeInMainWorld("host", host);

/** An Electron that opens no window: what main.js uses of it, and what became of it. */

import { EventEmitter } from "node:events";
import { join } from "node:path";

const area = { x: 0, y: 0, width: 1600, height: 900 };

class WebContents extends EventEmitter {
  /** @type {any[]} */
  sent = [];
  /** @type {any} */
  onOpen = null;
  mainFrame = { url: "", parent: null };

  /** @param {any[]} values */
  send(...values) {
    this.sent.push(values);
  }

  /** @param {any} handler */
  setWindowOpenHandler(handler) {
    this.onOpen = handler;
  }
}

export class BrowserWindow extends EventEmitter {
  /** @type {BrowserWindow[]} */
  static all = [];
  #contents = new WebContents();
  #destroyed = false;
  /** @type {Record<string, any[]>} */
  called = {};
  bounds = { ...area };
  minimized = false;

  /** @param {any} options */
  constructor(options) {
    super();
    this.options = options;
    BrowserWindow.all.push(this);
    app.emit("web-contents-created", {}, this.webContents);
    for (const name of [
      "setAlwaysOnTop",
      "setIgnoreMouseEvents",
      "setVisibleOnAllWorkspaces",
      "showInactive",
      "show",
      "restore",
    ]) {
      const call = (/** @type {any[]} */ ...values) => {
        this.#mustLive();
        this.called[name] = values;
      };
      Object.assign(this, { [name]: call });
    }
  }

  #mustLive() {
    if (this.#destroyed) throw new TypeError("Object has been destroyed"); // as Electron does
  }

  /** A person closes it. */
  close() {
    this.#destroyed = true;
    this.emit("closed");
  }

  get webContents() {
    this.#mustLive();
    return this.#contents;
  }

  isDestroyed() {
    return this.#destroyed;
  }

  isMinimized() {
    this.#mustLive();
    return this.minimized;
  }

  getBounds() {
    this.#mustLive();
    return this.bounds;
  }

  /** @param {any} bounds */
  setBounds(bounds) {
    this.#mustLive();
    this.bounds = bounds;
  }

  /** @param {string} url */
  async loadURL(url) {
    this.webContents.mainFrame.url = url;
  }
}

class App extends EventEmitter {
  switches = /** @type {any[]} */ ([]);
  sandboxed = false;
  commandLine = { appendSwitch: (/** @type {any[]} */ ...values) => this.switches.push(values) };
  /** Resolves when the application has ended. */
  ended = new Promise((resolve) => (this.end = resolve));

  enableSandbox() {
    this.sandboxed = true;
  }

  requestSingleInstanceLock() {
    return true;
  }

  async whenReady() {}

  getPath() {
    return join(String(process.env.SURTITLE_TEST_FOLDER), "user data");
  }

  quit() {
    let prevented = false;
    this.emit("before-quit", { preventDefault: () => (prevented = true) });
    if (!prevented) this.end?.(undefined);
  }
}

/** @type {App} */
export const app = new App();
export const ipcMain = new EventEmitter();
export const screen = Object.assign(new EventEmitter(), {
  getPrimaryDisplay: () => ({ workArea: area }),
  getDisplayMatching: () => ({ workArea: area }),
});
export const protocol = {
  /** @type {any} */
  schemes: null,
  /** @type {any} */
  handler: null,
  /** @param {any} schemes */
  registerSchemesAsPrivileged(schemes) {
    this.schemes = schemes;
  },
  /** @type {(scheme: string, handler: any) => void} */
  handle(scheme, handler) {
    this.handler = { scheme, handler };
  },
};
/** @type {Record<string, any>} */
export const handlers = {};
export const session = {
  defaultSession: new Proxy(
    {},
    {
      get: (_, name) => (/** @type {any} */ handler) => (handlers[String(name)] = handler),
    },
  ),
};

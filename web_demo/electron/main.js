/** The main process: puts the parts together. What they decide is in `main/`, without Electron. */

import { join } from "node:path";
import { existsSync } from "node:fs";
import { app, BrowserWindow, ipcMain, protocol, screen, session } from "electron";
import { answer } from "./main/assets.js";
import { guardContents, guardSession } from "./main/guard.js";
import { isBoolean, isCaption, isDrag, isEdge, isNothing, listen } from "./main/messages.js";
import { ORIGIN, PRIVILEGES, SCHEME, pageUrl } from "./main/own-pages.js";
import { serverCommand } from "./main/server-command.js";
import { OPTIONS, SubtitleWindow } from "./main/subtitle-window.js";
import { Supervisor } from "./main/supervisor.js";
import { Memory } from "./main/window-place.js";

const folder = import.meta.dirname;
/** What the pages are made of: in a packaged application beside this file. */
const shipped = join(folder, "web_demo");
const web = existsSync(shipped) ? shipped : join(folder, "..");

protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges: PRIVILEGES }]);
app.enableSandbox();
app.on("web-contents-created", (_event, contents) => guardContents(contents));
if (process.platform === "linux") {
  app.commandLine.appendSwitch("enable-features", "PulseaudioLoopbackForScreenShare"); // system audio
}

const resources = process.resourcesPath;
const { env: environment, platform } = process;
const server = new Supervisor(serverCommand({ folder, resources, environment, platform }), {
  settings: { SURTITLE_ALLOWED_ORIGINS: ORIGIN },
  log: (line) => console.log(line),
});

/**
 * @param {string} preload
 * @param {import("electron").BrowserWindowConstructorOptions} options
 */
function openWindow(preload, options) {
  return new BrowserWindow({
    ...options,
    webPreferences: {
      preload: join(folder, "preload", preload),
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      backgroundThrottling: false, // captions go on behind other windows
    },
  });
}

function openWindows() {
  const control = openWindow("control.cjs", {
    width: 440,
    height: 580,
    title: "Surtitle",
    autoHideMenuBar: true,
  });
  const overlay = openWindow("subtitles.cjs", OPTIONS);
  const memory = new Memory(join(app.getPath("userData"), "place.json"));
  const subtitles = new SubtitleWindow(overlay, screen, memory);

  const tellServer = () => {
    if (!control.isDestroyed()) control.webContents.send("server", server.state);
  };
  server.on("state", tellServer);
  /**
   * Who closes the subtitles quits, but the control window is there until the server has gone.
   *
   * @param {(...values: any[]) => void} act
   */
  const whileOpen =
    (act) =>
    (/** @type {any[]} */ ...values) => {
      if (!overlay.isDestroyed()) act(...values);
    };
  listen(ipcMain, control.webContents, {
    "control:ready": [isNothing, tellServer],
    caption: [isCaption, whileOpen((caption) => overlay.webContents.send("caption", caption))],
    movable: [
      isBoolean,
      whileOpen((movable) => {
        subtitles.setMovable(movable);
        overlay.webContents.send("movable", movable);
      }),
    ],
    place: [isEdge, whileOpen((edge) => subtitles.placeAt(edge))],
    quit: [isNothing, () => app.quit()],
  });
  listen(ipcMain, overlay.webContents, {
    "pointer-over": [isBoolean, (over) => subtitles.setPointerOver(over)],
    drag: [isDrag, (dx, dy, done) => subtitles.drag(dx, dy, done)],
  });

  overlay.once("ready-to-show", () => overlay.showInactive());
  for (const window of [control, overlay]) window.once("closed", () => app.quit()); // both or none
  void overlay.loadURL(pageUrl("subtitles.html"));
  void control.loadURL(pageUrl("control.html"));
  return control;
}

let stopped = false;
app.on("before-quit", (event) => {
  if (stopped) return;
  event.preventDefault(); // once the server has gone
  void server.stop().then(() => {
    stopped = true;
    app.quit();
  });
});

if (app.requestSingleInstanceLock()) {
  // Not `await`: Electron is ready once this module has been run to its end.
  void app.whenReady().then(() => {
    protocol.handle(SCHEME, (request) => answer(web, request));
    guardSession(session.defaultSession);
    server.start();
    const control = openWindows();
    app.on("second-instance", () => {
      if (control.isDestroyed()) return;
      if (control.isMinimized()) control.restore();
      control.show();
    });
  });
} else {
  app.quit();
}

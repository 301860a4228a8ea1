/** main.js as it stands, with an Electron that opens no window and a server that is a few lines. */

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { register } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "node:test";

/** The application as it is packaged, where it was. */
const packaged = process.env.SURTITLE_TEST_APPLICATION;
const application = packaged
  ? pathToFileURL(`${packaged}/`)
  : new URL("../../../web_demo/electron/", import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "application-"));
process.env.SURTITLE_TEST_FOLDER = folder;
process.env.SURTITLE_PYTHON = join(folder, "server.mjs");
Object.assign(process, { resourcesPath: folder });

// Says how it was started, is ready, and ends cleanly when asked.
const SERVER = `#!${process.execPath}
import { writeFileSync } from "node:fs";
const { SURTITLE_PORT, SURTITLE_ALLOWED_ORIGINS } = process.env;
writeFileSync(${JSON.stringify(join(folder, "started"))}, JSON.stringify({
  args: process.argv.slice(3), SURTITLE_PORT, SURTITLE_ALLOWED_ORIGINS,
}));
process.on("SIGTERM", () => {
  writeFileSync(${JSON.stringify(join(folder, "stopped"))}, "");
  process.exit(0);
});
process.stdin.resume();
console.error(JSON.stringify({ event: "ready", url: "http://127.0.0.1:43117" }));
`;
writeFileSync(process.env.SURTITLE_PYTHON, SERVER);
chmodSync(process.env.SURTITLE_PYTHON, 0o700);

const ours = new URL("electron.mjs", import.meta.url).href;
const hook = `export const resolve = (name, context, next) =>
  name === "electron" ? { url: ${JSON.stringify(ours)}, shortCircuit: true } : next(name, context);`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);

test("the application from its start to its end", async (t) => {
  const { app, BrowserWindow, handlers, ipcMain, protocol, screen } = await import("./electron.mjs");
  t.after(() => app.quit()); // its server too, should anything below fail
  await import(new URL("main.js", application).href);
  await new Promise((resolve) => setImmediate(resolve)); // it is ready

  assert.deepEqual(protocol.schemes, [
    { scheme: "surtitle", privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
  assert.ok(app.sandboxed);
  const page = await protocol.handler.handler(
    new Request("surtitle://app/electron/renderer/control.html"),
  );
  assert.equal(page.status, 200);
  assert.deepEqual(Object.keys(handlers), [
    "setPermissionRequestHandler",
    "setPermissionCheckHandler",
    "setDisplayMediaRequestHandler",
  ]);

  const [control, subtitles] = BrowserWindow.all;
  for (const [window, preload] of /** @type {const} */ ([
    [control, "control.cjs"],
    [subtitles, "subtitles.cjs"],
  ])) {
    const { preload: path, ...preferences } = window.options.webPreferences;
    assert.ok(existsSync(path) && path.endsWith(preload));
    assert.deepEqual(preferences, {
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      backgroundThrottling: false,
    });
    assert.deepEqual(window.webContents.onOpen({}), { action: "deny" });
  }
  assert.equal(subtitles.webContents.mainFrame.url, "surtitle://app/electron/renderer/subtitles.html");
  const { frame, transparent, focusable } = subtitles.options;
  assert.deepEqual(
    { frame, transparent, focusable },
    { frame: false, transparent: true, focusable: false },
  );
  subtitles.emit("ready-to-show");
  assert.deepEqual(subtitles.called.showInactive, []);

  /** @type {(window: any, channel: string, ...values: any[]) => void} */
  const say = ({ webContents }, channel, ...values) =>
    void ipcMain.emit(channel, { sender: webContents, senderFrame: webContents.mainFrame }, ...values);
  const told = () => control.webContents.sent.map(([, { state }]) => state);
  const changes = told().length; // come by themselves
  say(control, "control:ready");
  assert.equal(told().length, changes + 1); // the page has asked
  await until(() => told().at(-1) === "ready");
  assert.equal(control.webContents.sent.at(-1)[1].url, "http://127.0.0.1:43117");
  assert.deepEqual(JSON.parse(readFileSync(join(folder, "started"), "utf8")), {
    args: ["surtitle", "serve"],
    SURTITLE_PORT: "0",
    SURTITLE_ALLOWED_ORIGINS: "surtitle://app",
  });

  say(control, "caption", { type: "clear" });
  say(control, "movable", true);
  assert.deepEqual(subtitles.webContents.sent, [
    ["caption", { type: "clear" }],
    ["movable", true],
  ]);
  assert.deepEqual(subtitles.called.setIgnoreMouseEvents, [false, { forward: true }]);
  say(control, "movable", false);
  say(subtitles, "pointer-over", true);
  assert.deepEqual(subtitles.called.setIgnoreMouseEvents, [false, { forward: true }]);
  say(control, "place", "top");
  assert.deepEqual(subtitles.bounds, { x: 320, y: 32, width: 960, height: 180 });
  say(subtitles, "drag", 5, 6, true);
  const place = JSON.parse(readFileSync(join(folder, "user data", "place.json"), "utf8"));
  assert.deepEqual(place, { x: 325, y: 38 });
  say(subtitles, "quit"); // not its to say
  assert.equal(existsSync(join(folder, "stopped")), false);

  app.emit("second-instance");
  assert.deepEqual(Object.keys(control.called), ["show"]);
  control.minimized = true;
  app.emit("second-instance");
  assert.deepEqual(control.called.restore, []);

  say(control, "quit");
  app.quit(); // a person presses it twice
  subtitles.close(); // while the last captions still come
  say(control, "caption", { type: "clear" });
  say(control, "movable", true);
  say(control, "place", "bottom");
  screen.emit("display-removed");
  control.close();
  app.emit("second-instance");
  await app.ended;
  assert.ok(existsSync(join(folder, "stopped")));
});

/** @param {() => boolean} condition */
async function until(condition) {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, "did not happen within 10 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

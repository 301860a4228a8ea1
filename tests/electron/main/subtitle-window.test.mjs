/** Where the subtitle window stands, and when it takes clicks. */

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SIZE, SubtitleWindow } from "../../../web_demo/electron/main/subtitle-window.js";
import { Memory, atEdge, isPlace, within } from "../../../web_demo/electron/main/window-place.js";

const AREA = { x: 0, y: 30, width: 1920, height: 1050 };
const LEFT = { x: -1280, y: 0, width: 1280, height: 1024 };

test("a place at an edge is in the middle of it", () => {
  assert.deepEqual(atEdge(AREA, "top", SIZE), { x: 480, y: 62, ...SIZE });
  assert.deepEqual(atEdge(AREA, "bottom", SIZE), { x: 480, y: 868, ...SIZE });
});

test("a window is held on its screen, and on one that is too small begins where that does", () => {
  assert.deepEqual(within(AREA, { x: -50, y: 5000, ...SIZE }), { x: 0, y: 900, ...SIZE });
  assert.deepEqual(within(AREA, { x: 300.4, y: 99.6, ...SIZE }), { x: 300, y: 100, ...SIZE });
  assert.deepEqual(within({ x: 10, y: 20, width: 800, height: 100 }, { x: 0, y: 0, ...SIZE }), {
    x: 10,
    y: 20,
    ...SIZE,
  });
});

test("what is remembered is a place or nothing", () => {
  assert.ok(isPlace({ x: 1, y: -2 }));
  for (const value of [undefined, null, 7, {}, { x: 1 }, { x: "1", y: 2 }, { x: null, y: null }]) {
    assert.equal(isPlace(value), false);
  }
  const path = join(mkdtempSync(join(tmpdir(), "place-")), "deep", "place.json");
  const memory = new Memory(path);
  assert.equal(memory.read(), undefined);
  memory.write({ x: 3, y: 4 });
  assert.deepEqual(new Memory(path).read(), { x: 3, y: 4 });
  writeFileSync(path, '{"x": 3');
  assert.equal(memory.read(), undefined);
});

/** A window, a screen and a memory as the subtitle window sees them. */
function fakes(place = /** @type {unknown} */ (undefined)) {
  const done = /** @type {any[]} */ ([]);
  const written = /** @type {unknown[]} */ ([]);
  let bounds = { x: 0, y: 0, width: 0, height: 0 };
  let areas = [AREA, LEFT];
  let closed = false;
  const screen = Object.assign(new EventEmitter(), {
    getPrimaryDisplay: () => ({ workArea: AREA }),
    getDisplayMatching: (/** @type {any} */ { x, width }) => ({
      workArea:
        areas.find((area) => x + width / 2 >= area.x && x + width / 2 < area.x + area.width) ?? AREA,
    }),
    unplug: () => (areas = [AREA]),
  });
  const window = new Proxy(/** @type {any} */ ({}), {
    get: (_, name) => {
      if (name === "getBounds") return () => bounds;
      if (name === "setBounds") return (/** @type {any} */ value) => (bounds = value);
      if (name === "isDestroyed") return () => closed;
      return (/** @type {any[]} */ ...values) => done.push([name, ...values]);
    },
  });
  const memory = { read: () => place, write: (/** @type {unknown} */ value) => written.push(value) };
  const subtitles = new SubtitleWindow(window, /** @type {any} */ (screen), memory);
  return { subtitles, screen, done, written, bounds: () => bounds, close: () => (closed = true) };
}

const THROUGH = ["setIgnoreMouseEvents", true, { forward: true }];
const SOLID = ["setIgnoreMouseEvents", false, { forward: true }];

test("the window is over everything, everywhere, and lets clicks through", () => {
  const { done, bounds } = fakes();
  assert.deepEqual(done, [
    ["setAlwaysOnTop", true, "screen-saver"],
    ["setVisibleOnAllWorkspaces", true, { visibleOnFullScreen: true }],
    THROUGH,
  ]);
  assert.deepEqual(bounds(), atEdge(AREA, "bottom", SIZE));
});

test("it takes clicks at its handle and while it is to be moved", () => {
  const { subtitles, done } = fakes();
  done.length = 0;
  subtitles.setPointerOver(true);
  subtitles.setMovable(true);
  subtitles.setPointerOver(false);
  subtitles.setMovable(false);
  assert.deepEqual(done, [SOLID, SOLID, SOLID, THROUGH]);
});

test("it stands where it stood, unless that screen is gone", () => {
  const { screen, bounds } = fakes({ x: -1200, y: 500 });
  assert.deepEqual(bounds(), { x: -1200, y: 500, ...SIZE });
  screen.unplug();
  screen.emit("display-removed");
  assert.deepEqual(bounds(), { x: 0, y: 500, ...SIZE });
});

test("a window that is closed is left alone", () => {
  const { screen, bounds, close } = fakes({ x: -1200, y: 500 });
  close();
  screen.unplug();
  screen.emit("display-removed");
  assert.deepEqual(bounds(), { x: -1200, y: 500, ...SIZE });
});

test("it follows the handle, and remembers where that was let go", () => {
  const { subtitles, written, bounds } = fakes({ x: 100, y: 500 });
  subtitles.drag(10, 20, false);
  subtitles.drag(30, -40, false);
  assert.deepEqual(bounds(), { x: 130, y: 460, ...SIZE });
  assert.deepEqual(written, []);
  subtitles.drag(31, -41, true);
  subtitles.drag(1, 1, true); // taken again
  assert.deepEqual(written, [
    { x: 131, y: 459 },
    { x: 132, y: 460 },
  ]);
});

test("it goes to an edge of the screen it is on", () => {
  const { subtitles, written, bounds } = fakes({ x: -1200, y: 500 });
  subtitles.placeAt("top");
  assert.deepEqual(bounds(), atEdge(LEFT, "top", SIZE));
  assert.deepEqual(written, [{ x: bounds().x, y: bounds().y }]);
});

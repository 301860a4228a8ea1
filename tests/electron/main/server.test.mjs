/** Which server is started, and what becomes of one that ends. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { serverCommand } from "../../../web_demo/electron/main/server-command.js";
import { Supervisor } from "../../../web_demo/electron/main/supervisor.js";

test("the server is started with the Python named, shipped, or of the checkout", () => {
  const folder = join("/checkout", "web_demo", "electron");
  const resources = mkdtempSync(join(tmpdir(), "resources-"));
  const at = { folder, resources, environment: {}, platform: "linux" };
  assert.deepEqual(serverCommand(at), ["/checkout/.venv/bin/python", "-m", "surtitle", "serve"]);
  const shipped = join(resources, "python", "bin", "python3");
  mkdirSync(join(shipped, ".."), { recursive: true });
  writeFileSync(shipped, "");
  assert.equal(serverCommand(at)[0], shipped);
  assert.equal(serverCommand({ ...at, environment: { SURTITLE_PYTHON: "/opt/py" } })[0], "/opt/py");
});

/**
 * The states of a supervisor whose server is this JavaScript, until `enough`.
 *
 * @param {string} code
 * @param {(states: any[]) => boolean} enough
 * @param {string} [program]
 */
async function statesOf(code, enough, program = process.execPath) {
  const options = { firstWaitMs: 40, longestWaitMs: 160, patienceMs: 5000 };
  const supervisor = new Supervisor([program, "-e", code], options);
  const states = /** @type {any[]} */ ([]);
  await new Promise((resolve) => {
    supervisor.on("state", (state) => {
      states.push({ ...state, at: performance.now() });
      if (enough(states)) resolve(undefined);
    });
    supervisor.start();
  });
  await supervisor.stop();
  return states;
}

const READY = 'console.error(JSON.stringify({ event: "ready", url: "http://127.0.0.1:1" }));';

test("one that dies again and again is started again after ever longer waits", async () => {
  const states = await statesOf(`${READY} process.exit(1)`, (all) => all.length === 11);
  assert.deepEqual(
    states.slice(0, 5).map(({ state }) => state),
    ["starting", "ready", "restarting", "ready", "restarting"],
  );
  const waits = [2, 4, 6, 8].map((at) => states[at + 1].at - states[at].at);
  for (const [index, ms] of [40, 80, 160, 160].entries()) assert.ok(waits[index] > ms - 2, `${waits}`);
  assert.equal(states.at(-1).state, "stopped");
});

test("one that has never worked and says why is not tried again", async () => {
  const states = await statesOf(
    "console.error('surtitle: There is no model xyz.'); process.exit(1)",
    (all) => all.at(-1).state === "failed",
  );
  assert.deepEqual(
    states.map(({ state }) => state),
    ["starting", "failed", "stopped"],
  );
  assert.equal(
    states[1].message,
    "The caption server ended (status 1). surtitle: There is no model xyz.",
  );
});

test("a program that is not there is told", async () => {
  const states = await statesOf("", (all) => all.at(-1).state === "failed", "/nowhere/python");
  assert.match(states[1].message, /^The caption server cannot be started: .*ENOENT/);
});

test("a server that is stopped twice is asked once", async () => {
  const code = `process.on("SIGTERM", () => {
    console.error("asked");
    setTimeout(() => process.exit(0), 300); // by then a second signal has come
  }); process.stdin.resume(); ${READY}`;
  let asked = 0;
  const log = (/** @type {string} */ line) => {
    if (line !== "asked") return;
    asked += 1;
    if (asked === 1) void supervisor.stop(); // a person presses it twice
  };
  const supervisor = new Supervisor([process.execPath, "-e", code], { log });
  const ready = new Promise((resolve) =>
    supervisor.on("state", ({ state }) => state === "ready" && resolve(undefined)),
  );
  supervisor.start();
  await ready;
  assert.deepEqual(await supervisor.stop(), { code: 0, signal: null });
  assert.equal(asked, 1);
});

test("a stop in the middle of a wait starts nothing any more", async () => {
  const supervisor = new Supervisor([process.execPath, "-e", "process.kill(process.pid, 'SIGKILL')"], {
    firstWaitMs: 600_000,
  });
  const restarting = new Promise((resolve) =>
    supervisor.on("state", ({ state }) => state === "restarting" && resolve(undefined)),
  );
  supervisor.start();
  await restarting;
  assert.equal(await supervisor.stop(), null);
  assert.equal(supervisor.state.state, "stopped");
});

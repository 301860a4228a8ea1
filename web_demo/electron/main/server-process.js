/**
 * One caption server as a child of this process.
 *
 * @typedef {object} Server
 * @property {import("node:child_process").ChildProcess} child
 * @property {Promise<string>} listening its address, once it has one: the model is still being loaded
 * @property {Promise<string>} ready     its address, once it makes captions
 * @property {Promise<Exit>} exited
 * @property {() => string} lastWords    what it said last that was no ordinary log line
 *
 * @typedef {{code: number | null, signal: string | null, error?: Error}} Exit
 */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Open utterances get 4 s (`drain_s`) to finish; well over that. */
const PATIENCE_MS = 10_000;

/**
 * Start one. Its standard input is a pipe: when this process is gone, however it went, the pipe ends,
 * and the server with it.
 *
 * @param {string[]} command
 * @param {Record<string, string>} settings such as { SURTITLE_PORT: "0" }
 * @param {(line: string) => void} log
 * @returns {Server}
 */
export function startServer([program, ...args], settings, log) {
  const child = spawn(program, args, {
    env: { ...process.env, ...settings, SURTITLE_LOG_FORMAT: "json", SURTITLE_STOP_WITH_STDIN: "true" },
    stdio: ["pipe", "ignore", "pipe"],
    windowsHide: true,
  });
  /** @type {(url: string) => void} */
  let onListening = () => {};
  /** @type {(url: string) => void} */
  let onReady = () => {};
  const listening = new Promise((resolve) => (onListening = resolve));
  const ready = new Promise((resolve) => (onReady = resolve));
  let lastWords = "";
  // Read to its end: a pipe that nobody empties fills up.
  const lines = createInterface({ input: child.stderr });
  lines.on("line", (line) => {
    log(line);
    const { event, url, level, cause } = parse(line);
    if (event === "listening") onListening(url);
    if (event === "ready") onReady(url);
    if (!event && line.trim()) lastWords = line.trim();
    if (level === "error") lastWords = cause ?? event;
  });
  const closed = new Promise((resolve) => lines.once("close", () => resolve(undefined)));
  /** @type {Promise<Exit>} */
  const exited = new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: null, signal: null, error })); // no such program
    child.once("exit", (code, signal) => void closed.then(() => resolve({ code, signal })));
  });
  child.stdin.on("error", () => {}); // it ended first
  return { child, listening, ready, exited, lastWords: () => lastWords };
}

/**
 * Stop it: ask, wait, kill. Its worker ends with it in either case.
 *
 * @param {Server} server
 * @param {number} [patienceMs]
 * @returns {Promise<Exit>} { code: 0, signal: null } after a clean stop
 */
export async function stopServer({ child, exited }, patienceMs = PATIENCE_MS) {
  // On Windows any signal ends a process at once; there a line on its input asks.
  if (process.platform === "win32") child.stdin?.write("stop\n");
  else child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  const exit = await exited;
  clearTimeout(timer);
  return exit;
}

/**
 * @param {string} line
 * @returns {Record<string, any>} empty for what is no log line, such as a traceback
 */
function parse(line) {
  try {
    return Object(JSON.parse(line));
  } catch {
    return {};
  }
}

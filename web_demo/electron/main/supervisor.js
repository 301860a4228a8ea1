/**
 * Keeps a caption server running: one that dies is started again, at the same address, so that clients
 * come back to it by themselves.
 *
 * @typedef {import("./server-process.js").Server} Server
 * @typedef {import("./server-process.js").Exit} Exit
 * @typedef {import("../preload/hosts.js").ServerState} ServerState
 *
 * @typedef {object} Options
 * @property {Record<string, string>} [settings] environment of the server
 * @property {(line: string) => void} [log]
 * @property {number} [patienceMs] how long a stop may take before it is forced
 * @property {number} [firstWaitMs] between a death and the next start; doubled each time
 * @property {number} [longestWaitMs]
 * @property {number} [calmMs] who has lived for so long has recovered: the next wait is the first again
 */

import { EventEmitter } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { startServer, stopServer } from "./server-process.js";

/** Exit statuses that another start would have again: settings, the command line, no engine. */
const HOPELESS = new Set([1, 2, 3]);

/** Emits "state" with a ServerState. */
export class Supervisor extends EventEmitter {
  /** @type {ServerState} */
  state = { state: "stopped", url: "", message: "" };
  /** @type {Server | null} */
  #server = null;
  /** 0 until the first one has taken a free port; from then on that one. */
  #port = "0";
  /** Whether one was ready ever: then its settings are right, and what ends it may pass. */
  #proven = false;
  #stopping = new AbortController();
  /** @type {Promise<void>} */
  #running = Promise.resolve();
  /** @type {Promise<Exit | null> | undefined} */
  #stopped;

  /**
   * @param {string[]} command
   * @param {Options} [options]
   */
  constructor(command, options = {}) {
    super();
    this.command = command;
    this.options = options;
  }

  start() {
    this.#running = this.#run();
  }

  /**
   * Resolves when no server is left.
   *
   * @returns {Promise<Exit | null>} how it ended; null where none was running
   */
  stop() {
    // A second signal would end the server at once, without its last captions.
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop() {
    this.#stopping.abort();
    const exit = this.#server && (await stopServer(this.#server, this.options.patienceMs));
    await this.#running;
    this.#set("stopped", "");
    return exit;
  }

  async #run() {
    const { firstWaitMs = 500, longestWaitMs = 30_000, calmMs = 60_000 } = this.options;
    const { signal } = this.#stopping;
    let waitMs = firstWaitMs;
    this.#set("starting", "");
    while (!signal.aborted) {
      const begun = performance.now();
      const sentence = await this.#live();
      if (signal.aborted) return;
      if (!sentence.passes) return this.#set("failed", sentence.text);
      this.#set("restarting", sentence.text);
      if (performance.now() - begun > calmMs) waitMs = firstWaitMs;
      await wait(waitMs, undefined, { signal }).catch(() => {}); // the stop came meanwhile
      waitMs = Math.min(2 * waitMs, longestWaitMs);
    }
  }

  /** One server from start to end. Returns why it ended. */
  async #live() {
    const { settings, log = () => {} } = this.options;
    const server = startServer(this.command, { ...settings, SURTITLE_PORT: this.#port }, log);
    this.#server = server;
    void server.listening.then((url) => (this.#port = new URL(url).port));
    void server.ready.then((url) => {
      this.#proven = true;
      this.#set("ready", "", url);
    });
    const exit = await server.exited;
    this.#server = null;
    const passes = !exit.error && (this.#proven || !HOPELESS.has(exit.code ?? -1));
    return { passes, text: explain(exit, server.lastWords()) };
  }

  /**
   * @param {ServerState["state"]} state
   * @param {string} message
   * @param {string} [url]
   */
  #set(state, message, url = "") {
    this.state = { state, url, message };
    this.emit("state", this.state);
  }
}

/**
 * @param {Exit} exit
 * @param {string} lastWords
 */
function explain({ code, signal, error }, lastWords) {
  if (error) return `The caption server cannot be started: ${error.message}.`;
  const how = signal ?? `status ${code}`;
  return `The caption server ended (${how}). ${lastWords}`.trim();
}

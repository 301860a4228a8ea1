/**
 * The example's main process without Electron: node parent.mjs PATIENCE_MS PYTHON -m MODULE ARGUMENTS…
 *
 * Supervises that server as the example does, and copies its log to its own. Tells each state as a log
 * line. When its standard input ends it stops the server and says how that ended.
 */

import { Supervisor } from "../../web_demo/electron/main/supervisor.js";

const [patienceMs, ...command] = process.argv.slice(2);
/** @param {object} fields */
const tell = (fields) => process.stderr.write(`${JSON.stringify(fields)}\n`);

const supervisor = new Supervisor(command, {
  patienceMs: Number(patienceMs),
  firstWaitMs: 100,
  log: (line) => process.stderr.write(`${line}\n`),
});
supervisor.on("state", (state) => tell({ event: "state", ...state }));
supervisor.start();

process.stdin.resume().once("end", async () => {
  tell({ event: "ended", exit: await supervisor.stop() });
});

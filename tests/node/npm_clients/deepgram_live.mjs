/**
 * Streams samples with Deepgram's client, four times as fast as they were spoken: URL VERSION FILE.
 * Is told the query, and the messages that end the stream.
 */

import { readFileSync } from "node:fs";
import { DeepgramClient } from "@deepgram/sdk";

const [url, version, file] = process.argv.slice(2);
const { query, last } = JSON.parse(readFileSync(0, "utf8"));
const live = url.replace("http", "ws");
const client = new DeepgramClient({
  apiKey: process.env.KEY,
  environment: { base: url, production: live, agent: live, agentRest: url },
});
const heard = [];
const closes = [];
const errors = [];
let opened = 0;
let closedAt = 0;

const connection = await client.listen[version].connect({
  model: version === "v1" ? "nova-3" : "flux-general-en",
  encoding: "linear16",
  sample_rate: 16000,
  ...query,
});
connection.on("open", () => {
  opened++;
});
connection.on("message", (message) => heard.push(message));
connection.on("error", (error) => errors.push(error.message));
const closed = new Promise((resolve) => {
  connection.on("close", ({ code, reason }) => {
    closes.push({ code, reason });
    closedAt = performance.now();
    resolve();
  });
});
connection.connect();
await connection.waitForOpen();
const samples = readFileSync(file);
for (let at = 0; at < samples.length; at += 3200) {
  connection.sendMedia(samples.subarray(at, at + 3200));
  await new Promise((resolve) => setTimeout(resolve, 25));
}
for (const type of last) {
  connection[`send${type}`]({ type });
}
await closed;
process.once("beforeExit", () => {
  // A client that tried again would have a timer or a socket left.
  console.log(
    JSON.stringify({ heard, opened, closes, errors, leftForMs: performance.now() - closedAt }),
  );
});

/** What the clients say of a server that does not accept their key: URL FILE. */

import { createReadStream } from "node:fs";
import { DeepgramClient } from "@deepgram/sdk";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

const [url, file] = process.argv.slice(2);
const apiKey = "no-key-of-this-server";
const live = url.replace("http", "ws");
const environment = { base: url, production: live, agent: live, agentRest: url };
const deepgram = new DeepgramClient({ apiKey, environment });
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const said = {};

async function refusedFile(name, answer) {
  try {
    await answer;
    said[name] = "accepted";
  } catch (error) {
    said[name] = { kind: error.constructor.name, status: error.statusCode ?? error.status };
  }
}

await refusedFile("deepgram", deepgram.listen.v1.media.transcribeFile(createReadStream(file), {}));
await refusedFile(
  "openai",
  openai.audio.transcriptions.create({ file: createReadStream(file), model: "whisper-1" }),
);
const connection = await deepgram.listen.v1.connect({ model: "nova-3", reconnectAttempts: 0 });
const refused = new Promise((resolve) => connection.on("error", resolve));
connection.on("open", () => connection.close());
connection.connect();
said.deepgramLive = (await refused).message;
const realtime = new OpenAIRealtimeWS({ intent: "transcription" }, openai);
said.openaiLive = (await new Promise((resolve) => realtime.on("error", resolve))).message;
console.log(JSON.stringify(said));
process.exit();

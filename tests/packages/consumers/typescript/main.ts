// Captions a WAV file of 16 kHz under Node: node dist/main.js URL PROMPT FILE
import { readFile } from "node:fs/promises";
import { CaptionClient, openSamples, type Final, type StartOptions } from "surtitle-client";
import WebSocket from "ws";

const [url, prompt, file] = process.argv.slice(2);
if (url === undefined || prompt === undefined || file === undefined) {
  throw new Error("URL PROMPT FILE");
}
const wav = await readFile(file);
const samples = new Int16Array(wav.buffer.slice(wav.byteOffset + 44, wav.byteOffset + wav.length));
const start: StartOptions = { prompt };
const client = new CaptionClient(url, start, { WebSocket });
const finals: Final[] = [];
for await (const message of client.caption(openSamples(samples, 16_000, { pace: 20 }))) {
  if (message.type === "final") finals.push(message);
}
console.log(JSON.stringify(finals.map((final) => final.text)));

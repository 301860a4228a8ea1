/** What OpenAI's client is answered to a recording, in each form: URL FILE. */

import { createReadStream } from "node:fs";
import OpenAI from "openai";

const [url, file] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: process.env.KEY, maxRetries: 0 });

async function ask(wishes) {
  const recording = createReadStream(file);
  return client.audio.transcriptions.create({ file: recording, model: "whisper-1", ...wishes });
}

const events = [];
for await (const event of await ask({ stream: true })) {
  events.push(event);
}
const models = [];
for await (const model of client.models.list()) {
  models.push(model.id);
}
console.log(
  JSON.stringify({
    json: await ask({}),
    verbose: await ask({
      response_format: "verbose_json",
      timestamp_granularities: ["word", "segment"],
    }),
    srt: await ask({ response_format: "srt" }),
    events,
    models,
  }),
);

/**
 * Streams samples with OpenAI's client, four times as fast as they were spoken: URL FILE.
 * Is told the turn detection, and commits what there is at the end.
 */

import { readFileSync } from "node:fs";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

const DONE = "conversation.item.input_audio_transcription.completed";
const [url, file] = process.argv.slice(2);
const detection = JSON.parse(readFileSync(0, "utf8"));
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: process.env.KEY });
const realtime = new OpenAIRealtimeWS({ intent: "transcription" }, client);
const heard = [];
const errors = [];

realtime.on("event", (event) => {
  heard.push(event);
  // With voice activity the samples end in silence, so what is committed then has no text.
  if (event.type === DONE && (detection === null || event.transcript === "")) {
    realtime.close();
  }
});
realtime.on("error", (error) => {
  errors.push(error.message);
  realtime.close();
});
const closed = new Promise((resolve) => {
  realtime.socket.on("close", (code, reason) => resolve({ code, reason: String(reason) }));
});
const updated = new Promise((resolve) => realtime.on("session.updated", resolve));
realtime.on("session.created", () => {
  realtime.send({
    type: "session.update",
    session: {
      type: "transcription",
      audio: {
        input: {
          format: { type: "audio/pcm", rate: 24000 },
          transcription: { model: "gpt-4o-transcribe", language: "en" },
          turn_detection: detection,
        },
      },
    },
  });
});
await Promise.race([updated, closed]);
const speech = readFileSync(file);
const samples = detection === null ? speech : Buffer.concat([speech, Buffer.alloc(2 * 48000)]);
for (let at = 0; at < samples.length && realtime.socket.readyState === 1; at += 4800) {
  const audio = samples.subarray(at, at + 4800).toString("base64");
  realtime.send({ type: "input_audio_buffer.append", audio });
  await new Promise((resolve) => setTimeout(resolve, 25));
}
realtime.send({ type: "input_audio_buffer.commit" }); // once closed, this is nothing
console.log(JSON.stringify({ heard, errors, ...(await closed) }));

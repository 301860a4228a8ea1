/** What Deepgram's client is answered to a recording: URL FILE. */

import { createReadStream } from "node:fs";
import { DeepgramClient } from "@deepgram/sdk";

const [url, file] = process.argv.slice(2);
const live = url.replace("http", "ws");
const client = new DeepgramClient({
  apiKey: process.env.KEY,
  environment: { base: url, production: live, agent: live, agentRest: url },
});
const answer = await client.listen.v1.media.transcribeFile(createReadStream(file), {
  model: "nova-3",
  language: "en",
});
console.log(JSON.stringify(answer));

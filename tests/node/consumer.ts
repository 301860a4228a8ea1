// A program in TypeScript that uses everything, under --strict. Each line after `@ts-expect-error` must be
// refused: types that accept everything would be of no use.

import {
  CaptionClient,
  CaptionError,
  ChannelViewer,
  FRAME_MS,
  PcmFramer,
  Problem,
  decibels,
  listMicrophones,
  openDisplayAudio,
  openElement,
  openMicrophone,
  openRecording,
  openSamples,
  openStream,
} from "surtitle-client";
import type {
  Access,
  Ack,
  CaptionEvents,
  ChannelMessage,
  ClientOptions,
  ClientState,
  EncodedSource,
  Ended,
  Final,
  Frame,
  Ready,
  Revised,
  ServerMessage,
  SoundNotice,
  Source,
  StartOptions,
  UpdateOptions,
  ViewerEvents,
  ViewerMessage,
  ViewerState,
} from "surtitle-client";
import WebSocketOfWs from "ws";

const start: StartOptions = { language: "en", words: true, revisions: true, channel: "main-hall" };
const access: Access = async () => "token";
const options: ClientOptions = { access, patienceMs: 0, keepMs: 1000, WebSocket: WebSocketOfWs };
const client = new CaptionClient(new URL("ws://127.0.0.1/v1/captions"), start, options);
new CaptionClient("ws://127.0.0.1/v1/captions", {}, { WebSocket });
// @ts-expect-error
new CaptionClient("ws://127.0.0.1/v1/captions", { task: "sing" });
// @ts-expect-error
new CaptionClient("ws://127.0.0.1/v1/captions", {}, { WebSocket: Map });
// @ts-expect-error
new CaptionClient("ws://127.0.0.1/v1/captions", {}, { access: () => 5 });

client.addEventListener("partial", ({ detail }) => detail.stable + detail.unstable);
client.addEventListener("final", ({ detail }) => detail.words?.map((word) => word.start_ms));
client.addEventListener("gap", ({ detail }) => detail.end_ms - detail.start_ms, { once: true });
client.addEventListener("level", ({ detail }) => decibels(detail.rms).toFixed());
client.addEventListener("state", ({ detail }) => {
  const state: ClientState = detail.state;
  const code: string | undefined = detail.error?.code;
  return [state, code];
});
client.addEventListener("something of tomorrow", (event: Event) => event.type);
const onFinal = ({ detail }: CustomEvent<Final>) => detail.text;
client.addEventListener("final", onFinal);
client.removeEventListener("final", onFinal);
// @ts-expect-error
client.addEventListener("final", ({ detail }) => detail.stable);
client.addEventListener("revised", ({ detail }) => {
  const revised: Revised = detail;
  // @ts-expect-error
  revised.language;
  return revised.text + (revised.words?.[0]?.text ?? "");
});
const target: EventTarget = client;
const names: (keyof CaptionEvents)[] = ["ready", "resumed", "status", "ack", "error", "ended"];
const viewerNames: (keyof ViewerEvents)[] = ["channel", "speech", "revised", "failed"];

async function all(source: Source, signal: AbortSignal): Promise<string[]> {
  const said: string[] = [];
  for await (const message of client.caption(source, { signal })) {
    if (message.type === "final") said.push(message.text);
    if (message.type === "revised") said[message.utterance - 1] = message.text;
    // @ts-expect-error
    if (message.type === "partial") said.push(message.text);
    if (message.type === "ack") said.push(String((message satisfies Ack).viewers ?? 0));
  }
  const ended: Ended = await client.stream(source);
  return [...said, String(ended.audio_ms)];
}

async function single(): Promise<void> {
  const ready: Ready = await client.connect();
  const watchToken: string | undefined = ready.watch_token;
  const changes: UpdateOptions = { hotwords: ["Surtitle"] };
  client.update(changes);
  // @ts-expect-error
  client.update({ words: true });
  // @ts-expect-error
  client.update({ revisions: true });
  // @ts-expect-error
  client.state = "ready";
  const taken: boolean = client.send(new Int16Array(1600));
  const iterated: AsyncIterable<ServerMessage> = client;
  for await (const message of iterated) console.log(message, taken, watchToken, client.backlogMs);
  client.flush();
  await client.stop();
  client.close();
}

async function sources(element: HTMLVideoElement, stream: MediaStream): Promise<Source[]> {
  const [microphone] = await listMicrophones();
  return [
    await openMicrophone(),
    await openMicrophone(microphone?.deviceId),
    await openDisplayAudio(),
    await openElement(element),
    await openElement(element, { nextWithinMs: Infinity }),
    await openStream(stream, "A call"),
    openSamples(new Int16Array(8), 16_000, { pace: 4, channels: 2 }),
    openSamples(new Float32Array(8), 48_000),
  ];
}

async function recording(client: CaptionClient): Promise<number> {
  const source: EncodedSource = await openRecording(new Blob(["…"]), "A file", true);
  client.addEventListener("sound", ({ detail }: CustomEvent<SoundNotice>) => {
    if (!detail.heard) console.log(detail.code, detail.message);
  });
  const { missing_ms } = await client.stream(source);
  return missing_ms ?? source.size;
}

class Tone implements Source {
  readonly sampleRate = 16_000;
  readonly label = "Tone";
  readonly durationMs = FRAME_MS;
  readonly ended = Promise.resolve();
  start(onFrame: (frame: Frame) => void): void {
    new PcmFramer(this.sampleRate, onFrame).push(new Float32Array(1600));
  }
  async stop(): Promise<void> {}
  setAudible(): void {}
}

async function watch(): Promise<ViewerState> {
  const viewer = new ChannelViewer("https://captions.example/v1/channels/main-hall", { access });
  viewer.addEventListener("channel", ({ detail }) => detail.viewers.toFixed());
  viewer.addEventListener("state", ({ detail }) => detail.message + (detail.error?.code ?? ""));
  const channel: ChannelMessage = await viewer.connect();
  for await (const message of viewer) {
    const known: ViewerMessage = message;
    if (known.type === "failed") console.log(known.message, channel.session);
    if (known.type === "revised") console.log(known.text, known.confidence.toFixed());
    // @ts-expect-error
    if (known.type === "ended") break;
  }
  viewer.close();
  return viewer.state;
}

function explain(error: unknown): string {
  if (error instanceof CaptionError) return `${error.code}: ${error.message}`;
  if (error instanceof Problem) return error.code;
  return String(error);
}

export { Tone, all, explain, names, recording, single, sources, target, viewerNames, watch };

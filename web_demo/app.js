/** The page: joins controls, sound, client, transcript and captions. */

import { BlockView } from "./block-view.js";
import { FRAME_MS } from "./client/capture-worklet.js";
import { CaptionsView } from "./captions-view.js";
import { CaptionClient } from "./client/client.js";
import { download } from "./download.js";
import { addLanguages } from "./languages.js";
import { LevelMeter } from "./level-meter.js";
import { runSession } from "./live-session.js";
import { keepPreference, preference } from "./preferences.js";
import { Problem } from "./client/problems.js";
import { listMicrophones, openMicrophone, openRecording, openSample } from "./client/sources.js";
import { StateLine } from "./state-line.js";
import { Transcript } from "./transcript.js";
import { keepScreenOn } from "./wake-lock.js";

/**
 * @typedef {import("./client/sources.js").Source} Source
 * @typedef {import("./transcript.js").Entry} Entry
 * @typedef {import("./client/client.d.ts").ServerMessage} ServerMessage
 * @typedef {import("./client/client.d.ts").Ended} Ended
 *
 * @typedef {object} Run from Start to the last caption
 * @property {AbortController} stop
 * @property {CaptionClient | null} client  null until the sound is open
 * @property {boolean} finishing            the last captions are awaited
 * @property {number} sentMs                sound sent so far
 * @property {boolean} away                 the connection broke and is not there again
 */

/** More unsent sound than this is worth a word, in milliseconds. */
const BACKLOG_MS = 3000;
/** How long the page says that the connection is there again. */
const BACK_MS = 4000;
const SCALES = [0.7, 0.85, 1, 1.2, 1.45, 1.75, 2.1];
const NORMAL_SCALE = SCALES.indexOf(1);

const controls = /** @type {HTMLFormElement} */ (byId("controls"));
const runButton = /** @type {HTMLButtonElement} */ (byId("run"));
const clearButton = /** @type {HTMLButtonElement} */ (byId("clear"));
const device = /** @type {HTMLSelectElement} */ (byId("device"));
const file = /** @type {HTMLInputElement} */ (byId("file"));
const audible = /** @type {HTMLInputElement} */ (byId("audible"));
const language = /** @type {HTMLSelectElement} */ (byId("language"));
const captionStyle = /** @type {HTMLSelectElement} */ (byId("caption-style"));
const saveButtons = /** @type {NodeListOf<HTMLButtonElement>} */ (
  document.querySelectorAll("[data-format]")
);

const transcript = new Transcript();
const stateLine = new StateLine(byId("state"), byId("state-words"));
const meter = new LevelMeter(byId("level"), byId("level-words"));
const view = new CaptionsView({
  viewport: byId("viewport"),
  lines: byId("lines"),
  log: byId("log"),
  open: byId("open"),
  latest: /** @type {HTMLButtonElement} */ (byId("latest")),
});

const block = new BlockView(byId("block"));

/** @type {Run | null} */
let current = null;

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

// ---- a run -------------------------------------------------------------------------------------

async function start() {
  /** @type {Run} */
  const run = {
    stop: new AbortController(),
    client: null,
    finishing: false,
    sentMs: 0,
    away: false,
  };
  current = run;
  notify("");
  showControls();
  void keepScreenOn(true);
  try {
    const source = await openSource();
    const ended = await caption(run, source);
    closeTranscript(ended.audio_ms, "The session ended before this caption was complete.");
    stateLine.show("ended", summary(ended));
  } catch (error) {
    closeTranscript(run.sentMs, "The connection was lost before this caption was complete.");
    showFailure(run, error);
  }
  current = null;
  void keepScreenOn(false);
  meter.reset(false);
  byId("position").textContent = "";
  showControls();
  await listDevices(); // their names are known once the microphone was allowed
}

/** What the Start button does while a run is on: end it; pressed again, do not wait for the rest. */
function stop() {
  if (current?.finishing) current.client?.close();
  current?.stop.abort();
}

/** @returns {Promise<Source>} */
async function openSource() {
  const kind = chosenSource();
  stateLine.show(kind === "microphone" ? "permission" : "opening");
  if (kind === "microphone") return openMicrophone(device.value);
  if (kind === "sample") return openSample(audible.checked);
  const [chosen] = file.files ?? [];
  if (!chosen) throw new Problem("Choose a sound or video file first.");
  return openRecording(chosen, chosen.name, audible.checked);
}

/** The token in the address after #: that part of it is sent to nobody and stands in no log. */
function tokenOfPage() {
  return new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
}

/**
 * @param {Run} run
 * @param {Source} source
 * @returns {Promise<Ended>}
 */
function caption(run, source) {
  const url = new URL("v1/captions", document.baseURI);
  const start = { sample_rate: source.sampleRate, language: language.value };
  const client = new CaptionClient(url, start, { access: tokenOfPage });
  run.client = client;
  client.addEventListener("state", ({ detail }) => {
    statusSentence = detail.message;
    noteReturn(run, source);
    showConnection(run, source);
  });
  // Another session says what was not answered yet once more.
  client.addEventListener("ready", () => transcript.withdrawOpen().forEach(showEntry));
  client.addEventListener("message", ({ detail }) => showMessage(detail));
  client.addEventListener("gap", ({ detail }) => showEntry(transcript.lose(detail)));
  client.addEventListener("error", ({ detail }) => detail.fatal || notify(detail.message));
  const mute = () => source.setAudible(audible.checked);
  audible.addEventListener("change", mute, { signal: run.stop.signal });
  return runSession(source, client, {
    stopped: run.stop.signal,
    onStart: () => meter.reset(source.durationMs === Infinity),
    onFrame: (frame) => {
      run.sentMs += FRAME_MS;
      meter.show(frame);
      showPosition(run, source);
      if (run.sentMs % 1000 === 0) showConnection(run, source);
    },
    onSourceProblem: (problem) => notify(problem.message),
    onFinishing: () => {
      run.finishing = true;
      showConnection(run, source);
      showControls();
    },
  });
}

/** @param {ServerMessage} message */
function showMessage(message) {
  const entry = transcript.apply(message);
  if (entry) showEntry(entry);
}

/** @param {Entry} entry */
function showEntry(entry) {
  view.show(entry);
  block.show(transcript.entries);
  showControls();
}

/**
 * @param {number} audioMs
 * @param {string} reason
 */
function closeTranscript(audioMs, reason) {
  for (const entry of transcript.endSession(audioMs, reason)) view.show(entry);
  block.show(transcript.entries);
}

// ---- what the page says ------------------------------------------------------------------------

/** The server's last sentence about its state, while that state holds. */
let statusSentence = "";
/** The client's sentence about a connection that is there again, for a while. */
let backSentence = "";
let backTimer = 0;

/**
 * @param {Run} run
 * @param {Source} source
 */
function noteReturn(run, source) {
  const away = run.client?.state === "reconnecting";
  backSentence = run.away && !away ? statusSentence : "";
  run.away = away;
  clearTimeout(backTimer);
  if (!backSentence) return;
  backTimer = window.setTimeout(() => {
    backSentence = "";
    if (current === run) showConnection(run, source);
  }, BACK_MS);
}

/**
 * @param {Run} run
 * @param {Source} source
 */
function showConnection(run, source) {
  const state = run.client?.state ?? "connecting";
  if (state === "ended" || state === "closed") return; // start() says how the run went
  if (state === "reconnecting") stateLine.show(state, statusSentence);
  else if (run.finishing) stateLine.show("finishing");
  else if (state !== "ready") stateLine.show(state, statusSentence);
  else if (backSentence) stateLine.show("ready", backSentence);
  else if ((run.client?.backlogMs ?? 0) > BACKLOG_MS) stateLine.show("slow");
  else stateLine.show("ready", listeningWords(run, source));
}

/**
 * @param {Run} run
 * @param {Source} source
 */
function listeningWords(run, source) {
  const doing = source.durationMs === Infinity ? "Listening" : `Captioning “${source.label}”`;
  const model = run.client?.ready?.model;
  return model ? `${doing} · model ${model}` : doing;
}

/**
 * @param {Run} run
 * @param {unknown} error
 */
function showFailure(run, error) {
  const sentence = error instanceof Error ? error.message : String(error);
  if (run.finishing && run.client?.state === "closed") stateLine.show("ended", "Stopped");
  else stateLine.show(run.client ? "closed" : "idle");
  if (!isOwnClose(error)) notify(sentence);
}

/** @param {unknown} error */
function isOwnClose(error) {
  return error instanceof Error && "code" in error && error.code === "closed";
}

/** @param {Ended} ended */
function summary({ audio_ms, utterances }) {
  const captions = utterances === 1 ? "1 caption" : `${utterances} captions`;
  return `Finished: ${captions} in ${minutes(audio_ms)}`;
}

/**
 * @param {Run} run
 * @param {Source} source
 */
function showPosition(run, source) {
  if (source.durationMs === Infinity) return;
  const at = Math.min(run.sentMs, source.durationMs);
  byId("position").textContent = `${minutes(at)} of ${minutes(source.durationMs)}`;
}

/** @param {number} ms */
function minutes(ms) {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** @param {string} sentence empty to take the notice away */
function notify(sentence) {
  const notice = byId("notice");
  notice.replaceChildren();
  if (!sentence) return;
  const paragraph = document.createElement("p");
  paragraph.textContent = sentence;
  notice.append(paragraph);
}

// ---- controls ----------------------------------------------------------------------------------

function chosenSource() {
  return /** @type {RadioNodeList} */ (controls.elements.namedItem("source")).value;
}

function showControls() {
  const running = current !== null;
  runButton.textContent = running ? (current?.finishing ? "Stop now" : "Stop") : "Start";
  controls.toggleAttribute("data-running", running);
  /** @type {HTMLFieldSetElement} */ (byId("sources")).disabled = running;
  device.disabled = running;
  file.disabled = running;
  for (const field of /** @type {NodeListOf<HTMLElement>} */ (
    controls.querySelectorAll("[data-for]")
  )) {
    field.hidden = !field.dataset.for?.split(" ").includes(chosenSource());
  }
  for (const button of saveButtons) button.disabled = transcript.isEmpty;
  clearButton.disabled = running || transcript.isEmpty;
  byId("welcome").hidden = running || transcript.entries.length > 0;
}

async function listDevices() {
  const chosen = device.value;
  const options = (await listMicrophones())
    .filter(({ deviceId }) => deviceId !== "default")
    .map(({ label, deviceId }, index) => new Option(label || `Microphone ${index + 1}`, deviceId));
  device.replaceChildren(new Option("Default microphone", ""), ...options);
  device.value = options.some(({ value }) => value === chosen) ? chosen : "";
}

function clear() {
  transcript.clear();
  view.clear();
  block.clear();
  showControls();
  runButton.focus(); // the button pressed is disabled now and would drop the keyboard's focus
}

/** @param {number} step */
function scaleCaptions(step) {
  const kept = preference("scale", String(NORMAL_SCALE));
  const old = kept in SCALES ? Number(kept) : NORMAL_SCALE;
  const index = Math.min(SCALES.length - 1, Math.max(0, old + step));
  document.documentElement.style.setProperty("--caption-scale", String(SCALES[index]));
  keepPreference("scale", String(index));
}

function styleCaptions() {
  document.body.classList.toggle("blocks", captionStyle.value === "block");
  block.show(transcript.entries);
}

/** Captions alone, on the whole screen where the browser can. */
async function present() {
  const on = document.body.classList.toggle("presenting");
  byId("present").setAttribute("aria-pressed", String(on));
  if (on) await document.documentElement.requestFullscreen?.().catch(() => {});
  else if (document.fullscreenElement) await document.exitFullscreen();
}

/** Escape leaves the full screen without asking the page. */
function leftFullscreen() {
  if (document.fullscreenElement) return;
  document.body.classList.remove("presenting");
  byId("present").setAttribute("aria-pressed", "false");
}

function begin() {
  addLanguages(language);
  language.value = preference("language", "auto");
  if (!language.value) language.value = "auto";
  captionStyle.value = preference("style", "roll-up") === "block" ? "block" : "roll-up";
  styleCaptions();
  scaleCaptions(0);
  controls.addEventListener("submit", (event) => {
    event.preventDefault();
    if (current) stop();
    else void start();
  });
  controls.addEventListener("change", showControls);
  language.addEventListener("change", () => {
    keepPreference("language", language.value);
    current?.client?.update({ language: language.value });
  });
  captionStyle.addEventListener("change", () => {
    keepPreference("style", captionStyle.value);
    styleCaptions();
  });
  for (const button of saveButtons) {
    button.addEventListener("click", () => download(transcript.entries, button.dataset.format ?? ""));
  }
  clearButton.addEventListener("click", clear);
  byId("smaller").addEventListener("click", () => scaleCaptions(-1));
  byId("larger").addEventListener("click", () => scaleCaptions(1));
  byId("present").addEventListener("click", () => void present());
  document.addEventListener("fullscreenchange", leftFullscreen);
  navigator.mediaDevices?.addEventListener("devicechange", () => void listDevices());
  void listDevices();
  showControls();
}

begin();

/**
 * The page of the control window: hears, sends to the server, and hands the captions to the subtitles. It
 * has the sound, and not the subtitle window, because a browser gives the sound of the machine only to a
 * page in which somebody has just pressed something.
 *
 * @typedef {import("../preload/hosts.js").ControlHost} ControlHost
 * @typedef {import("../preload/hosts.js").ServerState} ServerState
 * @typedef {import("../preload/hosts.js").Shown} Shown
 * @typedef {import("../../client/sources.js").Source} Source
 */

import {
  CaptionClient,
  listMicrophones,
  openDisplayAudio,
  openMicrophone,
} from "../../client/index.js";
import { addLanguages } from "../../languages.js";

const { host } = /** @type {{host: ControlHost}} */ (/** @type {unknown} */ (window));
const source = /** @type {HTMLSelectElement} */ (document.getElementById("source"));
const language = /** @type {HTMLSelectElement} */ (document.getElementById("language"));
const toggle = /** @type {HTMLButtonElement} */ (document.getElementById("toggle"));
const state = /** @type {HTMLElement} */ (document.getElementById("state"));
const problem = /** @type {HTMLElement} */ (document.getElementById("problem"));
const movable = /** @type {HTMLInputElement} */ (document.getElementById("movable"));

/** What the subtitles are made of. Not `revised`: lines that people are reading stay as they are. */
const SHOWN = new Set(["ready", "speech", "partial", "final", "suppressed", "failed"]);
const MICROPHONE = "microphone:";

/** @type {Record<ServerState["state"], string>} */
const SERVER_SENTENCES = {
  starting: "The caption server is starting.",
  ready: "Ready.",
  restarting: "The caption server is restarting.",
  failed: "There is no caption server.",
  stopped: "The caption server has been stopped.",
};

/** Address of the server; empty while there is none. */
let serverUrl = "";
/** Ends the session under way. */
/** @type {AbortController | null} */
let running = null;

host.onServer((server) => {
  serverUrl = server.url;
  if (!running) say(SERVER_SENTENCES[server.state]);
  if (server.state === "failed") problem.textContent = server.message;
  showToggle();
});

toggle.addEventListener("click", () => (running ? running.abort() : void run()));
movable.addEventListener("change", () => host.setMovable(movable.checked));
for (const edge of /** @type {const} */ (["top", "bottom"])) {
  document.getElementById(edge)?.addEventListener("click", () => host.placeAt(edge));
}
document.getElementById("quit")?.addEventListener("click", () => host.quit());
navigator.mediaDevices.addEventListener("devicechange", () => void showMicrophones());
addLanguages(language);
void showMicrophones();

/** From Start to the last caption. */
async function run() {
  const stop = new AbortController();
  running = stop;
  problem.textContent = "";
  showToggle();
  try {
    const sound = await open(source.value);
    void showMicrophones(); // they have names once one was allowed
    // What is wrong with the sound is said at once, the captions of what was heard still come.
    void sound.ended.catch(tell).then(() => stop.abort());
    await clientFor(sound, stop.signal).stream(sound, { signal: stop.signal });
  } catch (error) {
    tell(/** @type {Error} */ (error));
  }
  running = null;
  say(serverUrl ? SERVER_SENTENCES.ready : SERVER_SENTENCES.restarting);
  showToggle();
}

/**
 * @param {string} chosen
 * @returns {Promise<Source>}
 */
function open(chosen) {
  return chosen === "system" ? openDisplayAudio() : openMicrophone(chosen.slice(MICROPHONE.length));
}

/**
 * @param {Source} sound
 * @param {AbortSignal} stopped
 */
function clientFor(sound, stopped) {
  const client = new CaptionClient(new URL("/v1/captions", serverUrl), { language: language.value });
  client.addEventListener("message", ({ detail }) => {
    if (SHOWN.has(detail.type)) host.showCaption(/** @type {Shown} */ (detail));
  });
  client.addEventListener("ready", () => host.showCaption({ type: "clear" }), { once: true });
  const doing = () =>
    stopped.aborted ? "Finishing the last captions." : `Listening to ${sound.label}.`;
  client.addEventListener("state", ({ detail }) => {
    say(detail.state === "ready" ? doing() : detail.message);
  });
  client.addEventListener("sound", ({ detail }) => {
    problem.textContent = detail.message; // empty when all is well again
  });
  stopped.addEventListener("abort", () => say(doing()));
  return client;
}

function showToggle() {
  toggle.textContent = running ? "Stop" : "Start";
  toggle.disabled = !running && !serverUrl;
  source.disabled = language.disabled = running !== null;
}

async function showMicrophones() {
  const microphones = await listMicrophones();
  const chosen = source.value;
  for (const option of [...source.options]) {
    if (option.value.startsWith(MICROPHONE) && option.value !== MICROPHONE) option.remove();
  }
  for (const { deviceId, label } of microphones) {
    if (label && deviceId !== "default") source.add(new Option(label, MICROPHONE + deviceId));
  }
  source.value = chosen;
  if (!source.value) source.value = MICROPHONE; // it was unplugged
}

/** @param {string} sentence */
function say(sentence) {
  state.textContent = sentence;
}

/** @param {Error} error */
function tell(error) {
  problem.textContent = error.message;
}

/** The audience's page: the captions of one channel. */

import { channelOfPage, channelUrl, tokenOfPage } from "./address.js";
import { Arrival } from "./arrival.js";
import { ChannelViewer } from "./client/index.js";
import { byId } from "./dom.js";
import { addLanguageMenu } from "./language-menu.js";
import { keepOfflinePage } from "./offline-page.js";
import { addSettingsDialog } from "./settings-dialog.js";
import { Settings } from "./settings.js";
import { Stage } from "./stage.js";
import { StateLine } from "./state-line.js";
import { keepScreenOn } from "./wake-lock.js";
import { put, speakAsWished } from "./words.js";

/** @typedef {import("./client/index.js").ServerMessage} ServerMessage */

await speakAsWished();
const settings = new Settings();
const stage = new Stage(settings);
const stateLine = new StateLine(byId("state"), byId("state-words"));

/** @param {import("./transcript.js").Entry[]} withdrawn captions without an end */
function drop(withdrawn) {
  for (const entry of withdrawn) stage.show(entry);
}

const arrival = new Arrival();
const log = byId("log");

/** The session that the messages belong to. */
let session = "";

/** @param {string} channel */
function watch(channel) {
  put(/** @type {HTMLElement} */ (document.querySelector("title")), "watch.title_of", { channel });
  const heading = byId("channel");
  delete heading.dataset.say; // a name is the same in all languages
  heading.textContent = channel;
  const viewer = new ChannelViewer(channelUrl(channel), { access: tokenOfPage });
  // Who waits before the first word, and who waits after the last one, want to know different things.
  let isOver = false;
  const tell = (/** @type {string} */ state, /** @type {string | undefined} */ message) => {
    isOver = state === "waiting" && !stage.transcript.isEmpty;
    stateLine.show(isOver ? "over" : state, message);
  };
  viewer.addEventListener("state", ({ detail }) => {
    tell(detail.state, detail.message);
    if (detail.state === "waiting") drop(stage.transcript.withdrawOpen()); // nobody will answer it
    void keepScreenOn(detail.state === "live" || detail.state === "away");
  });
  // A screen reader shall not read out a quarter of an hour.
  viewer.addEventListener("message", ({ detail }) => (log.ariaBusy = String(!arrival.take(detail))));
  viewer.addEventListener("channel", ({ detail }) => {
    if (detail.session === session) return;
    session = detail.session;
    drop(stage.transcript.enterSession(session));
  });
  for (const type of /** @type {const} */ ([
    "speech",
    "partial",
    "final",
    "revised",
    "suppressed",
    "failed",
  ])) {
    viewer.addEventListener(type, ({ detail }) => {
      const entry = stage.transcript.apply(detail);
      if (entry) stage.show(entry);
      if (viewer.state === "waiting" && !isOver) tell("waiting", undefined); // that was said before
    });
  }
  viewer.connect().catch(() => {}); // "state" says it
}

void keepOfflinePage();
addLanguageMenu(byId("page-language"));
addSettingsDialog(settings, ["words", "revisions"]);
const channel = channelOfPage();
if (channel) watch(channel);
else stateLine.show("closed", { key: "watch.no_channel" });

/** The speaker's page: joins controls, sound, client, transcript and captions. */

import { tokenOfPage } from "./address.js";
import { CaptionClient, FRAME_MS, Problem } from "./client/index.js";
import { clock } from "./clock.js";
import { ConnectionWords, isRecording } from "./connection-words.js";
import { Delay } from "./delay.js";
import { Dock } from "./dock.js";
import { byId, create } from "./dom.js";
import { KeyField } from "./key-field.js";
import { findNetwork } from "./network.js";
import { addLanguageMenu } from "./language-menu.js";
import { LevelMeter } from "./level-meter.js";
import { NamesField } from "./names-field.js";
import { keepOfflinePage } from "./offline-page.js";
import { addSettingsDialog } from "./settings-dialog.js";
import { Settings } from "./settings.js";
import { Share } from "./share.js";
import { Shelf } from "./shelf.js";
import { Stage } from "./stage.js";
import { StateLine } from "./state-line.js";
import { isShown, kept } from "./transcript.js";
import { keepScreenOn } from "./wake-lock.js";
import { put, speakAsWished, write } from "./words.js";

/**
 * @typedef {import("./client/index.js").EncodedSource} EncodedSource
 * @typedef {import("./client/index.js").Source} Source
 * @typedef {import("./client/index.js").ServerMessage} ServerMessage
 * @typedef {import("./client/index.js").Ended} Ended
 * @typedef {import("./transcript.js").Entry} Entry
 *
 * @typedef {object} Run from Start to the last caption
 * @property {AbortController} stop         aborted when no more sound is sent
 * @property {Source | EncodedSource | null} source  null until the sound is open
 * @property {boolean} whole                the source has ended by itself
 * @property {CaptionClient | null} client  null until then as well
 * @property {boolean} finishing            the last captions are awaited
 * @property {string} unheard               what keeps the sound from being heard, or ""
 * @property {number} sentMs                sound sent so far
 * @property {Delay} delay
 */

await speakAsWished();
const settings = new Settings();
const stage = new Stage(settings);
const dock = new Dock();
const share = new Share();
const shelf = new Shelf();
const keyField = new KeyField();
const stateLine = new StateLine(byId("state"), byId("state-words"));
const meter = new LevelMeter(byId("level"), byId("level-words"));

/** @type {Run | null} */
let current = null;

// ---- a run -------------------------------------------------------------------------------------

async function start() {
  /** @type {Run} */
  const run = {
    stop: new AbortController(),
    source: null,
    whole: false,
    client: null,
    finishing: false,
    unheard: "",
    sentMs: 0,
    delay: new Delay(),
  };
  const words = new ConnectionWords(stateLine, run);
  current = run;
  notify("");
  showControls();
  void keepScreenOn(true);
  try {
    const problem = await keyField.settle();
    if (problem) throw new Problem(problem, "unknown_key");
    stateLine.show(
      dock.sourceKind === "file" || dock.sourceKind === "sample" ? "opening" : dock.sourceKind,
    );
    run.source = await dock.openSource();
    await caption(run, run.source, words);
  } catch (error) {
    showFailure(run, error);
  }
  run.stop.abort(); // nothing of this page listens to the run any more
  words.end();
  share.end();
  current = null;
  void keepScreenOn(false);
  meter.reset(false);
  dock.hidePosition();
  byId("delay").hidden = true;
  showControls();
  await dock.listDevices();
}

/** What the Start button does while a run is on: end it; pressed again, do not wait for the rest. */
function stop() {
  if (current?.finishing) current.client?.close();
  current?.stop.abort();
}

/**
 * @param {Run} run
 * @param {Source | EncodedSource} source
 * @param {ConnectionWords} words
 * @returns {Promise<Ended>}
 */
function caption(run, source, words) {
  const channel = share.channel;
  const client = new CaptionClient(
    new URL("v1/captions", document.baseURI),
    {
      ...(dock.language && { language: dock.language }),
      ...(names.names.length && { hotwords: names.names }),
      revisions: true, // what is saved has them, whatever is shown
      ...(settings.isOn("words") && { words: true }),
      ...(channel && { channel }),
      ...(!settings.isOn("archive") && { archive: false }),
    },
    { access: tokenOfPage },
  );
  run.client = client;
  share.begin(channel);
  client.addEventListener("state", ({ detail }) => words.note(detail.message));
  client.addEventListener("ready", ({ detail }) => {
    // Another session says what was not answered yet once more.
    for (const entry of stage.transcript.withdrawOpen()) show(entry);
    share.noteReady(detail);
    showKept(detail.archive_days);
  });
  client.addEventListener("message", ({ detail }) => showMessage(run, detail));
  client.addEventListener("gap", ({ detail }) => show(stage.transcript.lose(detail)));
  client.addEventListener("error", ({ detail: { code, message, fatal } }) => {
    if (fatal || (code === "damaged_audio" && isCut(run))) return;
    notify(message);
  });
  client.addEventListener("ack", ({ detail }) => share.noteViewers(detail.viewers));
  client.addEventListener("level", ({ detail }) => {
    run.sentMs += FRAME_MS;
    meter.show(detail);
    dock.showPosition(run.sentMs, source.durationMs);
    if (run.sentMs % 1000 === 0) words.show();
  });
  client.addEventListener("sound", ({ detail: { heard, message } }) => {
    run.unheard = heard ? "" : message;
    if (heard && message) notify(message);
    if (!heard) meter.rest();
    words.show();
  });
  // Not the value of `stream`, which fails where the sound broke off before.
  client.addEventListener("ended", ({ detail }) => {
    closeTranscript(detail.audio_ms, "The session ended before this caption was complete.");
    stateLine.show("ended", summary(detail));
    if (detail.missing_ms && !isCut(run)) notify(missing(detail.missing_ms));
  });
  const { signal } = run.stop;
  const finish = () => {
    if (client.state === "closed") return; // no caption comes any more
    run.finishing = true;
    words.show();
    showControls();
  };
  signal.addEventListener("abort", finish);
  if (signal.aborted) finish(); // while the sound was being opened
  dock.addEventListener("audible", () => source.setAudible(dock.audible), { signal });
  // What is wrong with the sound is said at once, the captions of what was heard still come.
  void source.ended
    .then(
      () => (run.whole = !run.stop.signal.aborted),
      (problem) => notify(problem.message),
    )
    .then(() => run.stop.abort());
  meter.reset(!isRecording(source));
  return client.stream(source, { signal });
}

/**
 * @param {Run} run
 * @param {ServerMessage} message
 */
function showMessage(run, message) {
  const entry = stage.transcript.apply(message);
  if (!entry) return;
  show(entry);
  if (!run.sentMs) return; // of a recording that is not played nobody waits for words
  const delayMs = run.delay.note(message, run.sentMs, performance.now());
  if (delayMs === null) return;
  byId("delay").hidden = false;
  put(byId("delay"), "run.delay", { tenths: delayMs / 1000 });
}

/**
 * @param {number} audioMs
 * @param {string} reason
 */
function closeTranscript(audioMs, reason) {
  for (const entry of stage.transcript.endSession(audioMs, reason)) show(entry);
}

/** @param {Entry} entry */
function show(entry) {
  stage.show(entry);
  if (entry.kind !== "open") shelf.keep(entry);
}

// ---- what the page says ------------------------------------------------------------------------

/**
 * @param {Run} run
 * @param {unknown} error
 */
function showFailure(run, error) {
  if (run.client?.state === "ended") return; // the sound broke off, which is said, and no caption is missing
  closeTranscript(run.sentMs, "The connection was lost before this caption was complete.");
  const sentence = error instanceof Error ? error.message : String(error);
  if (run.finishing && run.client?.state === "closed")
    stateLine.show("ended", { key: "state.stopped" });
  else stateLine.show(run.client ? "closed" : "idle");
  if (!isOwnClose(error)) notify(sentence);
  void keyField.check(); // the token may have expired
}

/** @param {number | undefined} days until the server deletes what is said, if it keeps it; 0 is never */
function showKept(days) {
  const note = byId("kept");
  note.hidden = days === undefined;
  if (days) put(note, "transcript.kept_for", { count: days });
  else put(note, "transcript.kept");
}

/** @param {unknown} error */
function isOwnClose(error) {
  return error instanceof Error && "code" in error && error.code === "closed";
}

/** @param {Ended} ended */
function summary({ audio_ms, utterances }) {
  return { key: "state.finished_with", values: { count: utterances, length: clock(audio_ms) } };
}

/** @param {number} ms of a recording */
function missing(ms) {
  if (ms >= 60_000) return { key: "recording.unread_minutes", values: { length: clock(ms) } };
  const seconds = Math.max(0.1, Number((ms / 1000).toFixed(ms < 9950 ? 1 : 0)));
  return { key: "recording.unread_seconds", values: { seconds } };
}

/**
 * Whether a recording was stopped before its end: that the rest is missing is no wonder.
 *
 * @param {Run} run
 */
function isCut(run) {
  return run.finishing && !run.whole;
}

/**
 * @param {string | import("./wording.js").Said} said empty to take the notice away
 * @param {...Node} more what can be done about it
 */
function notify(said, ...more) {
  const sentence = said && write(create("span", { dir: "auto" }), said);
  byId("notice").replaceChildren(...(sentence ? [create("p", {}, sentence, ...more)] : []));
  byId("dismiss").hidden = !sentence;
}

// ---- controls ----------------------------------------------------------------------------------

function showControls() {
  dock.show(current === null ? "idle" : current.finishing ? "finishing" : "running");
  stage.mayClear(current === null);
  byId("welcome").hidden = current !== null || stage.transcript.entries.length > 0;
}

addLanguageMenu(byId("page-language"));
addSettingsDialog(settings, ["words", "revisions", "delay", "archive"]);
const names = new NamesField();
names.addEventListener("change", () => current?.client?.update({ hotwords: names.names }));
byId("words-hint").append(" ", put(create("span"), "setting.next_start")); // a session has words or has none
dock.addEventListener("run", () => {
  if (current) stop();
  else void start();
});
dock.addEventListener("language", () => current?.client?.update({ language: dock.language }));
byId("dismiss").addEventListener("click", () => {
  notify("");
  dock.focus(); // the button is gone now
});
byId("clear").addEventListener("click", () => {
  const { entries } = stage.transcript;
  stage.clear();
  shelf.clear();
  const undo = put(create("button", { type: "button" }), "transcript.undo");
  undo.addEventListener("click", () => {
    restore(entries);
    shelf.keep(...stage.transcript.entries);
  });
  notify({ key: "transcript.cleared" }, undo);
  showControls();
  dock.focus(); // the button pressed is disabled now and would drop the keyboard's focus
});

// ---- transcripts that outlive the page -----------------------------------------------------------

/** @param {Entry[]} entries */
function restore(entries) {
  notify("");
  stage.restore(entries);
  showControls();
  dock.focus();
}

/** What earlier pages have left can be had again, or deleted. */
async function offerEarlier() {
  for (const left of await shelf.earlier()) {
    const lines = left.entries.filter((entry) => isShown(kept(entry))).length;
    if (lines) offer(left, lines);
    else void shelf.remove(left.id);
  }
}

/**
 * @param {import("./shelf.js").Kept} left
 * @param {number} lines that can be read
 */
function offer(left, lines) {
  const offers = byId("restore");
  const words = put(create("span"), offers.hidden ? "restore.offer" : "restore.older", {
    count: lines,
    when: left.at,
  });
  const open = put(create("button", { type: "button" }), "restore.open");
  const remove = put(create("button", { type: "button" }), "restore.delete");
  const row = create("li", {}, words, open, remove);
  const end = () => {
    row.remove();
    offers.hidden = !offers.childElementCount;
    dock.focus(); // the button pressed is gone
  };
  open.addEventListener("click", () => {
    restore(left.entries);
    shelf.takeOver(left.id, ...stage.transcript.entries);
    end();
  });
  remove.addEventListener("click", () => {
    void shelf.remove(left.id);
    end();
  });
  offers.append(row);
  offers.hidden = false;
}

shelf.addEventListener("loss", () => notify({ key: "transcript.not_kept" }));
addEventListener("beforeunload", (event) => {
  const isLost = !shelf.isWhole && !stage.transcript.isEmpty;
  if (current || isLost) event.preventDefault(); // the browser asks whether the page is to be left
});
void offerEarlier();
void findNetwork().then(({ language }) => dock.expect(language));
void keepOfflinePage();
showControls();

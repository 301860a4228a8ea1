/** The page of somebody who corrects the captions of a channel while others read them. */

import { channelOfPage, channelUrl, tokenOfPage } from "./address.js";
import { ChannelViewer } from "./client/index.js";
import { Corrections } from "./corrections.js";
import { byId, create } from "./dom.js";
import { isForInputMethod, isListenKey, isMac } from "./keys.js";
import { addLanguageMenu } from "./language-menu.js";
import { keepOfflinePage } from "./offline-page.js";
import { StateLine } from "./state-line.js";
import { keepScreenOn } from "./wake-lock.js";
import { inWords, put, say, speakAsWished, spoken, write } from "./words.js";

/** @typedef {import("./corrections.js").Line} Line */

const UNREACHABLE = "The server cannot be reached. Press Enter to try again.";
/** So near to its end the list follows what is said. */
const NEAR_PX = 80;
/** The style sheet makes fields as high as their text, where the browser can. */
const IS_FITTED = CSS.supports("field-sizing", "content");
const ON_MAC = isMac(navigator.platform);
/** What Enter sends. Leaving the line sends only what is over nothing but what its writer has seen. */
const UNSENT = new Set(["changed", "conflict", "failed"]);

await speakAsWished();
const corrections = new Corrections();
const stateLine = new StateLine(byId("state"), byId("state-words"));
const sheet = byId("sheet");
const list = byId("lines");
const nameField = /** @type {HTMLInputElement} */ (byId("name"));
/** @type {Map<Line, {item: HTMLElement, field: HTMLTextAreaElement, note: HTMLElement, button: HTMLButtonElement}>} */
const rows = new Map();

// ---- what the server is told ------------------------------------------------------------------------

/**
 * @param {"corrections" | "names"} what
 * @param {object} body
 * @returns {Promise<{error: string, text?: string}>} without a sentence where the server has taken it
 */
async function post(what, body) {
  /** @type {Record<string, string>} */
  const headers = { "Content-Type": "application/json" };
  if (tokenOfPage()) headers.Authorization = `Bearer ${tokenOfPage()}`;
  const url = `${channelUrl(channelOfPage()).href}/${what}`;
  const request = { method: "POST", headers, body: JSON.stringify(body) };
  const response = await fetch(url, request).catch(() => null);
  if (!response) return { error: UNREACHABLE };
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return { error: "" };
  return { error: answer.error ?? `The server answered ${response.status}.`, text: answer.text };
}

/**
 * @param {Line} line
 * @param {string} [text]
 */
async function send(line, text = line.written) {
  const body = line.send(text);
  show(line);
  const { error, text: meanwhile } = await post("corrections", body);
  if (error) line.fail(error, meanwhile);
  else line.receive(body.text); // as all who watch get it
  show(line);
}

/** @param {string} name */
async function listenFor(name) {
  const { error } = await post("names", { names: [name.trim()] });
  announce(error || { key: "edit.listening", values: { name: name.trim() } });
  return !error;
}

/** @param {string | import("./wording.js").Said} said */
function announce(said) {
  byId("announcement").textContent =
    typeof said === "string" ? inWords(said) : say(said.key, said.values);
  stateLine.show("ready", said);
}

// ---- the lines --------------------------------------------------------------------------------------

/** @param {Line} line */
function show(line) {
  const { item, field, note, button } = rows.get(line) ?? add(line);
  item.dataset.state = line.state;
  if (field.value !== line.written) field.value = line.written;
  field.readOnly = line.state === "deleted";
  showNote(note, line);
  put(button, line.state === "deleted" ? "edit.restore" : "edit.delete");
  fit(field); // beside the words of the button
}

/**
 * @param {HTMLElement} note
 * @param {Line} line
 */
function showNote(note, { state, text, note: words }) {
  const isConflict = state === "conflict";
  note.hidden = !isConflict && !words;
  if (isConflict) put(note, text ? "edit.meanwhile" : "edit.meanwhile_deleted", { text });
  else write(note, words);
}

/** @param {Line} line */
function add(line) {
  const field = create("textarea", { rows: "1", dir: "auto" });
  put(field, "edit.caption", undefined, "sayLabel");
  if (line.language) field.lang = line.language;
  const note = create("p", { class: "note", role: "status", dir: "auto" });
  const button = create("button", { type: "button", class: "quiet" });
  const item = create("li", { class: "line" }, field, button, note);
  const row = { item, field, note, button };
  field.addEventListener("input", () => {
    line.write(field.value);
    show(line);
  });
  field.addEventListener("blur", () => {
    if (document.activeElement === field) return; // the window was left, not the line
    if (line.state === "changed") void send(line);
  });
  field.addEventListener("keydown", (event) => onKey(event, line));
  button.addEventListener("click", () => turn(line));
  rows.set(line, row);
  list.append(item);
  return row;
}

/**
 * Delete a caption, or take that back.
 *
 * @param {Line} line
 */
function turn(line) {
  void send(line, line.state === "deleted" ? line.before : "");
}

/** @param {HTMLTextAreaElement} field gets as high as its text */
function fit(field) {
  if (IS_FITTED) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
}

/**
 * @param {KeyboardEvent} event
 * @param {Line} line
 */
function onKey(event, line) {
  if (isForInputMethod(event)) return;
  const { field } = /** @type {{field: HTMLTextAreaElement}} */ (rows.get(line));
  if (event.key === "Enter" && !event.shiftKey) {
    if (UNSENT.has(line.state)) void send(line);
    move(line, 1);
  } else if (event.key === "Escape") {
    line.revert();
    show(line);
  } else if (event.key === "ArrowUp" && field.selectionStart === 0) {
    move(line, -1);
  } else if (event.key === "ArrowDown" && field.selectionEnd === field.value.length) {
    move(line, 1);
  } else if (event.key === "Delete" && event.ctrlKey) {
    turn(line);
    move(line, 1);
  } else {
    return;
  }
  event.preventDefault();
}

/**
 * @param {Line} line
 * @param {1 | -1} step
 */
function move(line, step) {
  const next = corrections.lines[corrections.lines.indexOf(line) + step];
  const row = next && rows.get(next);
  if (!row) return;
  row.field.focus();
  const end = step < 0 ? row.field.value.length : 0;
  row.field.setSelectionRange(end, end);
}

// ---- names ------------------------------------------------------------------------------------------

byId("names-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (nameField.value.trim() && (await listenFor(nameField.value))) nameField.value = "";
});

addEventListener("keydown", (event) => {
  if (!isListenKey(event, ON_MAC)) return;
  event.preventDefault();
  const field = document.activeElement;
  const isLine = field instanceof HTMLTextAreaElement;
  const chosen = isLine ? field.value.slice(field.selectionStart, field.selectionEnd).trim() : "";
  if (chosen) void listenFor(chosen);
  else nameField.focus();
});

if (ON_MAC) byId("alt").replaceWith(create("kbd", {}, "Ctrl"), " ", create("kbd", {}, "Option"));

// ---- what is said -----------------------------------------------------------------------------------

/** @param {string} channel */
function watch(channel) {
  put(/** @type {HTMLElement} */ (document.querySelector("title")), "edit.title_of", { channel });
  const heading = byId("channel");
  delete heading.dataset.say; // a name is the same in all languages
  heading.textContent = channel;
  const viewer = new ChannelViewer(channelUrl(channel), { access: tokenOfPage });
  let isOver = false;
  const tell = (/** @type {string} */ state, /** @type {string | undefined} */ message) => {
    isOver = state === "waiting" && corrections.lines.length > 0;
    stateLine.show(isOver ? "over" : state, message);
  };
  viewer.addEventListener("state", ({ detail: { state, message } }) => {
    tell(state, message);
    void keepScreenOn(state === "live" || state === "away");
  });
  viewer.addEventListener("message", ({ detail }) => {
    const isNear = sheet.scrollHeight - sheet.scrollTop - sheet.clientHeight < NEAR_PX;
    const line = corrections.take(detail);
    byId("open").textContent = corrections.open;
    if (line) show(line);
    forgetOld();
    byId("empty").hidden = corrections.lines.length > 0;
    if (line && viewer.state === "waiting" && !isOver) tell("waiting", undefined); // said before
    const isWriting = list.contains(document.activeElement);
    if (isNear && !isWriting) sheet.scrollTo({ top: sheet.scrollHeight, behavior: "instant" });
  });
  viewer.connect().catch(() => {}); // "state" says it
}

function forgetOld() {
  for (const [line, { item }] of rows) {
    if (line === corrections.lines[0]) return;
    if (corrections.lines.includes(line)) return;
    item.remove();
    rows.delete(line);
  }
}

function fitAll() {
  for (const { field } of rows.values()) fit(field);
}

addEventListener("resize", fitAll);
spoken.addEventListener("change", fitAll);
addLanguageMenu(byId("page-language"));
void keepOfflinePage();
const channel = channelOfPage();
if (channel) watch(channel);
else stateLine.show("closed", { key: "watch.no_channel" });

/**
 * Why there is no (or no longer a) connection, in sentences that say what to do.
 *
 * @typedef {import("./link.js").End} End
 *
 * @typedef {object} Refusal
 * @property {CaptionError} error
 * @property {boolean} passes  it may help to try again
 */

import { Problem } from "./problems.js";
import { explainNoAnswer, isMixedContent, noAnswerSentence, strangerSentence } from "./unanswered.js";
import { toHttpUrl } from "./urls.js";

/** Used when the server did not say why in an `error` before the close. */
const CLOSE_SENTENCES = new Map([
  [1000, "The server ended the session."],
  [1001, "The server is shutting down. Start again in a moment."],
  [1006, "The connection to the server was lost. Check that it is running, then start again."],
  [1007, "The server does not speak Surtitle's protocol. Check its address."],
  [1008, "The server does not allow this."],
  [1011, "The server had an internal error. Start again; if it recurs, check the server's log."],
  [1013, "The server is too busy. Try again in a moment."],
  [4408, "The server closed the session because no audio arrived."],
]);

/** 1006 is a connection that broke, 4408 one on which nothing was sent for long: the session is kept. */
const PASSING_CLOSES = new Set([1001, 1006, 1011, 1012, 1013, 1014, 4408]);

/** Sentences for a refused handshake whose answer has none of its own. */
const REFUSAL_SENTENCES = new Map([
  [401, "The server requires a key that this page does not have."],
  [403, "The server does not accept connections from this page's address."],
  [404, "There is no caption service at this address."],
  [429, "This client has too many sessions open. Close another page that shows captions."],
  [502, "The server cannot be reached through its proxy."],
  [503, "The server is full or still starting."],
  [504, "The server does not respond to its proxy."],
]);
const UNCLEAR_SENTENCE = "The server did not accept the connection. Start again.";

/** The answer to who asks without a handshake: a server that would accept one now. */
const UPGRADE_REQUIRED = 426;
/** What refusals say as `code`. The first two may be read by pages of all origins. */
const FOREIGN_PAGE = "foreign_page";
const OTHER_NAME = "other_name";
const NO_HANDSHAKE = "no_handshake";
const ANYBODYS = new Set([FOREIGN_PAGE, OTHER_NAME]);
/** Time for an answer that explains a refusal. */
const EXPLAIN_MS = 15_000;

export class CaptionError extends Problem {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message, code);
    this.name = "CaptionError";
  }
}

/**
 * Whether it makes sense to connect again after a connection that was closed with this code, or that broke.
 *
 * @param {number} code
 */
export function closePasses(code) {
  return PASSING_CLOSES.has(code);
}

/**
 * The same after a handshake refused with this status of HTTP: a server is full, starting or stopping, or what
 * stands before it has nobody behind it for now.
 *
 * @param {number} status
 */
export function refusalPasses(status) {
  return status === 429 || (status >= 500 && status <= 599);
}

/**
 * @param {number} code of the close
 * @returns {CaptionError}
 */
function explainClose(code) {
  const sentence = CLOSE_SENTENCES.get(code) ?? `The server closed the connection (${code}).`;
  return new CaptionError(`closed_${code}`, sentence);
}

/**
 * Why a connection ended or never was.
 *
 * @param {End} end
 * @param {URL} url
 * @param {string} token that was offered, or ""
 * @param {AbortSignal} left ends the question
 * @param {boolean} [isFirst] whether there was no connection before: then it is worth a closer look
 * @returns {Promise<Refusal>}
 */
export async function explainEnd(end, url, token, left, isFirst = false) {
  const { code, opened, noToken, noSocket, silent, blocked } = end;
  if (noToken !== undefined) {
    const sentence = `The token for the server could not be obtained: ${wordsOf(noToken)}`;
    return { error: new CaptionError("no_token", sentence), passes: true };
  }
  if (!opened && blocked) return { error: blockedError(url), passes: false };
  if (!opened && isMixedContent(url)) return { error: mixedContentError(url), passes: false };
  if (noSocket !== undefined) {
    const words = token ? wordsOf(noSocket).replaceAll(token, "…") : wordsOf(noSocket);
    const sentence = `The connection could not be opened: ${words}`;
    // The next token may be one that can be offered; the address stays.
    return { error: new CaptionError("no_socket", sentence), passes: token !== "" };
  }
  if (silent && !isFirst) return unreachable(noAnswerSentence(url.host));
  if (!opened) return explainRefusal(url, token, left, isFirst);
  return { error: explainClose(code), passes: closePasses(code) };
}

/**
 * Browsers hide why a WebSocket was refused. The same address asked over HTTP gets the same refusal,
 * readable; a server that would accept answers something else (426).
 *
 * @param {URL} url
 * @param {string} token  the one that was offered, or ""
 * @param {AbortSignal} left ends the question
 * @param {boolean} isFirst
 * @returns {Promise<Refusal>}
 */
async function explainRefusal(url, token, left, isFirst) {
  const question = new AbortController();
  const leave = () => question.abort();
  const timer = setTimeout(leave, EXPLAIN_MS);
  left.addEventListener("abort", leave);
  const { signal } = question;
  try {
    const said = await ask(url, token, signal);
    if (said) return explainAnswer(said, url);
    // A page that the server does not admit may send no token, but read that it is not admitted.
    const without = token ? await ask(url, "", signal) : null;
    if (without && ANYBODYS.has(without.code)) return explainAnswer(without, url);
    return unreachable(isFirst ? await explainNoAnswer(url, signal) : noAnswerSentence(url.host));
  } finally {
    leave(); // what nobody has read of the answer
    clearTimeout(timer);
    left.removeEventListener("abort", leave);
  }
}

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {string} sentence  the server's own, or ""
 * @property {string} code      or ""
 * @property {string} advice    when to try again, or ""
 *
 * @param {URL} url
 * @param {string} token
 * @param {AbortSignal} signal
 * @returns {Promise<Answer | null>} null where there is none, or none that this page may read
 */
async function ask(url, token, signal) {
  const headers = token ? { Authorization: `Bearer ${token}` } : undefined;
  try {
    const response = await fetch(toHttpUrl(url), { cache: "no-store", headers, signal });
    const { error, code } = await wordsIn(response);
    return { status: response.status, sentence: error, code, advice: retryAdvice(response) };
  } catch {
    return null;
  }
}

/**
 * @param {string} sentence
 * @returns {Refusal}
 */
function unreachable(sentence) {
  return { error: new CaptionError("unreachable", sentence), passes: true };
}

/**
 * @param {Answer} answer
 * @param {URL} url
 * @returns {Refusal}
 */
function explainAnswer({ status, sentence, code, advice }, url) {
  const refused = (/** @type {string} */ words) => new CaptionError("refused", words + advice);
  if (code === FOREIGN_PAGE) {
    // Pages from files have an origin for WebSockets, but none for `fetch`: that may not be the reason.
    const passes = globalThis.location?.protocol === "file:";
    return { error: refused(foreignPageSentence(url)), passes };
  }
  if (code === OTHER_NAME) return { error: refused(otherNameSentence(url)), passes: false };
  if (status === UPGRADE_REQUIRED || code === NO_HANDSHAKE) {
    return { error: refused(noUpgradeSentence(url)), passes: status === UPGRADE_REQUIRED };
  }
  if (status < 400) return { error: refused(strangerSentence(url.host)), passes: false };
  const words = sentence || REFUSAL_SENTENCES.get(status) || UNCLEAR_SENTENCE;
  return { error: refused(words), passes: refusalPasses(status) };
}

/** @param {URL} url */
function foreignPageSentence({ host }) {
  const { origin = "null" } = globalThis.location ?? {};
  const option = `--allowed-origins ${origin}`;
  return `The server at ${host} does not accept pages from ${origin}. Start the server with ${option}`;
}

/** @param {URL} url */
function otherNameSentence({ host, protocol }) {
  const origin = `${protocol === "wss:" ? "https" : "http"}://${host}`;
  const { origin: page } = globalThis.location ?? {};
  const option = `--allowed-origins ${[origin, page].filter(Boolean).join(",")}`;
  return `The server does not answer to the name ${host}. Use its IP address, or start it with ${option}`;
}

/** @param {URL} url */
function noUpgradeSentence({ host }) {
  return (
    `The server answers at ${host}, but not as a WebSocket. If that recurs, something in between lets no ` +
    "WebSocket through: a reverse proxy must pass on the headers Upgrade and Connection."
  );
}

/** @param {URL} url */
function mixedContentError({ host }) {
  const sentence =
    `This page was loaded over https, so the browser does not let it connect to ws://${host}. Give the ` +
    `server TLS, or put a reverse proxy with TLS in front of it, and use wss://`;
  return new CaptionError("no_socket", sentence);
}

/** @param {URL} url */
function blockedError({ protocol, host }) {
  const sentence =
    `The Content-Security-Policy of this page does not let it connect to ${host}. ` +
    `Add ${protocol}//${host} and ${protocol.replace("ws", "http")}//${host} to its connect-src`;
  return new CaptionError("no_socket", sentence);
}

/**
 * The server's own words, if the answer has some.
 *
 * @param {Response} response
 * @returns {Promise<{error: string, code: string}>}
 */
async function wordsIn(response) {
  const none = { error: "", code: "" };
  if (!response.headers.get("content-type")?.startsWith("application/json")) return none;
  try {
    const { error, code } = await response.json();
    return { error: textOf(error), code: textOf(code) };
  } catch {
    return none;
  }
}

/** @param {unknown} value */
function textOf(value) {
  return typeof value === "string" ? value : "";
}

/** @param {unknown} error */
function wordsOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** @param {Response} response */
function retryAdvice(response) {
  const seconds = Number(response.headers.get("retry-after"));
  return seconds > 0 ? ` Try again in ${seconds} s.` : "";
}

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
 * @returns {Promise<Refusal>}
 */
export async function explainEnd({ code, opened, noToken, noSocket, silent }, url, token, left) {
  if (noToken !== undefined) {
    const sentence = `The token for the server could not be obtained: ${wordsOf(noToken)}`;
    return { error: new CaptionError("no_token", sentence), passes: true };
  }
  if (noSocket !== undefined) {
    const words = token ? wordsOf(noSocket).replaceAll(token, "…") : wordsOf(noSocket);
    const sentence = `The connection could not be opened: ${words}`;
    // The next token may be one that can be offered; the address stays.
    return { error: new CaptionError("no_socket", sentence), passes: token !== "" };
  }
  if (silent) return unreachable(url);
  if (!opened) return explainRefusal(url, token, left);
  return { error: explainClose(code), passes: closePasses(code) };
}

/**
 * Browsers hide why a WebSocket was refused. The same address asked over HTTP gets the same refusal,
 * readable; a server that would accept answers something else (426).
 *
 * @param {URL} url
 * @param {string} token  the one that was offered, or ""
 * @param {AbortSignal} left ends the question
 * @returns {Promise<Refusal>}
 */
async function explainRefusal(url, token, left) {
  const question = new AbortController();
  const leave = () => question.abort();
  const timer = setTimeout(leave, EXPLAIN_MS);
  left.addEventListener("abort", leave);
  try {
    const headers = token ? { Authorization: `Bearer ${token}` } : undefined;
    const { signal } = question;
    return await explainAnswer(await fetch(toHttpUrl(url), { cache: "no-store", headers, signal }));
  } catch {
    return unreachable(url);
  } finally {
    leave(); // what nobody has read of the answer
    clearTimeout(timer);
    left.removeEventListener("abort", leave);
  }
}

/**
 * @param {URL} url
 * @returns {Refusal}
 */
function unreachable(url) {
  const advice = "Check that the server is running and reachable, then start again.";
  const error = new CaptionError("unreachable", `No answer from ${url.host}. ${advice}`);
  return { error, passes: true };
}

/**
 * @param {Response} response
 * @returns {Promise<Refusal>}
 */
async function explainAnswer(response) {
  const { status } = response;
  const sentence = (await sentenceOf(response)) ?? REFUSAL_SENTENCES.get(status) ?? UNCLEAR_SENTENCE;
  return {
    error: new CaptionError("refused", sentence + retryAdvice(response)),
    passes: status === UPGRADE_REQUIRED || refusalPasses(status),
  };
}

/**
 * The server's own words, if the answer has some.
 *
 * @param {Response} response
 * @returns {Promise<string | undefined>}
 */
async function sentenceOf(response) {
  if (!response.headers.get("content-type")?.startsWith("application/json")) return undefined;
  try {
    const { error } = await response.json();
    return typeof error === "string" && error ? error : undefined;
  } catch {
    return undefined;
  }
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

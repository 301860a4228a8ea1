/**
 * Why nobody has answered. Browsers hide that, so this looks at what they let a page see: whether anybody
 * answers at all, with TLS or without.
 */

/** Names and addresses of this machine itself, which browsers trust without TLS (W3C Secure Contexts, 3.1). */
const OWN_MACHINE = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * Whether a page over https must not open this address (W3C Mixed Content, 5.1).
 *
 * @param {URL} url of a WebSocket
 */
export function isMixedContent(url) {
  const isSecurePage = globalThis.location?.protocol === "https:";
  return isSecurePage && url.protocol === "ws:" && !OWN_MACHINE.test(url.hostname);
}

/**
 * @param {URL} url of a WebSocket
 * @param {AbortSignal} signal ends the question
 * @returns {Promise<string>} a sentence that says what to do
 */
export async function explainNoAnswer(url, signal) {
  // Where the page itself came from, the address is right; and its policy may allow nothing but that.
  if (globalThis.location?.host === url.host) return noAnswerSentence(url.host);
  const [plain, secure] = await Promise.all(
    ["http:", "https:"].map((protocol) => answers(url, protocol, signal)),
  );
  const { host } = url;
  if (url.protocol === "ws:") {
    if (secure) return `The server at ${host} expects TLS. Use wss:// instead of ws:// in its address.`;
    return plain ? strangerSentence(host) : noAnswerSentence(host);
  }
  if (secure) return strangerSentence(host);
  if (plain) return `The server at ${host} has no TLS. Use ws:// instead of wss:// in its address.`;
  const certificate = `If it is, the browser may not trust its certificate: open https://${host} in a tab.`;
  return `${noAnswerSentence(host)} ${certificate}`;
}

/** @param {string} host */
export function noAnswerSentence(host) {
  return `No answer from ${host}. Check that the server is running and reachable, then start again.`;
}

/** @param {string} host */
export function strangerSentence(host) {
  return (
    `Something answers at ${host}, but no Surtitle server. Check the address and its port, and whether a ` +
    "proxy in between has lost its server."
  );
}

/**
 * Whether anybody does, whatever he says.
 *
 * @param {URL} url
 * @param {string} protocol
 * @param {AbortSignal} signal
 */
async function answers(url, protocol, signal) {
  const address = new URL(url.href.replace(/^wss?:/, protocol));
  try {
    const answer = await fetch(address, { mode: "no-cors", cache: "no-store", signal });
    void answer.body?.cancel();
    return true;
  } catch {
    return false;
  }
}

/** Addresses of the server. */

/**
 * The same address for a WebSocket, whether it was written with ws(s): or http(s):.
 *
 * @param {string | URL} url
 */
export function toWebSocketUrl(url) {
  const address = new URL(url);
  address.protocol = address.protocol.replace(/^http/, "ws");
  return address;
}

/**
 * The same address with what a balancer tells clients apart by, so that one that comes back finds its server
 * again. One that publishes in a channel goes where its viewers go, who have the channel in their path.
 *
 * @param {URL} url
 * @param {string | null | undefined} channel
 */
export function withAffinity(url, channel) {
  const address = new URL(url);
  if (address.searchParams.has("affinity")) return address;
  const numbers = crypto.getRandomValues(new Uint32Array(2));
  const random = Array.from(numbers, (number) => number.toString(36)).join("");
  address.searchParams.set("affinity", channel || random);
  return address;
}

/**
 * The same address for a request.
 *
 * @param {URL} url
 */
export function toHttpUrl(url) {
  const address = new URL(url);
  address.protocol = address.protocol.replace(/^ws/, "http");
  return address;
}

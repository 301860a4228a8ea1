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
 * The same address for a request.
 *
 * @param {URL} url
 */
export function toHttpUrl(url) {
  const address = new URL(url);
  address.protocol = address.protocol.replace(/^ws/, "http");
  return address;
}

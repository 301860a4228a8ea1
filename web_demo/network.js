/** Where others find the server, what it expects to hear, and whether it asks this page for a key. */

import { tokenOfPage } from "./address.js";

/**
 * @typedef {object} Network
 * @property {string[]} urls     where others find the server, the likeliest first
 * @property {string} command    opens a server that only this machine reaches; or ""
 * @property {string} language   spoken where nobody chooses one, or "auto"
 * @property {boolean} needsKey  the server does not know who asks
 */

/** @returns {Promise<Network>} */
export async function findNetwork() {
  const nothing = { urls: [], command: "", language: "auto", needsKey: false };
  const token = tokenOfPage();
  const response = await fetch(new URL("v1/network", document.baseURI), {
    cache: "no-store",
    headers: token ? { Authorization: `Bearer ${token}` } : {},
  }).catch(() => null);
  if (!response?.ok) return { ...nothing, needsKey: response?.status === 401 };
  return { ...nothing, ...(await response.json()) };
}

/** Whether the address of this page means something else, or nothing, on any other machine. */
export function isPageLocal() {
  return (
    ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname) ||
    location.hostname.endsWith(".localhost")
  );
}

/** What the page's address says. */

import { NAME_PATTERN } from "./channel-names.js";

/** The token after #: that part of an address is sent to nobody and stands in no log. */
export function tokenOfPage() {
  return new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
}

/** The channel of /watch/NAME and /overlay/NAME; empty where the address names none. */
export function channelOfPage() {
  const name = location.pathname.split("/").at(-1) ?? "";
  return NAME_PATTERN.test(name) ? name : "";
}

/** @param {string} channel */
export function channelUrl(channel) {
  return new URL(`../v1/channels/${channel}`, document.baseURI);
}

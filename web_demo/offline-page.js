/** Keeps a page on the device that says, in the reader's language, that the server cannot be reached. */

import { isPageLocal } from "./network.js";
import { fillAll, spoken } from "./words.js";

/** As the service worker calls it. */
const CACHE = "surtitle-offline";
const PAGE = here("offline.html");

/** Also when the reader chooses another language. */
export async function keepOfflinePage() {
  if (!isWanted()) return;
  const keepAgain = () => keep().catch(() => {}); // then the browser says itself that nobody answers
  spoken.addEventListener("change", keepAgain);
  await navigator.serviceWorker.register(here("service-worker.js")).then(keepAgain, () => {});
}

/** An application has pages of its own; and what came over plain http may have come from anybody. */
function isWanted() {
  const isOwn = location.protocol === "https:" || isPageLocal();
  return isOwn && "serviceWorker" in navigator && !navigator.userAgent.includes("Electron/");
}

async function keep() {
  const response = await fetch(PAGE);
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  fillAll(page);
  // It is shown at addresses of other folders, too.
  const sheets = /** @type {NodeListOf<HTMLLinkElement>} */ (page.querySelectorAll("link"));
  const files = Array.from(sheets, (sheet) => here(sheet.getAttribute("href") ?? ""));
  for (const [at, { href }] of files.entries()) sheets[at].setAttribute("href", href);
  const cache = await caches.open(CACHE);
  await cache.addAll(files);
  const { headers } = response;
  await cache.put(PAGE, new Response(`<!doctype html>${page.documentElement.outerHTML}`, { headers }));
}

/** @param {string} name of a file beside this one */
function here(name) {
  return new URL(name, import.meta.url);
}

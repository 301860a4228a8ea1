/**
 * Shows the page for when the server cannot be reached (offline-page.js has put it there). Everything comes
 * from the server first, and whatever is no page, and no style of that one, is none of this file's business.
 */

const CACHE = "surtitle-offline";
const OFFLINE = "offline.html";
const STYLES = ["style.css", "problem.css"];
/** Below the folder of this file. Not the overlay: nothing shall stand in front of a picture. */
const PAGES = /^(?:index\.html|(?:watch|edit)\/[^/]+)?$/;

const { scope } = self.registration;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const [address] = request.url.split(/[?#]/);
  if (!address.startsWith(scope)) return;
  const path = address.slice(scope.length);
  if (request.mode === "navigate" && PAGES.test(path)) event.respondWith(answer(request, OFFLINE));
  else if (STYLES.includes(path)) event.respondWith(answer(request, path));
});

/**
 * @param {Request} request
 * @param {string} otherwise the file that is shown where nobody answers
 */
async function answer(request, otherwise) {
  try {
    return await fetch(request);
  } catch (error) {
    const cache = await caches.open(CACHE);
    const kept = await cache.match(new URL(otherwise, scope));
    if (kept) return kept;
    throw error;
  }
}

/** Which pages are ours. They come from a scheme of their own, so that they are a secure origin. */

export const SCHEME = "surtitle";
export const HOST = "app";
/** What the server must be told to admit. */
export const ORIGIN = `${SCHEME}://${HOST}`;

/** For `protocol.registerSchemesAsPrivileged`: an origin, secure (microphone, AudioWorklet), with fetch. */
export const PRIVILEGES = { standard: true, secure: true, supportFetchAPI: true };

/**
 * @param {string} name of a page of the renderer
 * @returns {string}
 */
export function pageUrl(name) {
  return `${ORIGIN}/electron/renderer/${name}`;
}

/**
 * @param {string | undefined} url or origin
 * @returns {boolean}
 */
export function isOwn(url) {
  if (!url || !URL.canParse(url)) return false;
  const { protocol, host } = new URL(url); // `origin` is "null" for schemes that Node does not know
  return protocol === `${SCHEME}:` && host === HOST;
}

/** The answers of our scheme: the renderer's files and the modules they share with the web page. */

import { readFile } from "node:fs/promises";
import { extname, resolve, sep } from "node:path";

/** What is served at all; everything else does not exist. */
const TYPES = new Map([
  [".html", "text/html; charset=utf-8"],
  [".css", "text/css; charset=utf-8"],
  [".js", "text/javascript; charset=utf-8"],
]);

/**
 * Nothing but our own files, nothing inline, no HTML from strings; connections to a server on this
 * machine alone.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'", // the AudioWorklet too
  "style-src 'self'",
  "connect-src ws://127.0.0.1:* http://127.0.0.1:*", // http: tells why a WebSocket was refused
  "require-trusted-types-for 'script'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * @param {string} root the folder of the web page
 * @param {Request} request
 * @returns {Promise<Response>}
 */
export async function answer(root, request) {
  const file = fileOf(root, new URL(request.url).pathname);
  const type = file && TYPES.get(extname(file));
  if (request.method !== "GET" || !file || !type) return nothing();
  try {
    return new Response(await readFile(file), {
      headers: {
        "Content-Type": type,
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
      },
    });
  } catch {
    return nothing();
  }
}

/**
 * @param {string} root
 * @param {string} path still percent-encoded
 * @returns {string | null} null for what is outside, or belongs to the main process
 */
function fileOf(root, path) {
  let file;
  try {
    file = resolve(root, `.${decodeURIComponent(path)}`);
  } catch {
    return null; // not UTF-8
  }
  const inside = (/** @type {string} */ folder) => file.startsWith(resolve(root, folder) + sep);
  const ours = inside(".") && (inside("electron/renderer") || !inside("electron"));
  return ours && !file.includes("\0") ? file : null;
}

function nothing() {
  return new Response("There is nothing at this address.", { status: 404 });
}

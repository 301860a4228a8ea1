/**
 * Serves the example's pages over HTTP, as its own scheme does in Electron: node serve_pages.mjs FOLDER.
 * Prints the address.
 */

import { createServer } from "node:http";
import { answer } from "../../web_demo/electron/main/assets.js";
import { ORIGIN } from "../../web_demo/electron/main/own-pages.js";

const [root] = process.argv.slice(2);

const server = createServer(async (request, response) => {
  const page = await answer(root, new Request(ORIGIN + request.url, { method: request.method }));
  response.writeHead(page.status, Object.fromEntries(page.headers));
  response.end(Buffer.from(await page.arrayBuffer()));
});
server.listen(0, "127.0.0.1", () => {
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  console.log(`http://127.0.0.1:${port}/electron/renderer`);
});

/** What several tests take for granted. */

import { fileURLToPath } from "node:url";
import { pageUrl } from "../../../web_demo/electron/main/own-pages.js";

export const WEB = fileURLToPath(new URL("../../../web_demo", import.meta.url));
export const OWN = pageUrl("control.html");
// biome-ignore format: a table
export const STRANGERS = [
  "https://app/", "file:///electron/renderer/control.html", "surtitle://other/", "surtitle://app.evil/",
  "surtitle://app:1/", "null", "", undefined,
];

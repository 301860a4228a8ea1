/** Captions over a picture, for OBS and the like: the last lines, and nothing else. */

import { channelOfPage, channelUrl, tokenOfPage } from "./address.js";
import { Arrival } from "./arrival.js";
import { ChannelViewer } from "./client/index.js";
import { byId, create } from "./dom.js";
import { OverlayLines } from "./overlay-lines.js";
import { overlayOptions, styleOverlay } from "./overlay-options.js";
import { Recent } from "./recent.js";
import { language, speakAsWished, write } from "./words.js";

await speakAsWished();
document.documentElement.dir = "ltr"; // where things stand, the address says
const options = overlayOptions(new URLSearchParams(location.search));
const recent = new Recent();
const screen = byId("screen");
const text = byId("text");
const lines = new OverlayLines(text, options.unstable !== "hide");
/** @type {ReturnType<typeof setTimeout> | undefined} */
let silence;

function show() {
  lines.show(recent.captions);
  screen.classList.remove("faded");
  clearTimeout(silence);
  if (options.fadeS > 0) silence = setTimeout(fade, options.fadeS * 1000);
}

/** What was there before a silence does not come again when somebody speaks. */
function fade() {
  screen.classList.add("faded");
  recent.forgetFinals();
  lines.forgetRoom();
}

/** @param {string} sentence for who sets the overlay up */
function showProblem(sentence) {
  text.classList.add("sentence");
  text.replaceChildren(write(create("p", { dir: "auto", lang: language() }), sentence));
  screen.classList.remove("faded");
}

const arrival = new Arrival();

/** @param {string} channel */
function watch(channel) {
  const viewer = new ChannelViewer(channelUrl(channel), { access: tokenOfPage });
  viewer.addEventListener("message", ({ detail }) => {
    const past = !arrival.take(detail) && detail.type === "final"; // nobody wants to read that again
    if (!past && recent.apply(detail)) show();
    // Nobody wants to see the end of the last talk before the next one begins.
    if (viewer.state === "waiting") fade();
  });
  viewer.connect().catch(({ message }) => showProblem(message)); // it will not try again
}

styleOverlay(document.documentElement, options);
const channel = channelOfPage();
if (channel) watch(channel);

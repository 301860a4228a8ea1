/** Captions over a picture, for OBS and the like: the last lines, and nothing else. */

import { channelOfPage, channelUrl, tokenOfPage } from "./address.js";
import { Arrival } from "./arrival.js";
import { ChannelViewer } from "./client/index.js";
import { byId, create } from "./dom.js";
import { overlayOptions, styleOverlay } from "./overlay-options.js";
import { Recent } from "./recent.js";

const options = overlayOptions(new URLSearchParams(location.search));
const recent = new Recent();
const screen = byId("screen");
const text = byId("text");
/** @type {ReturnType<typeof setTimeout> | undefined} */
let silence;

function show() {
  const captions = recent.captions.map(({ text, language }) => {
    const caption = create("span", { dir: "auto" }, text);
    if (language) caption.lang = language;
    return caption;
  });
  text.replaceChildren(...captions.flatMap((caption) => [caption, " "]));
  screen.classList.remove("faded");
  clearTimeout(silence);
  if (options.fadeS > 0) silence = setTimeout(fade, options.fadeS * 1000);
}

/** What was there before a silence does not come again when somebody speaks. */
function fade() {
  screen.classList.add("faded");
  recent.forgetFinals();
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
  viewer.connect().catch(() => {}); // an overlay has nowhere to say why
}

styleOverlay(document.documentElement, options);
const channel = channelOfPage();
if (channel) watch(channel);

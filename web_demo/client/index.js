/** Surtitle's client library: audio in, captions out. Documented in docs/javascript.md. */

export { loadWorkletsFrom } from "./capture.js";
export { FRAME_MS, PcmFramer } from "./capture-worklet.js";
export { CaptionClient, CaptionError } from "./client.js";
export { decibels } from "./level.js";
export { Problem } from "./problems.js";
export {
  listMicrophones,
  openDisplayAudio,
  openElement,
  openMicrophone,
  openRecording,
  openSamples,
  openStream,
} from "./sources.js";
export { ChannelViewer } from "./viewer.js";

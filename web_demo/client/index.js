/** Surtitle's client library: audio in, captions out. Documented in docs/javascript.md. */

export { FRAME_MS, PcmFramer } from "./capture-worklet.js";
export { CaptionClient, CaptionError } from "./client.js";
export { Problem } from "./problems.js";
export { listMicrophones, openMicrophone, openRecording } from "./sources.js";
export { ChannelViewer } from "./viewer.js";

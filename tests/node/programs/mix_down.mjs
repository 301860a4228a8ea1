/** Mixes a file of float32 samples, one channel after the other, to a file of one: FROM TO CHANNELS RATE. */

import { readFileSync, writeFileSync } from "node:fs";
import { mixDown } from "../../../web_demo/client/downmix.js";

const [from, to, channels, rate] = process.argv.slice(2);
const all = new Float32Array(new Uint8Array(readFileSync(from)).buffer);
const length = all.length / Number(channels);
const apart = Array.from({ length: Number(channels) }, (_, i) =>
  all.slice(i * length, (i + 1) * length),
);
writeFileSync(to, new Uint8Array(mixDown(apart, Number(rate)).buffer));

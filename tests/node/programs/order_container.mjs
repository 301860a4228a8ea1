/** Writes a recording as it is sent, and says how many bytes come before the first sound: FROM TO. */

import { openAsBlob, writeFileSync } from "node:fs";
import { orderContainer } from "../../../web_demo/client/container-order.js";

const [from, to] = process.argv.slice(2);
const { blob, headBytes } = await orderContainer(await openAsBlob(from));
writeFileSync(to, new Uint8Array(await blob.arrayBuffer()));
console.log(headBytes);

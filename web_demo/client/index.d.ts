/** Surtitle's client library: types of `index.js`. */

export * from "./client.js";
export * from "./viewer.js";

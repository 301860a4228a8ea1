/** Which messages of the pages count. */

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import * as messages from "../../../web_demo/electron/main/messages.js";
import { OWN } from "./common.mjs";

test("a message counts if it comes from its window's own page and is right", () => {
  const ipc = new EventEmitter();
  const contents = /** @type {any} */ ({});
  /** @type {any[]} */
  const heard = [];
  messages.listen(/** @type {any} */ (ipc), contents, {
    drag: [messages.isDrag, (...values) => heard.push(values)],
  });
  const frame = { url: OWN, parent: null };
  const right = { sender: contents, senderFrame: frame };
  ipc.emit("drag", right, 1, -2, false);
  assert.deepEqual(heard, [[1, -2, false]]);
  ipc.emit("drag", { ...right, sender: {} }, 1, 2, false); // another window
  ipc.emit("drag", { ...right, senderFrame: null }, 1, 2, false); // gone since
  ipc.emit("drag", { ...right, senderFrame: { url: OWN, parent: frame } }, 1, 2, false);
  ipc.emit(
    "drag",
    { ...right, senderFrame: { url: "https://evil.example/", parent: null } },
    1,
    2,
    false,
  );
  for (const values of [
    [1, 2],
    [1, "2", false],
    [1, NaN, false],
    [1, 2, 0],
    [1, 2, false, 3],
  ]) {
    ipc.emit("drag", right, ...values);
  }
  assert.equal(heard.length, 1);
});

test("values that are not what they should be are known", () => {
  const { isBoolean, isCaption, isEdge, isNothing } = messages;
  assert.ok(isBoolean(false) && isEdge("top") && isCaption({ type: "clear" }) && isNothing());
  assert.ok(!isBoolean(0) && !isBoolean() && !isEdge("left") && !isEdge("top", "top"));
  assert.ok(!isCaption(null) && !isCaption("final") && !isNothing(undefined));
});

/** What a microphone that cannot be opened is called. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { microphoneProblem } from "../../../web_demo/client/problems.js";

for (const [from, error] of /** @type {const} */ ([
  ["Chromium and Firefox", new DOMException("No.", "OverconstrainedError")],
  ["Safari", { name: "OverconstrainedError", message: "No.", constraint: "deviceId" }],
])) {
  test(`a microphone that is no longer there, in ${from}`, () => {
    const { code, message } = microphoneProblem(error);
    assert.equal(code, "not_found");
    assert.match(message, /no longer there/);
  });
}

test("what nobody knows is told as it is", () => {
  for (const error of [undefined, null, "broken", new Error("broken")]) {
    assert.equal(microphoneProblem(error).code, "failed");
  }
});

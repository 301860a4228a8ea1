/** Recordings that cannot be opened. */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { openAsBlob } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openRecording } from "../../../web_demo/client/recording.js";

test("a file that has changed can no longer be read", async () => {
  const folder = await mkdtemp(join(tmpdir(), "recording-"));
  try {
    const path = join(folder, "talk.wav");
    await writeFile(path, "RIFF");
    const blob = await openAsBlob(path);
    await writeFile(path, "another file");
    await assert.rejects(openRecording(blob, "talk.wav"), {
      code: "not_readable",
      message: "“talk.wav” can no longer be read. Choose it again.",
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("what is wrong with the program is not told as a file that is gone", async () => {
  const blob = new Blob(["RIFF"]);
  blob.slice = () => {
    throw new RangeError("A mistake.");
  };
  await assert.rejects(openRecording(blob), { name: "RangeError", message: "A mistake." });
});

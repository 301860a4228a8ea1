// Captions the microphone until it ends. The worklets that capture sound are files of their own, which the
// bundler has to find, or which are in the folder that the address names.
import { CaptionClient, loadWorkletsFrom, openMicrophone } from "surtitle-client";

const asked = new URLSearchParams(location.search);
const client = new CaptionClient(asked.get("server"), { prompt: asked.get("prompt") });
const heard = [];
if (asked.has("worklets")) loadWorkletsFrom(asked.get("worklets"));

document.querySelector("button").addEventListener("click", async () => {
  for await (const message of client.caption(await openMicrophone())) {
    heard.push(message.type);
    if (message.type === "final") {
      document.querySelector("output").textContent = message.text;
    }
  }
  document.body.dataset.heard = heard.join(" ");
});

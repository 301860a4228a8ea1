/** One connection: why there is none. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CaptionClient } from "../../../web_demo/client/client.js";
import { NOWHERE, ScriptedServer } from "./scripted-socket.mjs";

const LIMIT = { timeout: 10_000 };

/** As the platform's, which does not offer a subprotocol that is none (RFC 6455, 4.1). */
class Refusing {
  /**
   * @param {string | URL} _url
   * @param {string[]} [protocols]
   */
  constructor(_url, protocols = []) {
    throw new SyntaxError(`The subprotocol '${protocols[1]}' is invalid.`);
  }
}

for (const [how, access] of /** @type {[string, any][]} */ ([
  ["at once", () => "abc=="],
  ["later", async () => "abc=="],
])) {
  test(`a token that cannot be offered and comes ${how} is no missing token`, LIMIT, async () => {
    const WebSocket = /** @type {any} */ (Refusing);
    const client = new CaptionClient(NOWHERE, {}, { access, WebSocket });
    await assert.rejects(client.connect(), {
      code: "no_socket",
      message: "The connection could not be opened: The subprotocol 'token.…' is invalid.",
    });
    assert.equal(client.state, "closed");
  });
}

for (const [how, access, sentence] of /** @type {[string, any, string][]} */ ([
  ["throws", () => assert.fail("Not today."), "Not today."],
  ["rejects", () => Promise.reject(new Error("Later.")), "Later."],
  ["rejects with no error", () => Promise.reject("no words"), "no words"],
])) {
  test(`no token: access ${how}`, LIMIT, async () => {
    const server = new ScriptedServer();
    const client = new CaptionClient(NOWHERE, {}, { access, WebSocket: server.WebSocket });
    await assert.rejects(client.connect(), {
      code: "no_token",
      message: `The token for the server could not be obtained: ${sentence}`,
    });
    assert.deepEqual(server.sockets, []);
  });
}

test("a token that comes later is offered", LIMIT, async () => {
  const server = new ScriptedServer();
  const { WebSocket } = server;
  const client = new CaptionClient(NOWHERE, {}, { access: async () => "abc", WebSocket });
  const connected = client.connect();
  const socket = await server.next();
  assert.deepEqual(socket.protocols, ["surtitle.v1", "token.abc"]);
  socket.greet();
  assert.equal((await connected).session, "s");
  client.close();
});

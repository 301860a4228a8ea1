import assert from "node:assert/strict";
import { test } from "node:test";
import { Corrections } from "../../../web_demo/corrections.js";

const channel = (session, state = "live") => ({ type: "channel", session, state });
const final = (utterance, text) => ({ type: "final", utterance, text, language: "en" });
const revised = (utterance, text, by) => ({ type: "revised", utterance, text, by });

/** @param {...object} messages */
function corrections(...messages) {
  const all = new Corrections();
  for (const message of [channel("a"), ...messages]) all.take(message);
  return all;
}

test("what is said becomes lines, and what grows is shown after them", () => {
  const all = corrections(final(1, " One. "), { type: "partial", stable: "Tw", unstable: "o" });
  assert.equal(all.open, "Two");
  all.take(final(2, "Two."));
  assert.deepEqual([all.lines.map((line) => line.text), all.open], [["One.", "Two."], ""]);
});

test("what is sent names the caption, what it should be and what was seen", () => {
  const [line] = corrections(final(3, "He plays choppy.")).lines;
  line.write("He plays  Chopin. ");
  assert.equal(line.state, "changed");
  const seen = "He plays choppy.";
  assert.deepEqual(line.send(), { session: "a", utterance: 3, text: "He plays Chopin.", seen });
  assert.equal(line.state, "sending");
  line.receive("He plays Chopin.");
  assert.deepEqual([line.state, line.written, line.draft], ["shown", "He plays Chopin.", null]);
});

test("who takes back what was written has what everybody sees", () => {
  const [line] = corrections(final(1, "One.")).lines;
  line.write("Two.");
  line.revert();
  assert.deepEqual([line.state, line.written], ["shown", "One."]);
  line.write("Two.");
  line.write("One.");
  assert.equal(line.state, "shown");
});

test("what others correct is seen, and does not take away what is being written", () => {
  const all = corrections(final(1, "One."), final(2, "Two."));
  const [first, second] = all.lines;
  first.write("First.");
  all.take(revised(1, "Primo.", "anna"));
  all.take(revised(2, "Secondo.", "anna"));
  assert.deepEqual([first.state, first.written, first.text], ["conflict", "First.", "Primo."]);
  assert.deepEqual([second.state, second.written], ["shown", "Secondo."]);
  first.write("First!");
  assert.equal(first.state, "conflict"); // until it is sent, or what was there comes back
  all.take(revised(1, "One.", "ben"));
  assert.equal(first.state, "changed");
  all.take(revised(1, "", "anna"));
  assert.deepEqual([first.state, first.text], ["conflict", ""]);
  assert.equal(first.send().seen, ""); // it was shown
  first.write("First of all!");
  all.take(revised(1, "First!", "corrector")); // what was sent is nobody else's
  assert.deepEqual([first.state, first.written], ["changed", "First of all!"]);
});

test("what the server does not take is kept, with the reason", () => {
  const [line] = corrections(final(1, "One.")).lines;
  line.write("First.");
  line.send();
  line.fail("The server cannot be reached.");
  assert.deepEqual([line.state, line.note], ["failed", "The server cannot be reached."]);
  assert.equal(line.send().seen, "One.");
  line.fail("It has been corrected meanwhile.", "Primo.");
  assert.deepEqual([line.state, line.written, line.text], ["conflict", "First.", "Primo."]);
  assert.equal(line.note, ""); // what it is says more
  assert.equal(line.send().seen, "Primo.");
});

test("what another corrects while ours is on its way is a conflict, even if no answer comes", () => {
  const all = corrections(final(1, "One."));
  const [line] = all.lines;
  line.write("First.");
  line.send();
  all.take(revised(1, "Primo.", "anna"));
  assert.equal(line.state, "sending");
  line.fail("The server cannot be reached.");
  assert.deepEqual([line.state, line.text], ["conflict", "Primo."]);
});

test("a deleted line can be brought back", () => {
  const [line] = corrections(final(1, "One.")).lines;
  assert.equal(line.send("").text, "");
  line.receive("");
  assert.deepEqual([line.state, line.written], ["deleted", "One."]);
  line.send(line.before);
  line.receive("One.");
  assert.deepEqual([line.state, line.written], ["shown", "One."]);
});

test("a deleted line stays one whatever is taken back", () => {
  const [line] = corrections(final(1, "One.")).lines;
  line.send("");
  line.receive("");
  line.revert();
  assert.deepEqual([line.state, line.written], ["deleted", "One."]);
  line.send(line.before);
  line.fail("The server cannot be reached.");
  line.revert();
  assert.deepEqual([line.state, line.written], ["deleted", "One."]);
});

test("a caption is one of its session", () => {
  const all = corrections(final(1, "One."), channel("b"), final(1, "Eins."));
  all.take(revised(1, "Zwei.", "anna"));
  assert.deepEqual(
    all.lines.map(({ session, text }) => [session, text]),
    [
      ["a", "One."],
      ["b", "Zwei."],
    ],
  );
  assert.equal(all.take(revised(7, "Of nothing.")), null);
});

test("what was deleted before is no line, and old lines go", () => {
  assert.deepEqual(corrections(final(1, "")).lines, []);
  const many = Array.from({ length: 500 }, (_, at) => final(at + 1, `Line ${at}.`));
  const { lines } = corrections(...many);
  assert.deepEqual([lines.length, lines.at(-1).text], [400, "Line 499."]);
});

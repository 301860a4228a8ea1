"""The capture processor in a scope like an AudioWorklet's: channels, inputs that come and go."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.node.conftest import LIBRARY

RATE = 48_000
LIMIT_S = 60.0

# `run` hands the processor so many quanta; `inputs` gives what is connected at one, as channels.
SCOPE = """
globalThis.sampleRate = %d;
globalThis.AudioWorkletProcessor = class {
  port = { frames: [], postMessage: (frame) => this.port.frames.push(frame) };
};
let Processor;
globalThis.registerProcessor = (name, made) => (Processor = made);
await import(%s);
await import(%s);
const tone = (gain, from) =>
  Float32Array.from({ length: 128 }, (_, i) => gain * Math.sin((from + i) / 10));
const run = (quanta, inputs) => {
  const processor = new Processor();
  for (let number = 0; number < quanta; number++) processor.process(inputs(number, 128 * number));
  processor.port.onmessage();
  const { frames } = processor.port;
  return {
    done: frames.pop() === null,
    sizes: frames.map(({ samples }) => samples.length),
    rms: frames.map(({ rms }) => rms),
    goesOn: processor.process([[]]),
  };
};
console.log(JSON.stringify((%s)()));
"""


def evaluate(node: str, code: str) -> Any:
    modules = [
        json.dumps((LIBRARY / name).as_uri()) for name in ("downmix.js", "capture-worklet.js")
    ]
    program = SCOPE % (RATE, *modules, code)
    found = subprocess.run(
        [node, "--input-type=module", "-e", program],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def loudness(gain: float) -> Any:
    return pytest.approx(gain / 2**0.5, rel=0.02)


def test_frames_of_100_ms_and_the_rest_when_it_is_finished(node_20: str) -> None:
    heard = evaluate(node_20, "() => run(80, (_, at) => [[tone(0.5, at)]])")
    assert heard["sizes"] == [4800, 4800, 80 * 128 - 9600]
    assert heard["rms"][:2] == [loudness(0.5)] * 2
    assert heard["done"] is True
    assert heard["goesOn"] is False


def test_nothing_connected_is_silence(node_20: str) -> None:
    heard = evaluate(node_20, "() => run(75, () => [[], []])")
    assert heard["sizes"] == [4800, 4800]
    assert heard["rms"] == [0, 0]


@pytest.mark.parametrize(
    ("channels", "number"), [(2, 1), (3, 2), (6, 3), (8, 3), (12, 11), (16, 9), (24, 20), (32, 31)]
)
def test_a_voice_on_one_of_many_channels(node_20: str, channels: int, number: int) -> None:
    code = f"""() => run(75, (_, at) => [Array.from({{ length: {channels} }}, (_, channel) =>
      channel === {number} ? tone(0.5, at) : new Float32Array(128))])"""
    assert evaluate(node_20, code)["rms"] == [loudness(0.5)] * 2


@pytest.mark.parametrize("gain", [-1, -0.9, -0.8])
def test_channels_that_cancel_each_other_out(node_20: str, gain: float) -> None:
    code = f"() => run(75, (_, at) => [[tone(0.5, at), tone({0.5 * gain}, at)]])"
    assert evaluate(node_20, code)["rms"][1] == loudness(0.5)


def test_inputs_are_each_mixed_alone_and_added(node_20: str) -> None:
    """An inverted pair beside a plain track, which is half as loud."""
    code = """() => run(75, (_, at) =>
      [[tone(0.4, at), tone(-0.4, at)], [], [tone(0.2, at)], []])"""
    assert evaluate(node_20, code)["rms"][1] == loudness(0.6)


def test_inputs_that_come_go_and_change_their_channels(node_20: str) -> None:
    code = """() => run(150, (number, at) =>
      number < 40 ? [[tone(0.5, at)], []]
      : number < 76 ? [[], []]
      : number < 113 ? [[tone(0.5, at), tone(0.5, at)], []]
      : [[], [tone(0.25, at)]])"""
    heard = evaluate(node_20, code)
    assert heard["sizes"] == [4800] * 4
    assert heard["rms"] == pytest.approx([0.354, 0.09, 0.354, 0.177], rel=0.1)


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_an_input_that_is_not_finite_is_silence_and_hides_no_other(
    node_20: str, channels: int, odd: str
) -> None:
    """And is heard once it is well again."""
    code = f"""() => {{
      const broken = () => new Float32Array(128).fill({odd});
      return run(150, (number, at) => [
        Array.from({{ length: {channels} }}, () => (number < 75 ? broken() : tone(0.5, at))),
        [tone(0.25, at)],
      ]);
    }}"""
    heard = evaluate(node_20, code)["rms"]
    assert heard == [loudness(0.25), loudness(0.25), loudness(0.75), loudness(0.75)]

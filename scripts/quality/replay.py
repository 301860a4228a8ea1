"""A session on the audio's own clock: the real model and voice activity, no server and no waiting.

A result comes a fixed time after its job, so what comes out depends neither on how fast the machine is
nor on what else it does.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from quality.utterances import Received
from surtitle.captioning.endpointing import WINDOW_SAMPLES, EndpointingOptions
from surtitle.captioning.pacing import MIN_INTERVAL_MS
from surtitle.captioning.session import CaptionSession
from surtitle.jobs import MAX_WINDOW_S, SAMPLE_RATE, Job, Pcm16, Result
from surtitle.messages import Start
from surtitle.recognition.whisper import WhisperDecoder
from surtitle.vad.rounds import SileroVad
from surtitle.vad.silero import SileroNetwork
from surtitle.vad.weights import load_weights

LATENCY_S = 0.15
"""A partial under light load on two cores."""
POLL_S = 0.002
WINDOW_S = WINDOW_SAMPLES / SAMPLE_RATE


@dataclass
class Decoded:
    """What the same audio was decoded to before, and what that took."""

    result: Result
    cpu_s: float


class Replayer:
    """Replays recordings; audio that comes again is not decoded again."""

    def __init__(self, decoder: WhisperDecoder, *, whole_windows: bool = False) -> None:
        """`decoder` should decode one batch at a time, so that its processor time can be told.

        `whole_windows`: all jobs get Whisper's whole window, not one that fits them.
        """
        self._decoder = decoder
        self._whole_windows = whole_windows
        self._decoded: dict[tuple[bytes, str], Decoded] = {}
        self._vad = SileroVad(SileroNetwork(load_weights()))
        self.cpu_s = {"partial": 0.0, "final": 0.0}
        """Processor seconds of all decodes that were asked for."""

    def replay(
        self,
        audio: Pcm16,
        start: Start,
        options: EndpointingOptions,
        partial_interval_ms: int = MIN_INTERVAL_MS,
        edit: Callable[[Job, Result], Result] = lambda job, result: result,
    ) -> list[Received]:
        """All messages of a session that hears the audio and the silence that its last answer takes.

        They come at the second of the audio. `edit` may change a result before the session has it.
        """
        session = CaptionSession(
            "replay", start, options, self._decoder.info, partial_interval_ms=partial_interval_ms
        )
        slot = self._vad.open()
        due: list[tuple[float, Result]] = []
        messages: list[Received] = []

        def pump(now_s: float) -> None:
            due.extend((now_s + LATENCY_S, edit(job, self._decode(job))) for job in session.jobs())
            gone = {job.id for job in session.cancelled()}
            due[:] = [(at_s, result) for at_s, result in due if result.job_id not in gone]
            messages.extend(Received(now_s, message) for message in session.messages())

        number = 0
        while number * WINDOW_SAMPLES < len(audio) or not session.idle:
            now_s = (number + 1) * WINDOW_S
            window = audio[number * WINDOW_SAMPLES :][:WINDOW_SAMPLES]
            window = np.pad(window, (0, WINDOW_SAMPLES - len(window)))
            session.receive_audio(window.astype("<i2").tobytes())
            probabilities, levels = self._vad.score([slot], [1], session.take_windows(1))
            session.receive_probabilities(probabilities.tolist(), levels.tolist())
            pump(now_s)
            while due and due[0][0] <= now_s:
                session.receive_result(due.pop(0)[1])
                pump(now_s)
            number += 1
        session.stop()  # what might still get a better text gets it now
        pump(now_s := number * WINDOW_S)
        while due:
            now_s = max(now_s, due[0][0])
            session.receive_result(due.pop(0)[1])
            pump(now_s)
        self._vad.close(slot)
        return messages

    def _decode(self, job: Job) -> Result:
        if self._whole_windows:
            job = replace(job, window_s=MAX_WINDOW_S)
        settings = f"{job.kind} {job.window_s} {job.voice} {job.decode_options}"
        key = job.audio.tobytes(), settings
        if key not in self._decoded:
            began = time.process_time()
            (result,) = self._results(job)
            self._decoded[key] = Decoded(result, time.process_time() - began)
        found = self._decoded[key]
        self.cpu_s[job.kind] += found.cpu_s
        return replace(found.result, job_id=job.id)

    def _results(self, job: Job) -> list[Result]:
        results: list[Result] = []
        for item in self._decoder.decode([job]):
            if item is None:
                time.sleep(POLL_S)
            else:
                results.append(item)
        return results

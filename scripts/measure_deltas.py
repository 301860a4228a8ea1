"""Are the deltas that clients of OpenAI Realtime append the transcript in the end?

    python scripts/measure_deltas.py --speech FOLDER --model base [--every 3]

FOLDER has a manifest.tsv (columns file, seconds, language, transcript). Its recordings, or every third
one, are replayed as one session with pauses of 2 s, with partials as close together as they can be,
which takes minutes.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from lab.ledger import read_pcm16
from quality.deltas import joined
from quality.recordings import NoRecordings, read_recordings
from quality.replay import Replayer
from surtitle.captioning.endpointing import EndpointingOptions
from surtitle.jobs import SAMPLE_RATE
from surtitle.messages import Start
from surtitle.recognition.whisper import WhisperDecoder

PAUSE_S = 2.0


def replayed(speech: Path, decoder: WhisperDecoder, every: int) -> list[tuple[str, str]]:
    """Deltas and transcript of each utterance. Raises NoRecordings."""
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE), np.int16)
    clips = [read_pcm16(recording.path) for recording in read_recordings([speech])[::every]]
    audio = np.concatenate([part for clip in clips for part in (clip, pause)])
    messages = Replayer(decoder).replay(audio, Start(language="en"), EndpointingOptions())
    return joined(messages, decoder.info)


def main(arguments: list[str] | None = None) -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--speech", type=Path, required=True, help="a folder of recordings")
    parser.add_argument("--model", default="tiny.en", help="(tiny.en)")
    parser.add_argument("--every", type=int, default=1, help="only every so many-th recording (1)")
    options = parser.parse_args(arguments)
    decoder = WhisperDecoder(
        options.model, device="cpu", compute_type="default", replicas=1, threads=1
    )
    texts = replayed(options.speech, decoder, options.every)
    same = sum(deltas == text for deltas, text in texts)
    print(f"{same} of {len(texts)} utterances ({same / len(texts):.0%}): deltas are the transcript")
    for deltas, text in texts:
        if deltas != text:
            print(f"- {deltas!r}\n+ {text!r}")


if __name__ == "__main__":
    try:
        main()
    except NoRecordings as error:
        sys.exit(str(error))

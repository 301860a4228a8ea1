"""Containers that tests make."""

import io

import av

from surtitle.jobs import SAMPLE_RATE, Pcm16


def in_flac(samples: Pcm16) -> bytes:
    """16 kHz mono audio as a FLAC stream; digital silence takes 15 bytes a second."""
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as muxer:
        stream = muxer.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
        for start in range(0, len(samples), 60 * SAMPLE_RATE):
            part = samples[start : start + 60 * SAMPLE_RATE]
            frame = av.AudioFrame.from_ndarray(part[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, start
            muxer.mux(stream.encode(frame))
        muxer.mux(stream.encode(None))
    return file.getvalue()

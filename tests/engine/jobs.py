"""Jobs for tests of the engine's decisions."""

import numpy as np

from surtitle.jobs import DecodeOptions, Job, JobKind


def job(session: str = "a", utterance: int = 1, kind: JobKind = "final") -> Job:
    return Job(
        id=f"{session}/{utterance}/512/{kind}",
        session=session,
        utterance=utterance,
        kind=kind,
        audio=np.zeros(160, np.int16),
        decode_options=DecodeOptions(),
    )

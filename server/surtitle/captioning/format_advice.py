"""What to tell a client whose audio is not what it declared."""

from typing import get_args

from surtitle.captioning.first_bytes import Kind
from surtitle.captioning.readings import Reading
from surtitle.captioning.sample_formats import FORMATS
from surtitle.messages import RawEncoding


def describe_reading(found: Reading, declared: Reading) -> str:
    """The sentence for samples that are read better in another way than the declared one."""
    said, form = FORMATS[declared.format].name, FORMATS[found.format]
    if found.channels < declared.channels:
        return (
            "The audio looks like one channel, not like two interleaved ones; send `channels: 1` "
            "in `start`, or send each sample twice."
        )
    if found.channels > declared.channels:
        return (
            "The audio looks like two interleaved channels, or like one with each sample twice; "
            f"send `channels: {found.channels}` in `start`, or send each sample once."
        )
    if found.skip:
        plural = "s" if found.skip > 1 else ""
        return (
            f"The audio looks like {said} that begins in the middle of a sample; leave out the "
            f"first {found.skip} byte{plural}, or begin with a whole sample."
        )
    if found.format == "f32le_32768":
        return f"The audio looks like {form.name}, not {said}; divide by 32768 (`pcm_f32le`)."
    advice = (
        f"send `encoding: {found.format}` in `start`."
        if found.format in get_args(RawEncoding)
        else "send little-endian 16-bit PCM (`pcm_s16le`)."
    )
    return f"The audio looks like {form.name}, not {said}; {advice}"


def describe_kind(kind: Kind, declared: Reading) -> str:
    """The sentence for samples that are a file or text."""
    said = FORMATS[declared.format].name
    if not kind.encoding:
        return (
            f"The audio looks like {kind.name}, not {said}; send the samples themselves in binary "
            "frames, and messages in text frames."
        )
    return (
        f"The audio begins like {kind.name}, not {said}; send `encoding: {kind.encoding}` in "
        "`start`."
    )

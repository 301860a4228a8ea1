"""What the first bytes of something say it is: a container, a compressed stream, or text."""

import statistics
from typing import NamedTuple

from surtitle.captioning.mpeg_frames import adts_frame_bytes, have_frames, mpeg_frame_bytes


class Kind(NamedTuple):
    """What begins there."""

    name: str
    """As a person calls it, with its article: "a WAV file"."""
    encoding: str
    """What `encoding` names it in `start`; empty where nothing does."""


ENOUGH_BYTES = 8192
"""So many hold every sign that is looked for: three frames of an MP3 are the longest."""

_SIGNS: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"OggS", Kind("an Ogg stream", "ogg")),
    (0, b"\x1a\x45\xdf\xa3", Kind("a WebM or Matroska stream", "webm")),
    (0, b"fLaC", Kind("a FLAC file", "flac")),
    (4, b"ftyp", Kind("an MP4 file", "mp4")),
    (4, b"styp", Kind("an MP4 segment", "mp4")),
    (0, b"caff\0\x01", Kind("a CAF file", "auto")),
    (0, b"#!AMR", Kind("an AMR file", "auto")),
    (0, b"FLV\x01", Kind("an FLV stream", "auto")),
    (0, b"wvpk", Kind("a WavPack file", "auto")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Kind("a Windows Media file", "auto")),
)
"""Offset, bytes, and what they begin; by chance audio begins so once in four billion times."""

_WAV, _AIFF = Kind("a WAV file", "wav"), Kind("an AIFF file", "auto")
_MP3, _ADTS = Kind("an MP3 stream", "mp3"), Kind("an AAC stream", "aac")
_TS = Kind("an MPEG transport stream", "auto")
_FORMS = {
    (b"RIFF", b"WAVE"): _WAV,
    (b"RF64", b"WAVE"): _WAV,
    (b"RIFX", b"WAVE"): _WAV,
    (b"FORM", b"AIFF"): _AIFF,
    (b"FORM", b"AIFC"): _AIFF,
}
_TEXT = Kind("text", "")
_BASE64_TEXT = Kind("base64 text", "")
_JSON = Kind("JSON", "")
_TEXT_BYTES = 512
_JSON_BYTES = 16
_PRINTABLE = frozenset(range(0x20, 0x7F)) | frozenset(b"\t\r\n")
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_\r\n")
_MIN_LETTERS = 12
_NUMBERS = frozenset(b"0123456789,;.-+e[] \t\r\n")
_BETWEEN_CASES = range(0x5B, 0x61)
"""From [ to `, which text hardly has; samples do not leave them out. Nor are quiet samples as far from
each other as letters, figures and spaces, and loud ones are like those before them."""
_MAX_BETWEEN, _MIN_SPREAD, _MAX_ALIKE = 0.03, 14.0, 0.5

_FRAMES = 3
"""So many headers in a row, each where the one before says, are no chance."""
_TS_PACKET_BYTES = 188


def recognise(data: bytes) -> Kind | None:
    """What a stream that begins with `data` is; None for samples, and for what is not known.

    The answer may change as more bytes come, from None to a kind, until there are ENOUGH_BYTES.
    """
    for offset, sign, kind in _SIGNS:
        if data.startswith(sign, offset):
            return kind
    if form := _FORMS.get((data[:4], data[8:12])):
        return form
    if data[:3] == b"ID3" and len(data) > 4 and data[3] < 5:
        return _MP3
    for step, kind in ((mpeg_frame_bytes, _MP3), (adts_frame_bytes, _ADTS)):
        if have_frames(data, step, _FRAMES):
            return kind
    if len(data) >= 5 * _TS_PACKET_BYTES and set(data[: 5 * 188 : 188]) == {0x47}:
        return _TS if len(set(data[:_TS_PACKET_BYTES])) > 2 else None
    if data[:2] == b'{"' and len(data) >= _JSON_BYTES and _PRINTABLE.issuperset(data[:_JSON_BYTES]):
        return _JSON
    return recognise_text(data)


def recognise_text(data: bytes) -> Kind | None:
    """Whether bytes from anywhere in a stream, at least 512, are letters and figures."""
    head = data[:_TEXT_BYTES]
    if len(head) < _TEXT_BYTES or not _PRINTABLE.issuperset(data):
        return None
    if _NUMBERS.issuperset(head) and len(set(head)) >= _MIN_LETTERS:
        return _TEXT
    if len(set(head)) < _MIN_LETTERS or 3 * max(map(head.count, set(head))) > len(head):
        return None  # samples that hardly move
    between = sum(byte in _BETWEEN_CASES for byte in head)
    if between > _MAX_BETWEEN * len(head) or statistics.pstdev(head) < _MIN_SPREAD:
        return None
    if statistics.correlation(head[:-1], head[1:]) > _MAX_ALIKE:
        return None
    return _BASE64_TEXT if _BASE64.issuperset(head) else _TEXT

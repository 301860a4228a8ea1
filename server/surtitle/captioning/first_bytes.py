"""What the first bytes of something say it is: a container, a compressed stream, or text."""

import statistics
from collections.abc import Callable
from typing import NamedTuple


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
_LEAST_LETTERS = 12
_NUMBERS = frozenset(b"0123456789,;.-+e[] \t\r\n")
_BETWEEN_CASES = range(0x5B, 0x61)
"""From [ to `, which text hardly has; samples do not leave them out. Nor are quiet samples as far from
each other as letters, figures and spaces, and loud ones are like those before them."""
_MOST_BETWEEN, _LEAST_SPREAD, _MOST_ALIKE = 0.03, 14.0, 0.5

_FRAMES = 3
"""So many headers in a row, each where the one before says, are no chance."""
_TS_PACKET_BYTES = 188

_MPEG_KBITS = {  # by layer and by whether it is version 1; index 0 (free) and 15 are not used
    (3, True): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (3, False): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, True): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (2, False): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


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
    for step, kind in ((_mpeg_frame_bytes, _MP3), (_adts_frame_bytes, _ADTS)):
        if _has_frames(data, step):
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
    if _NUMBERS.issuperset(head) and len(set(head)) >= _LEAST_LETTERS:
        return _TEXT
    if len(set(head)) < _LEAST_LETTERS or 3 * max(map(head.count, set(head))) > len(head):
        return None  # samples that hardly move
    between = sum(byte in _BETWEEN_CASES for byte in head)
    if between > _MOST_BETWEEN * len(head) or statistics.pstdev(head) < _LEAST_SPREAD:
        return None
    if statistics.correlation(head[:-1], head[1:]) > _MOST_ALIKE:
        return None
    return _BASE64_TEXT if _BASE64.issuperset(head) else _TEXT


def _has_frames(data: bytes, frame_bytes: Callable[[bytes], int]) -> bool:
    """Whether _FRAMES headers follow each other at the distances that they themselves tell."""
    place = 0
    for _ in range(_FRAMES):
        length = frame_bytes(data[place : place + 7])
        if not length:
            return False
        place += length
    return True


def _mpeg_frame_bytes(header: bytes) -> int:
    """Length of an MPEG audio frame of layer II or III; 0 where this is no header of one."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    kbits_index, rate_index, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer not in (2, 3) or kbits_index in (0, 15) or rate_index == 3:
        return 0
    bits = 1000 * _MPEG_KBITS[layer, version == 3][kbits_index - 1]
    slots = 72 if layer == 3 and version != 3 else 144
    return slots * bits // _MPEG_RATES[version][rate_index] + padding


def _adts_frame_bytes(header: bytes) -> int:
    """Length of an AAC frame with an ADTS header; 0 where this is none."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return 0
    if header[2] >> 2 & 15 > 12:  # sample rates that do not exist
        return 0
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return length if length > 7 else 0

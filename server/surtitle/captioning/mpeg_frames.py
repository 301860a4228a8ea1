"""Frames of MPEG audio (MP3 and MP2) and of AAC with ADTS headers, as their headers tell. Pure."""

from collections.abc import Callable

HEADER_BYTES = 7
"""Of ADTS; that of MPEG audio has 4."""
_SAME_BYTES = 2
"""Of a header, which are alike in all frames of a stream: sync word, version, layer, protection."""

_MPEG_KBITS = {  # by layer and by whether it is version 1; index 0 (free) and 15 are not used
    (3, True): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (3, False): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, True): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (2, False): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def have_frames(
    data: bytes, frame_bytes: Callable[[bytes], int], count: int, start: int = 0
) -> bool | None:
    """Whether `count` headers of one stream follow each other from `start` on, at the distances that
    they themselves tell; None: as many as there is data for.

    `frame_bytes` is one of the functions below.
    """
    place = start
    for _ in range(count):
        header = data[place : place + HEADER_BYTES]
        if len(header) < HEADER_BYTES:
            return None
        length = frame_bytes(header)
        if not length or header[:_SAME_BYTES] != data[start : start + _SAME_BYTES]:
            return False
        place += length
    return True


def mpeg_frame_bytes(header: bytes) -> int:
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


def adts_frame_bytes(header: bytes) -> int:
    """Length of an AAC frame with an ADTS header; 0 where this is none."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return 0
    if header[2] >> 2 & 15 > 12:  # sample rates that do not exist
        return 0
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return length if length > 7 else 0

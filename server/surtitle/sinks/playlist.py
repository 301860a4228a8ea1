"""The playlist of segments of captions, as RFC 8216 has it, and the names of its files. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

PLAYLIST = "captions.m3u8"

_NAME = re.compile(r"captions-([0-9]{1,15})\.vtt")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Slot:
    """The time of one segment."""

    number: int
    """Its media sequence number."""
    start_unix_ms: int
    duration_ms: int

    @property
    def name(self) -> str:
        """Of its file."""
        return segment_name(self.number)


def segment_name(number: int) -> str:
    """The file of the segment with this number."""
    return f"captions-{number}.vtt"


def segment_number(name: str) -> int | None:
    """Whose file that is; None for other files."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else None


def format_playlist(slots: Sequence[Slot], target_s: int, *, is_over: bool) -> str:
    """One or more segments in order, none of which is longer than the target duration."""
    began = _EPOCH + timedelta(milliseconds=slots[0].start_unix_ms)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:3",  # durations have decimals
        f"#EXT-X-TARGETDURATION:{target_s}",
        f"#EXT-X-MEDIA-SEQUENCE:{slots[0].number}",
        f"#EXT-X-PROGRAM-DATE-TIME:{began.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z",
    ]
    for slot in slots:
        lines += [f"#EXTINF:{slot.duration_ms / 1000:.3f},", slot.name]
    if is_over:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"

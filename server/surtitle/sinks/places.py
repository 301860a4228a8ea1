"""Where captions are to go on to, as a setting says it. Pure."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

from surtitle.messages import CHANNEL_NAME


class Kind(StrEnum):
    """What is at the other end."""

    ZOOM = "zoom"
    YOUTUBE = "youtube"
    WEBHOOK = "webhook"
    FILE = "file"
    HLS = "hls"


EXTENSIONS = ("vtt", "srt", "txt")
"""Of files, which say what is written into them."""

_KINDS = ", ".join(Kind)
_SEGMENTING = {"segment_seconds": (1, 60), "delay_seconds": (0, 60), "segments": (3, 1000)}
# RFC 8216, 6.2.2: a playlist from which segments go has three target durations at least.
_HOST = r"(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(:\d{1,5})?"
_URL = re.compile(rf"https?://{_HOST}([/?][^\s#]*)?", re.IGNORECASE)
_NEXT = re.compile(r",(?=\s*(?:[^\s,=/?&]+=[a-z]+:|$))")
"""Between two sinks; an address may have commas itself."""


@dataclass(frozen=True, slots=True)
class Segmenting:
    """How captions are cut for HTTP Live Streaming."""

    segment_seconds: int = 6
    """What Apple asks for (HLS Authoring Specification)."""
    delay_seconds: int = 12
    """How long after its end a segment is written: what is said in it must have come by then. Players
    are three segments behind, so twice the length of one is in time for them."""
    segments: int = 10
    """In the playlist of a stream that goes on."""


@dataclass(frozen=True, slots=True)
class Place:
    """One sink of one channel."""

    channel: str
    kind: Kind
    target: str
    """An address, which may hold a secret, or the path of a file."""

    @property
    def extension(self) -> str:
        """Of a file, in small letters and without its dot."""
        return self.target.rpartition(".")[2].lower()

    @property
    def where(self) -> str:
        """The target, of a folder without its options."""
        if self.kind is not Kind.HLS:
            return self.target
        return self.target.partition("?")[0].rstrip("/") or "/"

    @property
    def segmenting(self) -> Segmenting:
        """Of a folder, as its options say. Raises ValueError with a sentence."""
        options = self.target.partition("?")[2]
        values = dict[str, int]()
        for option in options.split("&") if options else ():
            name, _, text = option.partition("=")
            number = int(text) if re.fullmatch(r"[0-9]{1,4}", text) else -1
            least, most = _SEGMENTING.get(name, (0, -1))
            if not least <= number <= most or name in values:
                known = (f"{each} ({low} to {high})" for each, (low, high) in _SEGMENTING.items())
                raise ValueError(
                    f"what follows the ? of {self.channel}=hls: must be whole numbers, each once, with "
                    f"& between them: {', '.join(known)}"
                )
            values[name] = number
        return Segmenting(**values)


def split_places(text: str) -> list[str]:
    """The sinks in a list that is separated by commas."""
    return [each.strip() for each in _NEXT.split(text) if each.strip()]


def parse_place(text: str) -> Place:
    """`hall=zoom:https://…` as a place.

    Raises ValueError with a sentence, in which no address is: it may hold a secret.
    """
    channel, is_named, rest = text.partition("=")
    name, has_kind, target = rest.partition(":")
    if not is_named or not has_kind or "/" in channel:
        raise ValueError("write CHANNEL=KIND:PLACE, such as hall=file:/srv/talk.vtt")
    if not re.fullmatch(CHANNEL_NAME, channel):
        raise ValueError(
            f"{channel!r} is no name of a channel; it may have 64 letters (A to Z), digits, - and _"
        )
    if name not in list(Kind):
        raise ValueError(f"{name!r} is no kind of sink; the kinds are {_KINDS}")
    place = Place(channel, Kind(name), target)
    if place.kind is Kind.FILE:
        if place.extension not in EXTENSIONS or not target.rpartition(".")[0]:
            raise ValueError(f"the file of {channel} must end in .vtt, .srt or .txt")
    elif place.kind is Kind.HLS:
        if not place.target.partition("?")[0]:
            raise ValueError(f"what follows {channel}=hls: is no folder")
        _ = place.segmenting  # raises, too
    elif not _URL.fullmatch(target):
        raise ValueError(
            f"what follows {channel}={name}: is no address; write https://HOST/PATH, without a user, a "
            "space or a #"
        )
    return place


def parse_places(texts: Iterable[str]) -> tuple[Place, ...]:
    """All of them. Raises ValueError with a sentence; for one that is there twice, too."""
    places = tuple(map(parse_place, texts))
    for at, place in enumerate(places):
        same = [
            each for each in places[:at] if (each.kind, each.where) == (place.kind, place.where)
        ]
        if same:
            raise ValueError(
                f"the same {place.kind} is there twice, the second time for {place.channel}; each "
                "place takes the captions of one channel"
            )
    return places


def sinks_in(text: str) -> list[str]:
    """The sinks in a file: one in a line. Empty lines and those that begin with # are left out."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def name_place(place: Place, taken: Collection[str]) -> str:
    """What it is called in logs and figures: `hall zoom`, or `hall zoom 2` where that is taken."""
    first = f"{place.channel} {place.kind}"
    names = (f"{first} {number}" if number > 1 else first for number in count(1))
    return next(name for name in names if name not in taken)

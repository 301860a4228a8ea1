"""Files that something has happened to: cut off, bytes changed, lost, doubled, something put in."""

import random
from pathlib import Path

from wild import damage
from wild.damage import Span
from wild.expectation import Hole, Piece
from wild.maker import DAMAGED, EITHER, FRAME_S, UNREADABLE, Edit, Maker

STREAMS: dict[str, tuple[int, tuple[str, ...]]] = {
    "a.mp3": (16_000, ("-b:a", "64k")),
    "b.mp3": (44_100, ("-b:a", "96k", "-write_xing", "0", "-id3v2_version", "0")),
    "a.m4a": (16_000, ("-c:a", "aac", "-b:a", "64k")),
    "first.m4a": (16_000, ("-c:a", "aac", "-b:a", "64k", "-movflags", "+faststart")),
    "fragments.mp4": (16_000, ("-c:a", "aac", "-frag_duration", "1000000")),
    "a.aac": (16_000, ("-b:a", "64k")),
    "a.ac3": (48_000, ("-b:a", "96k")),
    "a.ts": (48_000, ("-c:a", "aac", "-b:a", "64k")),
    "mp2.ts": (48_000, ("-c:a", "mp2", "-b:a", "96k")),
    "opus.ogg": (48_000, ("-c:a", "libopus", "-page_duration", "200000")),
    "vorbis.ogg": (16_000, ("-c:a", "libvorbis", "-page_duration", "200000")),
    "opus.mkv": (48_000, ("-c:a", "libopus", "-cluster_time_limit", "1000")),
    "aac.mkv": (16_000, ("-c:a", "aac", "-cluster_time_limit", "1000")),
    "opus.webm": (48_000, ("-c:a", "libopus", "-cluster_time_limit", "1000")),
    "a.flac": (16_000, ()),
    "a.wav": (16_000, ()),
    "a.avi": (16_000, ("-c:a", "libmp3lame", "-b:a", "64k")),
    "a.wma": (44_100, ("-b:a", "96k")),
}
UNCLOCKED = frozenset({"a.mp3", "b.mp3", "a.aac", "a.ac3", "a.flac"})
"""Time is what has come before: what is left out makes the rest earlier."""
TELL_LENGTH = frozenset({"first.m4a", "a.wav", "a.flac", "opus.mkv", "aac.mkv", "opus.webm"})
"""The beginning tells how long all is."""


def make(maker: Maker) -> None:
    """All of them, with the long talk."""
    made: dict[str, Path] = {}
    for name, (rate, options) in STREAMS.items():
        path = maker.source(name, rate, *options)
        if path is not None:
            made[name] = path
    _cut_off(maker, made)
    _changed(maker, made)
    _removed(maker, made)
    _put_in(maker, made)
    _lost_packets(maker, made)
    _ends(maker, made)


def _middle(share: float, size: int) -> Edit:
    """Other bytes in the middle."""
    return lambda data, chance: damage.flip(
        data, Span(int(len(data) * share), int(len(data) * share) + size), chance
    )


def _cut_off(maker: Maker, made: dict[str, Path]) -> None:
    for name, path in made.items():
        if name == "a.m4a":  # the index is behind the break
            data = path.read_bytes()
            cut = maker.path(f"cut-off-{name}")
            cut.write_bytes(data[: len(data) * 6 // 10])
            maker.add(cut, "cut off", UNREADABLE)
            continue
        maker.damaged(
            f"cut-off-{name}",
            "cut off",
            path,
            lambda data, _: damage.cut(data, 0.6),
            statuses=DAMAGED if name in TELL_LENGTH else EITHER,
        )


def _changed(maker: Maker, made: dict[str, Path]) -> None:
    for name, path in made.items():
        if name == "a.wav":
            continue  # changed samples are samples
        maker.damaged(
            f"changed-{name}",
            "bytes changed",
            path,
            _middle(0.4, 600),
            statuses=EITHER,
            missing=False,
        )
    for name in ("a.mp3", "a.m4a", "opus.ogg", "opus.mkv", "a.flac", "a.aac"):
        maker.damaged(
            f"here-and-there-{name}",
            "bytes changed",
            made[name],
            lambda data, chance: damage.flip_some(data, 12, 4096, chance),
            statuses=EITHER,
            missing=False,
        )


def _removed(maker: Maker, made: dict[str, Path]) -> None:
    for name, path in made.items():
        if name in ("a.m4a", "first.m4a", "a.avi"):
            continue  # all places behind it are wrong: an index cannot be followed
        maker.damaged(
            f"removed-{name}",
            "bytes removed",
            path,
            lambda data, _: damage.remove(data, _at(data, 0.5, 1500)),
            statuses=EITHER,
            moved=name in UNCLOCKED or name == "a.wav",
            missing=False,
        )
    for name in ("a.mp3", "first.m4a", "a.ts", "opus.mkv", "vorbis.ogg", "a.flac"):
        maker.damaged(
            f"zeros-{name}",
            "bytes zeroed",
            made[name],
            lambda data, _: damage.zero(data, _at(data, 0.3, 4096)),
            statuses=EITHER,
            missing=False,
        )


def _at(data: bytes, share: float, size: int) -> Span:
    start = int(len(data) * share)
    return Span(start, start + size)


def _put_in(maker: Maker, made: dict[str, Path]) -> None:
    for name in ("a.mp3", "a.aac", "a.ac3", "a.ts", "opus.ogg", "opus.mkv", "a.flac"):
        maker.damaged(
            f"rubbish-in-{name}",
            "rubbish",
            made[name],
            lambda data, chance: damage.insert(data, len(data) // 2, damage.noise(3000, chance)),
            statuses=EITHER,
            # Without a clock it cannot be told from as many bytes of damaged audio.
            moved=name in ("a.mp3", "a.aac", "a.ac3"),
            missing=False,
        )
    for name in ("a.mp3", "first.m4a", "a.ts", "opus.ogg", "opus.mkv", "a.flac", "a.wav", "a.aac"):
        data = made[name].read_bytes()
        behind = maker.path(f"rubbish-behind-{name}")
        behind.write_bytes(data + damage.noise(5000, maker.chance))
        maker.add(behind, "rubbish", EITHER, [maker.whole("long")], missing_s=(0.0, 1.0))
    for name in ("a.mp3", "a.aac", "a.ts"):
        before = maker.path(f"rubbish-before-{name}")
        before.write_bytes(damage.noise(1500, maker.chance) + made[name].read_bytes())
        maker.add(before, "rubbish", EITHER, [maker.whole("long")], missing_s=(0.0, 1.0))


def _lost_packets(maker: Maker, made: dict[str, Path]) -> None:
    for name in ("a.ts", "mp2.ts"):
        for share in (0.005, 0.02):
            maker.damaged(
                f"lost-{share}-{name}",
                "packets lost",
                made[name],
                _losing(share),
                statuses=EITHER,
                missing=False,
            )
    for name in ("opus.ogg", "vorbis.ogg"):
        for count in (1, 4):
            maker.damaged(
                f"pages-{count}-{name}",
                "packets lost",
                made[name],
                _without_pages(count),
                statuses=EITHER,
                missing=False,
            )
    for name in ("opus.mkv", "aac.mkv", "opus.webm"):
        maker.damaged(
            f"cluster-{name}",
            "packets lost",
            made[name],
            _hurt_cluster,
            statuses=EITHER,
            missing=False,
        )


def _losing(share: float) -> Edit:
    return lambda data, chance: damage.lose_packets(data, share, 4, chance)


def _without_pages(count: int) -> Edit:
    def edit(data: bytes, chance: random.Random) -> tuple[bytes, list[Span]]:
        pages = damage.ogg_pages(data)
        return damage.lose(data, chance.sample(pages[4:-2], count))

    return edit


def _hurt_cluster(data: bytes, chance: random.Random) -> tuple[bytes, list[Span]]:
    clusters = damage.matroska_clusters(data)
    start = clusters[len(clusters) // 2]
    return damage.flip(data, Span(start, start + 8), chance)[0], [
        Span(start, clusters[len(clusters) // 2 + 1])
    ]


def _ends(maker: Maker, made: dict[str, Path]) -> None:
    """Broken from the very start, or only the very start there."""
    for name in ("a.mp3", "first.m4a", "opus.ogg", "opus.mkv", "a.flac", "a.wav", "a.wma"):
        start = maker.path(f"start-only-{name}")
        start.write_bytes(made[name].read_bytes()[:40])
        maker.add(start, "not audio", (0, 1, 4) if name == "a.wav" else UNREADABLE)
    doubled = maker.path("doubled.mp3")
    data = made["a.mp3"].read_bytes()
    doubled.write_bytes(data + data[len(data) // 2 :])
    seconds = maker.long.seconds
    maker.add(
        doubled,
        "bytes doubled",
        EITHER,
        [maker.whole("long"), Piece("long", seconds / 2, seconds, seconds)],
        [Hole(seconds - FRAME_S, seconds + FRAME_S)],
    )

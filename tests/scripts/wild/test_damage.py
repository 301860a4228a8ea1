"""Damage with a seed: the same each time, and where it is said to be."""

import random
import subprocess
from pathlib import Path

import pytest

from lab.places import SAMPLE
from wild import damage
from wild.damage import Span

DATA = bytes(range(256)) * 20


def test_the_same_seed_does_the_same() -> None:
    def done(seed: int) -> list[bytes]:
        chance = random.Random(seed)
        return [
            damage.flip(DATA, Span(100, 400), chance)[0],
            damage.flip_some(DATA, 9, 50, chance)[0],
            damage.lose_packets(DATA, 0.2, 2, chance)[0],
            damage.noise(30, chance),
        ]

    assert done(1) == done(1)
    assert all(one != other for one, other in zip(done(1), done(2), strict=True))


def test_bytes_change_where_it_says_and_nowhere_else() -> None:
    chance = random.Random(3)
    hurt, spans = damage.flip(DATA, Span(100, 400), chance)
    assert _differences(hurt) == set(range(100, 400))
    assert spans == [Span(100, 400)]
    hurt, spans = damage.flip_some(DATA, 9, 50, chance)
    assert _differences(hurt) == {span.start for span in spans}
    assert len(spans) == 9
    assert min(spans).start >= 50
    assert damage.zero(DATA, Span(10, 20))[0] == DATA[:10] + bytes(10) + DATA[20:]


def _differences(hurt: bytes) -> set[int]:
    assert len(hurt) == len(DATA)
    return {place for place in range(len(DATA)) if hurt[place] != DATA[place]}


def test_what_is_cut_off_removed_or_put_in() -> None:
    assert damage.cut(DATA, 0.25) == (DATA[:1280], [Span(1280, 5120)])
    assert damage.remove(DATA, Span(7, 9)) == (DATA[:7] + DATA[9:], [Span(7, 9)])
    assert damage.insert(DATA, 7, b"xyz") == (DATA[:7] + b"xyz" + DATA[7:], [Span(6, 8)])
    assert damage.lose(DATA, [Span(20, 30), Span(0, 5)])[0] == DATA[5:20] + DATA[30:]


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_packets_are_lost_in_the_share_that_is_asked_for(share: float) -> None:
    data = bytes(188) * 3000
    kept, lost = damage.lose_packets(data, share, 4, random.Random(5))
    assert len(kept) + 188 * len(lost) == len(data)
    assert share / 1.5 < len(lost) / 3000 < share * 1.5
    assert min(lost).start >= 4 * 188


def test_pages_and_clusters_are_found(tmp_path: Path) -> None:
    ogg, webm = tmp_path / "a.ogg", tmp_path / "a.webm"
    command = ["ffmpeg", "-v", "error", "-i", str(SAMPLE), "-c:a", "libopus"]
    subprocess.run([*command, "-page_duration", "200000", str(ogg)], check=True)
    subprocess.run([*command, "-cluster_time_limit", "1000", str(webm)], check=True)
    pages = damage.ogg_pages(ogg.read_bytes())
    assert pages[-1].end == ogg.stat().st_size
    assert len(pages) > 20
    assert len(damage.matroska_clusters(webm.read_bytes())) > 5

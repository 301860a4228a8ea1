import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from surtitle.decoding.formats import SNIFFED_BYTES
from surtitle.decoding.members import Begin, Mp4Splitter, TagSplitter, WavSplitter, splitter_for
from surtitle.decoding.sources import has_several
from surtitle.messages import ContainerEncoding
from tests.captioning.chunking import Chunking, ragged, three_ways
from tests.containers import FASTSTART, FRAGMENTED, Track, clicks, encode

SHORT = clicks(0.6)


def members_of(encoding: ContainerEncoding, pieces: object) -> list[bytes]:
    """What becomes of the pieces: the bytes of one container after the other."""
    pieces = [*pieces]  # type: ignore[misc]
    splitter = splitter_for(encoding, b"".join(pieces)[:SNIFFED_BYTES])
    members = [b""]

    def take(parts: object) -> None:
        for part in parts:  # type: ignore[attr-defined]
            if isinstance(part, Begin):
                members.append(b"")
            else:
                members[-1] += part

    for piece in pieces:
        take(splitter.feed(piece))
    take(splitter.finish())
    return members


FILES: dict[str, tuple[ContainerEncoding, bytes]] = {
    "webm": ("webm", encode("webm", Track(SHORT, "libopus"))),
    "webm-live": ("webm", encode("webm", Track(SHORT, "libopus"), options={"live": "1"})),
    "matroska": ("webm", encode("matroska", Track(SHORT, "libmp3lame"))),
    "ogg-opus": ("ogg", encode("ogg", Track(SHORT, "libopus"))),
    "ogg-flac": ("ogg", encode("ogg", Track(SHORT, "flac"))),
    "ogg-two-tracks": ("ogg", encode("ogg", Track(SHORT, "libopus"), Track(SHORT, "flac"))),
    "flac": ("flac", encode("flac", Track(SHORT, "flac"))),
    "aiff": ("auto", encode("aiff", Track(SHORT, "pcm_s16be"))),
    "aifc": ("auto", encode("aiff", Track(SHORT, "pcm_mulaw"))),
    "caf": ("auto", encode("caf", Track(SHORT, "pcm_s16be"))),
    "au": ("auto", encode("au", Track(SHORT, "pcm_s16be"))),
    "w64": ("auto", encode("w64", Track(SHORT, "pcm_s16le"))),
    "mp4": ("mp4", encode("mp4", Track(SHORT, "aac"))),
    "mp4-fast": ("mp4", encode("mp4", Track(SHORT, "aac"), options=FASTSTART)),
    "mp4-fragments": ("mp4", encode("mp4", Track(SHORT, "aac"), options=FRAGMENTED)),
}


@three_ways
@pytest.mark.parametrize("name", list(FILES))
def test_several_in_a_row_are_told_apart(name: str, chunking: Chunking) -> None:
    encoding, data = FILES[name]
    assert members_of(encoding, chunking(data * 3)) == [data] * 3


@three_ways
@pytest.mark.parametrize("name", list(FILES))
def test_one_alone_is_one(name: str, chunking: Chunking) -> None:
    encoding, data = FILES[name]
    assert members_of(encoding, chunking(data)) == [data]


# Not MP4: its boxes have lengths, so what follows a cut is taken for the rest of the box.
@pytest.mark.parametrize("name", [name for name in FILES if "mp4" not in name])
def test_one_that_is_cut_off_is_followed_by_the_next(name: str) -> None:
    encoding, data = FILES[name]
    cut = data[: len(data) * 2 // 3]
    assert members_of(encoding, ragged(cut + data)) == [cut, data]


@pytest.mark.parametrize("name", list(FILES))
def test_a_header_may_be_cut_anywhere(name: str) -> None:
    encoding, data = FILES[name]
    for at in range(len(data) - 4, len(data) + 40):
        both = data * 2
        assert members_of(encoding, [both[:at], both[at:]]) == [data] * 2


@three_ways
@pytest.mark.parametrize(
    ("encoding", "inside"),
    [
        ("webm", b"\x1a\x45\xdf\xa3 and nothing of a header"),
        ("webm", b"\x1a\x45\x1a\x45\xdf"),
        ("flac", b"fLaC is a format"),
        ("flac", b"fLaC\x00\x00\x00\x23"),
        ("ogg", b"OggS\x01\x02"),
        ("ogg", b"OggOggOgg"),
        ("auto", b"FORM1234AIFX"),
        ("mp4", b"    ftypmoovftyp"),
    ],
)
def test_a_signature_in_the_middle_is_no_header(
    encoding: ContainerEncoding, inside: bytes, chunking: Chunking
) -> None:
    data = next(data for kind, data in FILES.values() if kind == encoding)
    if encoding == "mp4":  # in a box of its own
        data += struct.pack(">I4s", 8 + len(inside), b"free") + inside
    else:
        data += inside
    assert members_of(encoding, chunking(data)) == [data]


@example(encoding="webm", pieces=[b"\x1a\x45\xdf\xa3", b"\x1a\x45\xdf\xa3", b"\x00\x42\x85"])
@settings(max_examples=150, deadline=None)
@given(
    encoding=st.sampled_from(["webm", "ogg", "flac", "mp4", "mp3", "aac", "auto"]),
    pieces=st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from(
                [
                    b"\x1a\x45\xdf\xa3",
                    b"\x1a\x45",
                    b"\xa3\x01\x00\x00\x42\x86",
                    b"OggS\x00\x02",
                    b"OggS",
                    b"fLaC",
                    b"fLaC\x00\x00\x00\x22",
                    b"\x00\x00\x00\x08ftyp",
                    b"\x00\x00\x00\x10moov",
                    b"\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x00\x11",
                ]
            ),
        ),
        max_size=30,
    ),
)
def test_all_bytes_come_out_in_order_whatever_they_are(
    encoding: ContainerEncoding, pieces: list[bytes]
) -> None:
    members = members_of(encoding, pieces)
    assert b"".join(members) == b"".join(pieces)
    # How they were cut does not matter.
    assert members == members_of(encoding, [b"".join(pieces)])


def hurt_at(data: bytes, place: int) -> bytes:
    return data[:place] + bytes((data[place] ^ 0x10,)) + data[place + 1 :]


# -- tags ---------------------------------------------------------------------------------------


def tag(size: int, version: int = 3, footer: bool = False) -> bytes:
    lengths = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    content = (b"\xff\xfb\x90ID" * size)[:size]
    flags = 0x10 if footer else 0
    end = b"3DI" + bytes(7) if footer else b""
    return b"ID3" + bytes((version, 0, flags)) + lengths + content + end


MPEG_FRAMES = b"\xff\xfb\x90\x00" + bytes(range(200)) * 3


@three_ways
@pytest.mark.parametrize("encoding", ["mp3", "aac", "auto"])
@pytest.mark.parametrize(
    "between",
    [tag(0), tag(50), tag(1000, 2), tag(70_000, 4), tag(300, 4, footer=True), tag(5) + tag(6)],
    ids=["empty", "small", "version 2", "large", "footer", "two"],
)
def test_tags_of_joined_files_are_left_out(
    encoding: ContainerEncoding, between: bytes, chunking: Chunking
) -> None:
    data = tag(20) + MPEG_FRAMES + between + MPEG_FRAMES
    assert members_of(encoding, chunking(data)) == [MPEG_FRAMES * 2]


@three_ways
@pytest.mark.parametrize(
    "inside",
    [b"ID3", b"ID3 is a tag", b"ID3\x05\0\0\0\0\0\0", b"ID3\x03\0\0\0\0\x80\0", b"IDID3"],
)
def test_what_looks_a_little_like_a_tag_is_audio(inside: bytes, chunking: Chunking) -> None:
    data = MPEG_FRAMES + inside + MPEG_FRAMES + inside
    assert members_of("mp3", chunking(data)) == [data]


def mpeg_frames(count: int, header: bytes = b"\xff\xfb\x90\x00", length: int = 417) -> bytes:
    """Of 128 kbit/s at 44.1 kHz; the content looks like no header."""
    return (header + bytes(range(200))).ljust(length, b"x") * count


def adts_frames(count: int) -> bytes:
    length = 300
    header = bytes(
        (0xFF, 0xF1, 0x4C, 0x40 | length >> 11, length >> 3 & 0xFF, (length & 7) << 5, 0xFC)
    )
    return (header + b"\x21" * (length - len(header))) * count


@three_ways
@pytest.mark.parametrize("size", [5000, 70_000, 0x0FFFFFFF])
@pytest.mark.parametrize("frames", [mpeg_frames(12), adts_frames(12)], ids=["mpeg", "adts"])
@pytest.mark.parametrize("content", [0, 50, 2000])
def test_a_tag_whose_size_is_damaged_ends_where_audio_goes_on(
    content: int, frames: bytes, size: int, chunking: Chunking
) -> None:
    head = b"ID3\x03\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    damaged = head + np.random.default_rng(3).bytes(content)
    for before in (b"", frames):
        splitter = TagSplitter()
        data = before + damaged + frames
        parts = [part for piece in chunking(data) for part in splitter.feed(piece)]
        parts += splitter.finish()
        assert b"".join(part for part in parts if isinstance(part, bytes)) == before + frames
        assert splitter.has_inner


PICTURES = {
    "noise": np.random.default_rng(4).bytes(400_000),
    "zeros": bytes(50_000),
    "ones": b"\xff" * 50_000,
    "sync words": b"\xff\xfb" * 30_000,
    "headers": b"\xff\xfb\x90\x00" * 20_000,
    "headers of ADTS": b"\xff\xf1\x4c\x40\x25\x80\xfc" * 10_000,
    "headers at their distance": (b"\xff\xfb\x90\x00" + b"x" * 413) * 4,
    "headers of many streams": b"".join(
        mpeg_frames(1, bytes((0xFF, second, 0x90, 0)), length)
        for second, length in ((0xFB, 417), (0xFA, 417), (0xF3, 208), (0xFD, 417)) * 8
    ),
}


@pytest.mark.parametrize("name", list(PICTURES))
@pytest.mark.parametrize("piece_bytes", [997, 65_536, 1 << 20])
def test_a_picture_in_a_tag_is_no_audio(name: str, piece_bytes: int) -> None:
    content = PICTURES[name]
    size = bytes(len(content) >> shift & 0x7F for shift in (21, 14, 7, 0))
    data = MPEG_FRAMES + b"ID3\x03\0\0" + size + content + MPEG_FRAMES
    pieces = [data[at : at + piece_bytes] for at in range(0, len(data), piece_bytes)]
    assert members_of("mp3", pieces) == [MPEG_FRAMES * 2]


# -- transport streams --------------------------------------------------------------------------


def checksum(data: bytes) -> bytes:
    """CRC-32 as of MPEG-2: from the high bits to the low ones."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = crc << 1 & 0xFFFFFFFF ^ (0x04C11DB7 if crc & 0x80000000 else 0)
    return struct.pack(">I", crc)


def ts_packet(pid: int, content: bytes, begins: bool = True) -> bytes:
    head = bytes((0x47, begins << 6 | pid >> 8, pid & 0xFF, 0x10))
    return head + content + b"\xff" * (184 - len(content))


def ts_table(
    pid: int,
    table_id: int,
    content: bytes,
    version: int,
    number: int = 1,
    *,
    holds: bool = True,
    last_section: int = 0,
) -> bytes:
    head = struct.pack(">BHH", table_id, 0xB000 | 9 + len(content), number)
    table = head + bytes((0xC0 | version << 1 | holds, 0, last_section)) + content
    return ts_packet(pid, b"\0" + table + checksum(table))


def pat(*programs: int, version: int = 0, last_section: int = 0) -> bytes:
    """Each program has the PID of its table as its number."""
    entries = [struct.pack(">HH", 0, 0xE010)]  # of the network, which is none
    entries += [struct.pack(">HH", pid, 0xE000 | pid) for pid in programs]
    return ts_table(0, 0, b"".join(entries), version, last_section=last_section)


VIDEO, AAC, MP2, AC3 = 0x1B, 0x0F, 0x03, 0x81


def pmt(
    pid: int, *tracks: tuple[int, int], version: int = 0, number: int = 1, holds: bool = True
) -> bytes:
    """Of tracks of (type, PID), each with a descriptor."""
    content = struct.pack(">HH", 0xE100, 0xF002) + b"\x0a\x00"
    for kind, track in tracks:
        content += struct.pack(">BHH", kind, 0xE000 | track, 0xF003) + b"\x52\x01\x07"
    return ts_table(pid, 2, content, version, number, holds=holds)


def sound(pid: int) -> bytes:
    return ts_packet(pid, bytes(range(100))) + ts_packet(pid, b"G" * 184, begins=False)


P, Q = 0x1000, 0x1001
PLAIN = pat(P) + pmt(P, (VIDEO, 256), (AAC, 257)) + sound(257)


@three_ways
@pytest.mark.parametrize(
    ("then", "in_between"),
    [
        (pmt(P, (VIDEO, 256), (AAC, 258), version=1) + sound(258), pat(P)),
        (pmt(P, (VIDEO, 256), (MP2, 257), version=1) + sound(257), pat(P)),
        (pmt(P, (AC3, 300)) + sound(300), pat(P)),
        (pat(Q, version=1) + pmt(Q, (AAC, 257)) + sound(257), b""),
    ],
    ids=["track moved", "codec changed", "same version", "program changed"],
)
def test_a_transport_stream_begins_anew_where_its_track_is_taken_away(
    then: bytes, in_between: bytes, chunking: Chunking
) -> None:
    data = PLAIN * 2 + then + sound(258)
    assert members_of("auto", chunking(data)) == [PLAIN * 2, in_between + then + sound(258)]


@three_ways
@pytest.mark.parametrize("others", [(), ((AC3, 300),)], ids=["alone", "two"])
def test_a_transport_stream_begins_anew_where_a_track_comes_back(
    others: tuple[tuple[int, int], ...], chunking: Chunking
) -> None:
    """Of which that with fewer tracks knows nothing."""
    both = pat(P) + pmt(P, (VIDEO, 256), (AAC, 257), *others) + sound(257)
    fewer = pmt(P, (VIDEO, 256), *others) + sound(300)
    again = both.removeprefix(pat(P))
    data = both * 2 + fewer * 2 + again * 2 + fewer
    expected = [both * 2, pat(P) + fewer * 2, pat(P) + again * 2, pat(P) + fewer]
    assert members_of("auto", chunking(data)) == expected


@three_ways
@pytest.mark.parametrize(
    "then",
    [
        PLAIN,
        pat(P, version=3) + pmt(P, (VIDEO, 256), (AAC, 257), version=4),
        pmt(P, (VIDEO, 256), (AAC, 257), (AC3, 258)),
        pmt(P, (AAC, 257)),
        pat(P, Q) + pmt(Q, (MP2, 400)),
        pmt(Q, (MP2, 400)),
        pmt(P, (AC3, 258), holds=False),
        pmt(P, (AC3, 258), number=2) + PLAIN + pmt(P, (AC3, 258), number=2),
        pat(Q, last_section=1),
        hurt_at(pmt(P, (AC3, 258)), 20),
        hurt_at(pat(Q), 9),
        PLAIN[1:] + PLAIN,
    ],
    ids=[
        *("the same", "version", "one more track", "no picture", "one more program"),
        *("not its program", "announced", "another program's", "one table of two"),
        *("damaged", "damaged program", "a byte lost"),
    ],
)
def test_a_transport_stream_whose_tracks_stay_goes_on(then: bytes, chunking: Chunking) -> None:
    data = PLAIN + then + sound(257)
    assert members_of("auto", chunking(data)) == [data]


# -- WAV ----------------------------------------------------------------------------------------

AUDIO = bytes(range(1, 200)) * 11
FMT = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16)
OPEN_ENDED = b"RIFF\xff\xff\xff\xffWAVE" + FMT + b"data\xff\xff\xff\xff"


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def wav(
    audio: bytes = AUDIO,
    *,
    data_bytes: int | None = None,
    riff_bytes: int = 0xFFFFFFFF,
    before: bytes = b"",
    after: bytes = b"",
    magic: bytes = b"RIFF",
) -> bytes:
    """A WAV whose lengths may be wrong, with chunks before and after its audio."""
    size = len(audio) if data_bytes is None else data_bytes
    pad = b"\0" * (len(audio) % 2) if after else b""
    head = magic + struct.pack("<I", riff_bytes) + b"WAVE" + before + FMT
    return head + b"data" + struct.pack("<I", size) + audio + pad + after


LIST = chunk(b"LIST", b"INFOISFT" + struct.pack("<I", 14) + b"Lavf60.16.100\0")

WAVS = {
    "as it should be": wav(riff_bytes=36 + len(AUDIO)),
    "length 0": wav(data_bytes=0, riff_bytes=36),
    "length 36": wav(data_bytes=36, riff_bytes=72),
    "length 0x7fffffff": wav(data_bytes=0x7FFFFFFF),
    "length 0xffffffff": wav(data_bytes=0xFFFFFFFF),
    "length of the first second": wav(data_bytes=1000),
    "odd length of the first second": wav(data_bytes=999),
    "RF64": wav(
        magic=b"RF64",
        data_bytes=0xFFFFFFFF,
        before=chunk(b"ds64", struct.pack("<QQQI", 1, 2, 3, 0)),
    ),
    "BW64": wav(magic=b"BW64", before=chunk(b"ds64", bytes(28))),
    "LIST before": wav(before=LIST),
    "fact before": wav(before=chunk(b"fact", struct.pack("<I", 0x7FFFF000))),
    "bext and JUNK before": wav(before=chunk(b"JUNK", bytes(27)) + chunk(b"bext", bytes(602))),
    "LIST after": wav(after=LIST),
    "cart after": wav(after=chunk(b"cart", bytes(range(256)) * 8)),
    "LGWV and others after": wav(
        after=chunk(b"LGWV", AUDIO) + chunk(b"levl", AUDIO[:300]) + chunk(b"minf", bytes(16))
    ),
    "an odd one after": wav(after=chunk(b"regn", AUDIO[:77]) + LIST),
    "id3 and cue after": wav(
        after=chunk(b"id3 ", b"ID3\x04" + bytes(31)) + chunk(b"cue ", bytes(4))
    ),
}


@three_ways
@pytest.mark.parametrize("name", list(WAVS))
def test_what_a_wav_holds_comes_whatever_its_header_says(name: str, chunking: Chunking) -> None:
    (member,) = members_of("wav", chunking(WAVS[name]))
    assert member == OPEN_ENDED + AUDIO


@three_ways
@pytest.mark.parametrize("name", [name for name in WAVS if "length 0x7" not in name])
def test_wavs_in_a_row_are_told_apart(name: str, chunking: Chunking) -> None:
    expected = [OPEN_ENDED + AUDIO] * 3
    assert members_of("wav", chunking(WAVS[name] * 3)) == expected


@three_ways
@pytest.mark.parametrize(
    "then", [b"data", b"data\x10\0\0\0", b"abcd\xff\xff\xff\x0f", b"\x01\x02cd\x10\0\0\0", b"ab"]
)
def test_behind_a_length_that_was_wrong_audio_goes_on(then: bytes, chunking: Chunking) -> None:
    """It is no chunk: too long for one, or without a name."""
    audio = AUDIO[:1000] + then + AUDIO
    members = members_of("wav", chunking(wav(audio, data_bytes=1000)))
    assert members == [OPEN_ENDED + audio]


@three_ways
def test_a_wav_of_an_odd_length_is_padded(chunking: Chunking) -> None:
    odd = AUDIO[:501]
    for after in (LIST, wav(odd)):
        members = members_of("wav", chunking(wav(odd) + b"\0" + after))
        assert all(each in (OPEN_ENDED + odd, OPEN_ENDED + odd + b"\0") for each in members)
        assert len(members) == 1 + (after is not LIST)


@three_ways
def test_a_wav_tells_how_much_of_it_has_not_come(chunking: Chunking) -> None:
    splitter = WavSplitter()
    for piece in chunking(wav(data_bytes=len(AUDIO) + 700)):
        for _ in splitter.feed(piece):
            pass
    for _ in splitter.finish():
        pass
    assert splitter.missing_bytes == [700]


@three_ways
def test_of_wavs_in_a_row_each_tells_how_much_has_not_come(chunking: Chunking) -> None:
    splitter = WavSplitter()
    cut = wav(data_bytes=len(AUDIO) + 700)
    header = wav(b"", data_bytes=5000)
    for piece in chunking(cut + header + wav(after=LIST) + wav(data_bytes=0) + header + cut):
        for _ in splitter.feed(piece):
            pass
    for _ in splitter.finish():
        pass
    assert splitter.missing_bytes == [700, 5000, 0, 0, 5000, 700]


@pytest.mark.parametrize("data_bytes", [0, 36, 1000, 0x7FFFFFFF, 0xFFFFFFFF, len(AUDIO)])
def test_a_wav_whose_length_says_nothing_lacks_nothing(data_bytes: int) -> None:
    splitter = WavSplitter()
    for piece in ragged(wav(data_bytes=data_bytes)):
        for _ in splitter.feed(piece):
            pass
    for _ in splitter.finish():
        pass
    assert splitter.missing_bytes == [0]


@three_ways
@pytest.mark.parametrize("inside", [b"RIFF", b"RIFF1234WAV", b"RIFFRIFF1234wave", b"WAVEfmt "])
def test_audio_that_looks_a_little_like_a_header_is_audio(
    inside: bytes, chunking: Chunking
) -> None:
    audio = AUDIO + inside + AUDIO
    assert members_of("wav", chunking(wav(audio, data_bytes=0))) == [OPEN_ENDED + audio]


@settings(max_examples=150, deadline=None)
@given(
    names=st.lists(st.sampled_from(list(WAVS)), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, 9000), max_size=12),
)
def test_how_wavs_are_cut_makes_no_difference(names: list[str], cuts: list[int]) -> None:
    data = b"".join(WAVS[name] for name in names)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(places)]
    assert members_of("wav", pieces) == members_of("wav", [data])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(list(WAVS.values()))), max_size=6)
)
def test_no_bytes_make_a_wav_splitter_fail(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    assert sum(map(len, members_of("wav", pieces))) <= len(whole) + 8


# -- fragments of an MP4 that are hurt ----------------------------------------------------------


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def fragment(number: int, place: int | None = None) -> bytes:
    header = box(b"mfhd", struct.pack(">II", 0, number))
    flags, where = (0, b"") if place is None else (1, struct.pack(">Q", place))
    track = box(b"traf", box(b"tfhd", struct.pack(">II", flags, 1) + where) + bytes(16))
    return box(b"moof", header + track) + box(b"mdat", bytes([number]) * 300)


@three_ways
@pytest.mark.parametrize(
    "hurt", [b"\0" * 20, b"\xff" * 20, b"nonsense of any length, as it may be"]
)
def test_behind_a_hurt_fragment_the_next_one_comes_where_it_was(
    chunking: Chunking, hurt: bytes
) -> None:
    start = box(b"ftyp", b"isom") + box(b"moov", bytes(50)) + fragment(1)
    data = start + hurt + fragment(2)[len(hurt) :] + fragment(3)
    splitter = Mp4Splitter()
    parts = [part for piece in chunking(data) for part in splitter.feed(piece)]
    parts += splitter.finish()
    got = b"".join(part for part in parts if isinstance(part, bytes))
    assert not any(isinstance(part, Begin) for part in parts)
    assert got.startswith(start)
    assert len(got) == len(data)
    assert got.index(fragment(3)) == data.index(fragment(3))
    left_out = got[len(start) : -len(fragment(3))]
    while left_out:  # boxes of nothing
        size = int.from_bytes(left_out[:4], "big")
        assert left_out[:size] == box(b"free", bytes(size - 8))
        left_out = left_out[size:]


@three_ways
@pytest.mark.parametrize("base", [0, 100], ids=["its own start", "that of its samples"])
@pytest.mark.parametrize("missing", [1, 7, 8, 100, 250, 500])
def test_a_fragment_that_knows_its_place_is_there_though_bytes_are_missing(
    chunking: Chunking, missing: int, base: int
) -> None:
    whole = box(b"ftyp", b"isom") + box(b"moov", bytes(50))
    places = []
    for number in range(1, 6):
        places.append(len(whole))
        whole += fragment(number, len(whole) + base)
    hurt_at = places[1] + 120
    data = whole[:hurt_at] + whole[hurt_at + missing :]
    (got,) = members_of("mp4", chunking(data))
    assert got[: places[1]] == whole[: places[1]]
    assert got[places[4] :] == whole[places[4] :]
    assert fragment(5, places[4] + base) in got


def long_box(name: bytes, size: int) -> bytes:
    """The header of a box with a length of 64 bits."""
    return struct.pack(">I4sQ", 1, name, size)


@three_ways
def test_a_box_may_have_a_long_length(chunking: Chunking) -> None:
    whole = box(b"ftyp", b"isom") + box(b"moov", bytes(50))
    whole += long_box(b"mdat", 116) + b"\0\0\0\x08ftyp" * 12 + bytes(4)
    assert members_of("mp4", chunking(whole * 3)) == [whole] * 3


NO_BOXES = [
    b"\x00\x00\x00\x01\x67\x64\x00\x1f\xac\xd9\x40\x50\x05\xbb\x01\x10",  # a picture of H.264
    long_box(b"\x00\x00\x00\x00", 1 << 40),
    long_box(b"mdat", 0),
    long_box(b"mdat", 15),
]


@three_ways
@pytest.mark.parametrize("rubbish", NO_BOXES)
def test_what_is_no_box_is_rubbish_up_to_the_end(chunking: Chunking, rubbish: bytes) -> None:
    name, more = "mp4-fast", bytes(50)
    data = FILES[name][1] + rubbish + more
    assert members_of("mp4", chunking(data)) == [data]
    splitter = Mp4Splitter()
    parts = [part for piece in chunking(data) for part in splitter.feed(piece)]
    assert splitter.leave_out() == 0
    assert b"".join(part for part in parts if isinstance(part, bytes)) == data


@pytest.mark.parametrize("rubbish", [*NO_BOXES, long_box(b"free", (1 << 64) - 1)])
def test_a_file_is_looked_through_up_to_its_end_whatever_follows(
    rubbish: bytes, tmp_path: Path
) -> None:
    data = FILES["mp4-fast"][1] + rubbish
    path = tmp_path / "rubbish.mp4"
    path.write_bytes(data)
    with path.open("rb") as file:
        assert not has_several(file, splitter_for("mp4", data[:SNIFFED_BYTES]))
        assert file.tell() == 0
    path.write_bytes(FILES["mp4-fast"][1] * 2)
    with path.open("rb") as file:
        assert has_several(file, splitter_for("mp4", data[:SNIFFED_BYTES]))


@pytest.mark.parametrize("place", [0, 50, 1 << 40, (1 << 64) - 1])
def test_a_place_that_cannot_be_is_not_believed(place: int) -> None:
    start = box(b"ftyp", b"isom") + box(b"moov", bytes(50))
    start += fragment(1, len(start))
    last = fragment(3, place)
    data = start + b"nonsense" * 20 + last
    (got,) = members_of("mp4", [data])
    assert got.endswith(last)
    assert len(got) == len(data)

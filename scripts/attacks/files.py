"""Containers that are made to hurt whoever decodes them. All of them are small to send."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from attacks import matroska
from surtitle.jobs import SAMPLE_RATE, Pcm16

MB = 1 << 20
PICTURE_SIDE = 16_000
BOMB_RATE = 8000
BOMB_S = 1237
ATTACHED_MB = 24
"""Of one attacker; 64 of them send 1.5 GB."""
SAMPLES_OF_A_TABLE = 50_000_000
CHUNKS_OF_A_TABLE = 1000
YEAR_MS = 365 * 24 * 3600 * 1000


def speech_like(seconds: float, seed: int) -> Pcm16:
    """Noise that swells and falls as syllables do."""
    chance = np.random.default_rng(seed)
    count = round(seconds * SAMPLE_RATE)
    swell = 0.5 + 0.5 * np.sin(np.arange(count) * 2 * np.pi * 4 / SAMPLE_RATE)
    return np.asarray(chance.normal(0, 3000, count) * swell).clip(-32768, 32767).astype(np.int16)


def muxed(
    samples: Pcm16, form: str, codec: str, rate: int, options: dict[str, str] | None = None
) -> bytes:
    """Audio at 16 kHz in a container at any rate, as FFmpeg writes it."""
    file = io.BytesIO()
    with av.open(file, "w", format=form, options=options or {}) as muxer:
        stream = muxer.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, 0
        muxer.mux(stream.encode(frame))
        muxer.mux(stream.encode(None))
    return file.getvalue()


def flac_with_comments(count: int, seed: int) -> bytes:
    """A FLAC whose comments outnumber its frames."""
    whole = muxed(speech_like(1, seed), "flac", "flac", SAMPLE_RATE)
    info, audio = whole[4:42], whole[whole.index(b"\xff\xf8", 42) :]
    chance = random.Random(seed)
    comments = b"".join(
        struct.pack("<I", 6) + f"{chance.randrange(16**4):04x}=x".encode() for _ in range(count)
    )
    block = struct.pack("<I", 1) + b"x" + struct.pack("<I", count) + comments
    info = b"\x00" + info[1:]
    return b"fLaC" + info + b"\x84" + len(block).to_bytes(3, "big") + block + audio


def packed_silence() -> bytes:
    """Twenty minutes of PCM in 10 kB: a single block, compressed with zlib."""
    silence = zlib.compress(bytes([128]) * BOMB_RATE * BOMB_S, 9)
    track = matroska.audio(1, rate=BOMB_RATE, bits=8, compression=matroska.ZLIB)
    cluster = matroska.cluster(0, matroska.block(1, silence))
    return matroska.head() + matroska.tracks([track]) + cluster


def huge_picture() -> bytes:
    """Beside the sound a picture of 256 million pixels."""
    rows = zlib.compressobj(1)
    row = bytes(1 + 3 * PICTURE_SIDE)
    packed = b"".join(rows.compress(row) for _ in range(PICTURE_SIDE)) + rows.flush()

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    shape = struct.pack(">IIBBBBB", PICTURE_SIDE, PICTURE_SIDE, 8, 2, 0, 0, 0)
    picture = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", shape) + chunk(b"IDAT", packed)
    picture += chunk(b"IEND", b"")
    private = struct.pack(
        "<IiiHH4sIiiII", 40, PICTURE_SIDE, PICTURE_SIDE, 1, 24, b"MPNG", 0, 0, 0, 0, 0
    )
    entries = [
        matroska.video(1, PICTURE_SIDE, PICTURE_SIDE, b"V_MS/VFW/FOURCC", private),
        matroska.audio(2),
    ]
    sound = matroska.block(2, bytes(3200))
    return (
        matroska.head(b"matroska")
        + matroska.tracks(entries)
        + matroska.cluster(0, matroska.block(1, picture), sound)
        + matroska.cluster(100, sound)
    )


def hour_of_silence() -> bytes:
    """A FLAC of an hour, of which next to nothing is left."""
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as muxer:
        stream = muxer.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
        silence = np.zeros((1, SAMPLE_RATE * 60), np.int16)
        for minute in range(60):
            frame = av.AudioFrame.from_ndarray(silence, format="s16", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, minute * silence.shape[1]
            muxer.mux(stream.encode(frame))
        muxer.mux(stream.encode(None))
    return file.getvalue()


def attached() -> bytes:
    """Attachments, which a demuxer keeps."""
    files = [matroska.attachment(b"a%d" % n, bytes(MB)) for n in range(ATTACHED_MB)]
    return (
        matroska.head(b"matroska")
        + matroska.attachments(*files)
        + matroska.tracks([matroska.audio(1)])
        + matroska.cluster(0, matroska.block(1, bytes(3200)))
    )


def many_tags(count: int) -> bytes:
    """Tags, each of which a demuxer looks up among those before."""
    return (
        matroska.head(b"matroska")
        + matroska.tracks([matroska.audio(1)])
        + matroska.tags(count)
        + matroska.cluster(0, matroska.block(1, bytes(3200)))
    )


def many_tracks(count: int) -> bytes:
    """Tracks of AC-3, for each of which a decoder is opened."""
    sound = muxed(speech_like(0.5, 1), "ac3", "ac3", 48_000)
    one = sound[: sound.index(b"\x0b\x77", 2)]
    entries = [matroska.audio(n, b"A_AC3", rate=48_000) for n in range(1, count + 1)]
    blocks = [matroska.block(n, one) for n in range(1, count + 1)]
    clusters = [matroska.cluster(32 * n, *blocks) for n in range(8)]
    return matroska.head(b"matroska") + matroska.tracks(entries) + b"".join(clusters)


def transport_stream(count: int) -> bytes:
    """A transport stream with so many AC-3 tracks, on as many programmes as hold them."""
    sound = muxed(speech_like(0.5, 1), "ac3", "ac3", 48_000)
    one = sound[: sound.index(b"\x0b\x77", 2)]
    at_once = 150  # of a programme, whose table has 1021 bytes at most
    firsts = list(range(0, count, at_once))
    programmes = [(n + 1, 0x1000 + n) for n in range(len(firsts))]
    body = b"".join(struct.pack(">HH", number, 0xE000 | pid) for number, pid in programmes)
    packets = [_table(0, 0x00, 1, body)]
    for (number, pid), first in zip(programmes, firsts, strict=True):
        pids = range(0x20 + first, 0x20 + min(first + at_once, count))
        streams = b"".join(struct.pack(">BHH", 0x81, 0xE000 | each, 0xF000) for each in pids)
        body = struct.pack(">HH", 0xE000 | pids[0], 0xF000) + streams
        packets.append(_table(pid, 0x02, number, body))
    stamp = bytes([0x21, 0, 1, 0, 1])
    header = b"\x00\x00\x01\xbd" + struct.pack(">H", len(one) + 8) + b"\x80\x80\x05" + stamp
    for turn in range(4):
        packets += [_packets(0x20 + n, header + one, turn) for n in range(count)]
    return b"".join(packets)


def _table(pid: int, kind: int, number: int, body: bytes) -> bytes:
    """A section of program-specific information, in packets."""
    section = struct.pack(">BHHBBB", kind, 0xB000 | len(body) + 9, number, 0xC1, 0, 0) + body
    return _packets(pid, b"\x00" + section + struct.pack(">I", _crc32_mpeg(section)), 0)


def _packets(pid: int, payload: bytes, counter: int) -> bytes:
    """A payload in packets of 188 bytes; the first ones say that something begins."""
    packets: list[bytes] = []
    for place in range(0, len(payload), 184):
        piece = payload[place : place + 184]
        first = 0x40 if not place else 0
        head = struct.pack(">BHB", 0x47, first << 8 | pid, 0x10 | (counter + len(packets)) & 15)
        if missing := 184 - len(piece):
            field = bytes([missing - 1]) + (b"\x00" + b"\xff" * (missing - 2))[: missing - 1]
            head = head[:3] + bytes([head[3] | 0x20])
            piece = field + piece
        packets.append(head + piece)
    return b"".join(packets)


def _crc32_mpeg(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def huge_tables() -> bytes:
    """An MP4 that claims fifty million samples, in tables of a few bytes."""
    count, places = SAMPLES_OF_A_TABLE, range(8000, 8000 + CHUNKS_OF_A_TABLE)

    def box(kind: bytes, *parts: bytes) -> bytes:
        payload = b"".join(parts)
        return struct.pack(">I", len(payload) + 8) + kind + payload

    def full(kind: bytes, *parts: bytes) -> bytes:
        return box(kind, bytes(4), *parts)

    entry = box(
        b"mp4a",
        struct.pack(">6xH8xHHHHI", 1, 1, 16, 0, 0, SAMPLE_RATE << 16),
    )
    table = box(
        b"stbl",
        full(b"stsd", struct.pack(">I", 1), entry),
        full(b"stts", struct.pack(">III", 1, count, 1024)),
        full(b"stsc", struct.pack(">IIII", 1, 1, count // CHUNKS_OF_A_TABLE, 1)),
        full(b"stsz", struct.pack(">II", 2, count)),
        full(b"stco", struct.pack(f">I{CHUNKS_OF_A_TABLE}I", CHUNKS_OF_A_TABLE, *places)),
    )
    media = box(
        b"mdia",
        full(b"mdhd", struct.pack(">IIIIHH", 0, 0, SAMPLE_RATE, count, 0x55C4, 0)),
        full(b"hdlr", struct.pack(">I4s12xB", 0, b"soun", 0)),
        box(b"minf", full(b"smhd", bytes(4)), table),
    )
    track = box(b"trak", full(b"tkhd", struct.pack(">IIIII60x", 0, 0, 1, 0, count)), media)
    movie = full(b"mvhd", struct.pack(">IIII80x", 0, 0, SAMPLE_RATE, count))
    return (
        box(b"ftyp", b"M4A \x00\x00\x00\x00M4A isom")
        + box(b"moov", movie, track)
        + box(b"mdat", bytes(64_000))
    )


def years_ahead() -> bytes:
    """A tenth of a second of sound every ten years."""
    sound = speech_like(0.1, 3).tobytes()
    pieces = [matroska.cluster(n * 10 * YEAR_MS, matroska.block(1, sound)) for n in range(50)]
    return matroska.head() + matroska.tracks([matroska.audio(1)]) + b"".join(pieces)


def live_speech(samples: Pcm16, form: str) -> list[bytes]:
    """Speech as a recorder sends it: what comes with each tenth of a second, in Opus.

    The form is `webm` or `ogg`. Joined it is one file.
    """
    file = _Written()
    options = {"flush_packets": "1"}
    if form == "webm":
        options |= {"live": "1", "cluster_time_limit": "100"}
    if form == "ogg":
        options |= {"page_duration": "100000"}
    step = SAMPLE_RATE // 10
    pieces = []
    with av.open(file, "w", format=form, options=options) as muxer:
        stream = muxer.add_stream("libopus", rate=48_000, layout="mono")
        for start in range(0, len(samples), step):
            part = samples[start : start + step]
            frame = av.AudioFrame.from_ndarray(part[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, start
            muxer.mux(stream.encode(frame))
            pieces.append(file.take())
        muxer.mux(stream.encode(None))
    pieces.append(file.take())
    return pieces


class _Written(io.RawIOBase):
    """What was written and not taken yet; a stream has no way back."""

    def __init__(self) -> None:
        self._data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        self._data += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._data)
        self._data.clear()
        return taken


MADE: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "comments-40k": ("flac", lambda seed: flac_with_comments(40_000, seed)),
    "comments-300k": ("flac", lambda seed: flac_with_comments(300_000, seed)),
    "packed": ("webm", lambda seed: packed_silence()),
    "picture": ("webm", lambda seed: huge_picture()),
    "attached": ("webm", lambda seed: attached()),
    "tags": ("webm", lambda seed: many_tags(40_000)),
    "tracks": ("webm", lambda seed: many_tracks(900)),
    "transport": ("auto", lambda seed: transport_stream(900)),
    "tables": ("mp4", lambda seed: huge_tables()),
    "years": ("webm", lambda seed: years_ahead()),
    "silence": ("flac", lambda seed: hour_of_silence()),
}
"""Name -> declared encoding, and what makes it."""


def write_all(folder: Path, names: "set[str]", seed: int) -> None:
    """Make the files of these names, for attackers to send."""
    for name in sorted(names):
        (folder / name).write_bytes(MADE[name][1](seed))

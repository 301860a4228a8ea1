"""A container's bytes -> 16 kHz mono samples in their places, whatever happens on the way.

The only file that uses FFmpeg to read. It runs in a process that may die, see `child`. What cannot
be decoded is skipped, and silence stands for its time; where the format changes in the middle, the
mix and the resampler begin anew; several containers in a row are one recording.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import av
import av.error
import av.logging
import numpy as np
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Discard, Disposition, Stream
from numpy.typing import NDArray

from surtitle.captioning.audio import Resampler
from surtitle.captioning.downmix import Downmix
from surtitle.decoding.formats import (
    CHECKED_CODECS,
    CONTAINERS,
    DECODERS,
    DEMUXERS,
    KNOWN_LENGTH,
    LENGTH_OF_ALL,
    LONGEST_AIFF_BYTES,
    SNIFFED_BYTES,
    TAGS,
    UNCLOCKED,
    UNTIMED,
    WITHOUT_HEADER,
    WITHOUT_HOLES,
    knows_no_length,
    sniff,
)
from surtitle.decoding.members import splitter_for
from surtitle.decoding.sources import (
    READ_BYTES,
    Members,
    Source,
    Unreadable,
    has_several,
    read_at_least,
    with_index_last,
)
from surtitle.decoding.timeline import (
    MAX_HOLE_S,
    MAX_UNCLOCKED_HOLE_S,
    Piece,
    Placed,
    Timeline,
)
from surtitle.jobs import SAMPLE_RATE, Pcm16
from surtitle.messages import ContainerEncoding

Float = NDArray[np.float32]
if TYPE_CHECKING:
    AudioPacket = Packet[AudioStream]
    AnyPacket = Packet[Stream]

av.logging.set_level(av.logging.ERROR)  # what it complains of is damage
av.logging.set_skip_repeated(False)  # the second time too

STREAM_BUFFER_BYTES = 4096
"""How much FFmpeg asks of a stream at once: what it waits for is caption delay."""
MAX_FRAME_SAMPLES = 1 << 19
"""Of one frame, and channel: 11 s at 48 kHz. Ten kilobytes may be packed so that they hold minutes."""
PATIENT_BYTES, PATIENT_US = 8 << 20, 30_000_000
"""How far a picture may go on before its sound, in a stream that does not say at its start that it
has one."""
MAX_TRACKS = 32
MAX_ERRORS_IN_A_ROW = 100
"""Packets that cannot be read, one behind the other, before the rest is given up."""
RATES = range(4000, 384_001)
"""Sample rates that are taken."""
WARY_S = 1.0
"""FFmpeg complains of damage when it reads it, which may be some packets before the hole is
reached."""
SILENCE_SAMPLES = SAMPLE_RATE
"""How much silence is given out at once."""
UNKNOWN_SAMPLES = SAMPLE_RATE
"""What is told as missing where nobody knows how much it is."""
MIN_MISSING_S = 0.25
"""How much shorter than its header says a recording may be: codecs pad the last frame."""

AAC_CHANNEL_BYTES, ADTS_BYTES = 768, 16
"""What a channel of a frame of AAC takes at most by the standard, and its header."""

_FULL_SCALES = {"u8": 1 << 7, "s16": 1 << 15, "s32": 1 << 31, "s64": 1 << 63, "flt": 1, "dbl": 1}


@dataclass(frozen=True, slots=True)
class Tracks:
    """The audio tracks of a recording, by name, and the one that is decoded (from 1)."""

    names: tuple[str, ...]
    chosen: int
    length_s: float | None = None
    """How long the recording says, or seems, to be."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Audio that could not be decoded; silence stands for it, or it lies behind the end."""

    start_sample: int
    samples: int


Event = Tracks | Missing | Pcm16


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a recording is to be decoded."""

    encoding: ContainerEncoding = "auto"
    track: int | None = None
    """Of the audio tracks, from 1; None: the one that players choose."""


_NO_INDEX = "moov atom not found"
"""What FFmpeg says of an MP4 without one (libavformat/mov.c)."""


class Recording:
    """Decodes one recording. `av` must not be used by others in this process meanwhile."""

    def __init__(self, wishes: Wishes, on_heard: Callable[[], None] = lambda: None) -> None:
        """`on_heard` is called with the first audio that is decoded."""
        self._wishes = wishes
        self._on_heard = on_heard
        self._end = 0  # samples given out
        self._byte_rate = 0.0  # of the newest track, in bytes/s; 0: unknown
        self._broadcast: Timeline[Float] | None = None  # which goes on with the next track
        self._track_ids: tuple[int, ...] = ()  # of the first container with audio
        self._known_bytes, self._known_samples = 0, 0  # of the containers that could be read
        self._has_length = True  # where its format has one
        self._mixer: _Mixer | None = None
        self._errors: list[tuple[int, str, str]] = []  # what FFmpeg has complained of

    def read_stream(self, source: Source) -> Iterator[Event]:
        """Decode what comes as it comes. Raises Unreadable."""
        head = read_at_least(source, SNIFFED_BYTES)
        found = sniff(head)
        declared = self._wishes.encoding
        if found is not None and declared not in ("auto", found):
            raise Unreadable(
                f"The audio is {found}, not {declared}: set `encoding` accordingly, or to `auto`."
            )
        encoding = found or declared
        stream = Members(source, head, splitter_for(encoding, head))
        missing_s = []
        while stream.begin():
            yield from self._read_or_skip(stream, encoding)
            missing_s.append(stream.missing_bytes / self._byte_rate if self._byte_rate else 0.0)
        # A recorder that streams says what it likes of the length, and does so each time.
        is_unknown = declared == "wav" or (len(missing_s) > 1 and all(missing_s))
        yield from self._finish(0.0 if is_unknown else sum(missing_s))

    def read_file(self, file: BinaryIO) -> Iterator[Event]:
        """Decode a file that can be sought in. Raises Unreadable."""
        head = file.read(READ_BYTES)
        file.seek(0)
        self._has_length = not knows_no_length(head)
        found = sniff(head)
        splitter = splitter_for(found or "auto", head)
        if found in ("wav", "ogg", "flac") or has_several(file, splitter):
            yield from self.read_stream(file)  # perhaps several in a row
            return
        yield from self._read_member(file, found or "auto")
        yield from self._finish(0.0)

    # -- one container --------------------------------------------------------------------------

    def _read_or_skip(self, stream: "Members", encoding: ContainerEncoding) -> Iterator[Event]:
        """One of several containers in a row: what is none is damage, or rubbish before the first."""
        begun = self._end
        try:
            yield from self._read_member(with_index_last(stream, encoding) or stream, encoding)
        except Unreadable:
            if not self._end and not stream.goes_on:
                raise
            stream.skip()
            if begun:
                yield from self._stand_for(stream, self._end - begun)
        else:
            stream.skip()
            self._known_bytes += stream.member_bytes
            self._known_samples += self._end - begun

    def _stand_for(self, stream: "Members", heard: int) -> Iterator[Event]:
        """For what cannot be read of a container: silence where another one follows, as long as so
        many bytes of those before. A broadcast has a clock, which tells."""
        if self._broadcast is not None and stream.goes_on:
            return
        if not self._known_bytes:
            yield Missing(self._end, UNKNOWN_SAMPLES)
            return
        samples = round(stream.member_bytes * self._known_samples / self._known_bytes) - heard
        if samples < MIN_MISSING_S * SAMPLE_RATE:
            return
        yield Missing(self._end, samples)
        if stream.goes_on and samples <= MAX_HOLE_S * SAMPLE_RATE:
            if self._mixer is not None:
                yield from self._give(self._mixer.finish())
            yield from self._be_silent(samples)

    def _read_member(self, file: Source, encoding: ContainerEncoding) -> Iterator[Event]:
        try:
            with (
                av.logging.Capture() as self._errors,
                self._open_with_audio(file, encoding) as container,
            ):
                yield from self._decode(container)
        except (av.error.FFmpegError, ValueError, OverflowError) as error:
            if isinstance(error, av.error.MemoryError):
                raise MemoryError from error
            raise Unreadable(self._unreadable(encoding)) from error

    def _open_with_audio(
        self, file: Source, encoding: ContainerEncoding
    ) -> "av.container.InputContainer":
        """Of a format without a header, tracks are what has come: where there is no audio yet, it is
        waited for."""
        if not isinstance(file, Members):
            return self._open(file, encoding)
        file.keep()
        container = self._open(file, encoding)
        kept = file.let_go()
        if container.streams.audio or container.format.name not in WITHOUT_HEADER:
            return container
        container.close()
        self._errors.clear()
        file.unread(kept)
        return self._open(file, encoding, is_patient=True)

    def _open(
        self, file: Source, encoding: ContainerEncoding, *, is_patient: bool = False
    ) -> "av.container.InputContainer":
        container = CONTAINERS[encoding]
        options = {
            "format_whitelist": ",".join(DEMUXERS),
            "codec_whitelist": ",".join(DECODERS),
            "protocol_whitelist": "",
            "max_streams": str(MAX_TRACKS),
        }
        is_stream = not hasattr(file, "seek")
        if container.has_header and is_stream:
            # A live stream is not worth probing: the header names codec and rate, and each byte that
            # the probe waits for is caption delay.
            options |= {"probesize": "32", "analyzeduration": "0", "max_probe_packets": "1"}
        elif is_stream and not is_patient:
            options |= {"probesize": str(256 << 10), "analyzeduration": "1000000"}
        elif is_stream:
            options |= {"probesize": str(PATIENT_BYTES), "analyzeduration": str(PATIENT_US)}
        if encoding == "wav":
            options["ignore_length"] = "1"
        return av.open(
            file,
            "r",
            format=container.demuxer,
            options=options,
            buffer_size=STREAM_BUFFER_BYTES if is_stream else READ_BYTES,
            metadata_errors="replace",  # tags that are not UTF-8 are no reason to refuse the sound
        )

    def _unreadable(self, encoding: ContainerEncoding) -> str:
        if self._wishes.encoding == "auto":
            if any(_NO_INDEX in message for _, _, message in self._errors):
                return (
                    "The index of this recording is missing. It stands at the end, which was probably "
                    "cut off: copy the whole file again."
                )
            return "This is not audio or video that can be read, or it is damaged from the start."
        return (
            f"The audio could not be decoded as {encoding}; check that `encoding` matches what is "
            "sent."
        )

    def _decode(self, container: "av.container.InputContainer") -> Iterator[Event]:
        stream = self._choose(container)
        demuxer = container.format.name.partition(",")[0]
        max_hole_s = MAX_UNCLOCKED_HOLE_S if demuxer in UNCLOCKED else MAX_HOLE_S
        options = {"max_samples": str(MAX_FRAME_SAMPLES)}
        if (checks := CHECKED_CODECS.get(stream.codec_context.name)) is not None:
            options["err_detect"] = checks
        stream.codec_context.options = options
        # That the codec of the pictures may not be used is no damage.
        self._errors[:] = [each for each in self._errors if "whitelist" not in each[2]]
        self._byte_rate = _byte_rate(stream)
        begun = self._end
        reader = _Packets(container, stream, self._errors, _most_frame_bytes(stream, demuxer))
        timeline: Timeline[Float] | None = None
        for piece in reader.pieces():
            rate, audio = piece.audio
            if timeline is None:
                origin_s = None if self._track_ids else reader.origin_s
                if not self._track_ids:
                    tracks = container.streams.audio
                    self._track_ids = tuple(each.id for each in tracks)
                    length_s = container.duration / 1e6 if container.duration else None
                    yield Tracks(tuple(map(_track_name, tracks)), 1 + _index(stream), length_s)
                timeline = self._broadcast or Timeline(
                    origin_s, max_hole_s, holes_are_damage=demuxer in WITHOUT_HOLES
                )
            if self._mixer is None or not self._mixer.fits(rate, audio.shape[1]):
                # What is held has its place in the old format.
                yield from self._put(timeline.finish())
                yield from self._change_format(rate, audio.shape[1])
            placed = timeline.place(
                Piece(piece.begins_s, piece.length_s, audio, piece.after_damage)
            )
            yield from self._put(placed)
        if timeline is None:
            if reader.refused_rate:
                raise Unreadable(
                    f"The audio has a sample rate of {reader.refused_rate} Hz; rates from "
                    f"{RATES[0]} to {RATES[-1]} Hz are supported."
                )
            if reader.found_damage:
                raise Unreadable("The audio track contains no audio that can be decoded.")
            return
        yield from self._put(timeline.finish())
        self._broadcast = timeline if demuxer in WITHOUT_HOLES else None
        heard_s = (self._end - begun) / SAMPLE_RATE
        length_s = None
        if self._has_length:
            length_s = _length_s(stream, reader, container.duration, demuxer)
        yield from self._account_for_the_end(heard_s, length_s, _duration_s(stream), reader)

    def _choose(self, container: "av.container.InputContainer") -> AudioStream:
        tracks = container.streams.audio
        if not tracks:
            raise Unreadable("There is no audio track.")
        if (wanted := self._wishes.track) is not None:
            return _decodable([self._wanted(tracks, wanted)])
        defaults = [each for each in tracks if each.disposition & Disposition.default]
        return _decodable([*defaults, *tracks])

    def _wanted(self, tracks: Sequence[AudioStream], wanted: int) -> AudioStream:
        """Track `wanted`, from 1. In a broadcast it keeps its id, though those before it may be gone.

        Raises Unreadable where there is none.
        """
        known = self._track_ids if self._broadcast is not None else ()
        wanted_id = known[wanted - 1] if wanted <= len(known) else None
        for number, each in enumerate(tracks, 1):
            if each.id == wanted_id or (number == wanted and each.id not in known):
                return each
        raise Unreadable(f"There is no track {wanted}; the audio tracks are 1 to {len(tracks)}.")

    def _account_for_the_end(
        self,
        heard_s: float,
        length_s: float | None,
        estimate_s: float | None,
        reader: "_Packets",
    ) -> Iterator[Event]:
        """What could not be decoded at the end, and what the header says there should be.

        `length_s` is what it says for certain, `estimate_s` about.
        """
        if length_s is not None:
            missing_s = length_s - heard_s if length_s - heard_s >= MIN_MISSING_S else 0.0
        else:
            # Of what lies behind all that was said to come, nobody knows that it was audio.
            is_all = 0 < (estimate_s or 0.0) <= heard_s + MIN_MISSING_S
            missing_s = 0.0 if is_all else reader.failed_s
        if missing_s:
            yield Missing(self._end, round(missing_s * SAMPLE_RATE))

    # -- samples --------------------------------------------------------------------------------

    def _put(self, placed: list[Placed[Float]]) -> Iterator[Event]:
        for each in placed:
            assert self._mixer is not None
            if each.silence_s:
                yield from self._give(self._mixer.finish())
                silence = round(each.silence_s * SAMPLE_RATE)
                if each.is_damage:
                    yield Missing(self._end, silence)
                yield from self._be_silent(silence)
            yield from self._give(self._mixer.push(each.audio))

    def _be_silent(self, samples: int) -> Iterator[Event]:
        for start in range(0, samples, SILENCE_SAMPLES):
            yield from self._give(np.zeros(min(SILENCE_SAMPLES, samples - start), np.int16))

    def _change_format(self, rate: int, channels: int) -> Iterator[Event]:
        if self._mixer is not None:
            yield from self._give(self._mixer.finish())
        self._mixer = _Mixer(rate, channels)

    def _finish(self, missing_s: float) -> Iterator[Event]:
        if self._mixer is not None:
            yield from self._give(self._mixer.finish())
        if missing_s >= MIN_MISSING_S:
            yield Missing(self._end, round(missing_s * SAMPLE_RATE))

    def _give(self, samples: Pcm16) -> Iterator[Event]:
        if len(samples):
            if not self._end:
                self._on_heard()
            self._end += len(samples)
            yield samples


@dataclass(frozen=True, slots=True)
class _Decoded:
    """A frame: sample rate in Hz and samples of shape (n, channels), and its place."""

    begins_s: float | None
    length_s: float
    audio: tuple[int, Float]
    after_damage: bool


class _Packets:
    """The packets of one track, decoded one by one; those that cannot be are skipped."""

    def __init__(
        self,
        container: "av.container.InputContainer",
        stream: AudioStream,
        errors: list[tuple[int, str, str]],
        most_frame_bytes: int | None,
    ) -> None:
        """`errors` is what FFmpeg complains of; `most_frame_bytes` is for a format without a
        clock."""
        self._container = container
        self._most_frame_bytes = most_frame_bytes
        self._read_bytes, self._read_s = 0, 0.0  # of the packets that were decoded
        self._clock_s = 0.0  # of a format that has none: what has passed since the first frame
        self._stream = stream
        self._complaints = errors
        self._damaged = False  # something since the last frame could not be decoded
        self._wary_s = 0.0  # so much audio more may lie before the hole that the damage has left
        self.failed_s = 0.0
        """Length of the packets since the last frame that could not be decoded, in seconds."""
        self.refused_rate = 0
        """A sample rate that nobody records at, in Hz, where there was one."""
        self.origin_s: float | None = None
        """Where the container begins, by its clock. Known with the first piece."""
        self.start_s: float | None = None
        """Where the audio begins, by the same clock."""
        if container.start_time is not None:
            self.origin_s = container.start_time / 1e6

    @property
    def found_damage(self) -> bool:
        """Whether something since the last frame could not be decoded."""
        return self._damaged or bool(self._complaints)

    def pieces(self) -> Iterator[_Decoded]:
        """The frames that can be decoded."""
        for packet in self._packets():
            try:
                frames = self._stream.decode(packet)
            except (av.error.FFmpegError, ValueError) as error:
                if isinstance(error, av.error.MemoryError):
                    raise
                if bytes(memoryview(packet)[:3]) in TAGS:
                    self._complaints.clear()
                    continue
                self._damaged = True
                self._fail(max(_length_of(packet), self._time_of(packet.size)))
                continue
            if packet.size > (self._most_frame_bytes or packet.size) and not _is_whole_adts(packet):
                self._damaged = True
                self._clock_s += self._time_of(packet.size - (self._most_frame_bytes or 0))
            self._read_bytes += packet.size
            self._read_s += _length_of(packet)
            for frame in frames:
                yield from self._piece(frame)

    def _fail(self, length_s: float) -> None:
        """So much could not be decoded. Before the first frame it is rubbish, which has no time."""
        self.failed_s += length_s
        if self.start_s is not None:
            self._clock_s += length_s

    def _time_of(self, size: int) -> float:
        """How long bytes that are no frame take in a format without a clock: by the bit rate so
        far."""
        if self._most_frame_bytes is None or not self._read_bytes:
            return 0.0
        return size * self._read_s / self._read_bytes

    def _piece(self, frame: av.AudioFrame) -> Iterator[_Decoded]:
        audio = _samples(frame)
        if frame.sample_rate not in RATES:
            self.refused_rate = frame.sample_rate
        if frame.sample_rate not in RATES or not np.isfinite(audio).all():
            self._damaged = True
            self._fail(frame.samples / max(frame.sample_rate, 1))
            return
        length_s = frame.samples / frame.sample_rate
        begins_s = self._begin_of(frame)
        self._clock_s += length_s
        if self.start_s is None:
            self.start_s = begins_s
        if self.found_damage:
            self._wary_s = WARY_S
        yield _Decoded(
            begins_s,
            length_s,
            (frame.sample_rate, np.clip(audio, np.float32(-1), np.float32(1))),
            after_damage=self._wary_s > 0,
        )
        self._wary_s -= length_s
        self._damaged, self.failed_s = False, 0.0
        self._complaints.clear()

    def _begin_of(self, frame: av.AudioFrame) -> float | None:
        if self._most_frame_bytes is not None:
            return self._clock_s
        if frame.pts is None or frame.time_base is None:
            return None
        return float(frame.pts * frame.time_base)

    def _packets(self) -> "Iterator[AudioPacket]":
        """Those of the track. FFmpeg's reader ends at an error; it is started again behind it."""
        errors, first = 0, True
        streams = [self._stream, *(each for each in self._container.streams.video if _moves(each))]
        while errors < MAX_ERRORS_IN_A_ROW:
            try:
                for packet in self._container.demux(streams if first else self._stream):
                    errors = 0
                    if packet.stream is not self._stream:
                        if not packet.is_discard:  # before the first picture that is shown
                            self._note_origin(packet)
                        continue
                    if first and packet.size:
                        first = False
                        _leave_out(streams[1:])
                    self._damaged |= packet.is_corrupt
                    yield packet  # type: ignore[misc]  # it is of the track
                return
            except (av.error.EOFError, StopIteration, IndexError):
                return  # with an IndexError where a track has begun in the middle
            except av.error.FFmpegError as error:
                if isinstance(error, av.error.MemoryError):
                    raise
                errors += 1
                self._damaged = True

    def _note_origin(self, packet: "AnyPacket") -> None:
        if packet.pts is None or packet.time_base is None:
            return
        begins_s = float(packet.pts * packet.time_base)
        self.origin_s = begins_s if self.origin_s is None else min(self.origin_s, begins_s)


class _Mixer:
    """Frames of one format -> 16 kHz mono."""

    def __init__(self, rate: int, channels: int) -> None:
        self._format = rate, channels
        self._downmix = Downmix(channels, rate) if channels > 1 else None
        self._resampler = Resampler(rate)

    def fits(self, rate: int, channels: int) -> bool:
        """Whether this is its format."""
        return self._format == (rate, channels)

    def push(self, frames: Float) -> Pcm16:
        """Frames of shape (n, channels) -> samples, shape (m,)."""
        mono = frames[:, 0] if self._downmix is None else self._downmix.push(frames)
        return self._resampler.push(mono)

    def finish(self) -> Pcm16:
        """What is held back; the next frames begin anew."""
        rest = np.zeros(0, np.float32) if self._downmix is None else self._downmix.finish()
        samples = self._resampler.push(rest, last=True)
        self._resampler = Resampler(self._format[0])
        return samples


def _samples(frame: av.AudioFrame) -> Float:
    """Full scale is 1; shape (n, channels)."""
    kind = frame.format.name
    values = frame.to_ndarray()
    channels = frame.layout.nb_channels
    values = values.T if frame.format.is_planar else values.reshape(-1, channels)
    scale = _FULL_SCALES[kind.removesuffix("p")]
    samples: Float = values.astype(np.float32)
    if kind.startswith("u8"):
        samples -= 128
    return samples if scale == 1 else samples / np.float32(scale)


def _most_frame_bytes(stream: AudioStream, demuxer: str) -> int | None:
    """The largest frame of a format without a clock; None for other formats."""
    if demuxer == "aac":
        return AAC_CHANNEL_BYTES * max(stream.codec_context.channels, 1) + ADTS_BYTES
    return UNTIMED.get(demuxer)


def _is_whole_adts(packet: "AudioPacket") -> bool:
    """Whether it is one frame by its header (ISO/IEC 13818-7, 6.2): FFmpeg's own encoder makes some
    that are larger than they may be."""
    head = bytes(memoryview(packet)[:6])
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return False
    return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5 == packet.size


def _length_of(packet: "AudioPacket") -> float:
    """In seconds, as far as it is known."""
    if not packet.duration or packet.time_base is None:
        return 0.0
    return float(packet.duration * packet.time_base)


def _length_s(
    stream: AudioStream, reader: _Packets, container_duration: int | None, demuxer: str
) -> float | None:
    """How long the audio should be from the container's start on, where its header says so.

    `container_duration` is in microseconds.
    """
    if demuxer not in KNOWN_LENGTH:
        return None
    is_alone = len(stream.container.streams) == 1
    if demuxer in LENGTH_OF_ALL and not is_alone:
        return None
    container_s = None if container_duration is None else container_duration / 1e6
    if demuxer == "matroska":  # it has the time of the end
        return None if container_s is None else container_s - (reader.origin_s or 0.0)
    duration_s = _duration_s(stream)
    if duration_s is None:
        return None
    if demuxer == "aiff" and duration_s * _byte_rate(stream) > LONGEST_AIFF_BYTES:
        return None
    length_s = duration_s + (reader.start_s or 0.0) - (reader.origin_s or 0.0)
    if demuxer == "mov" and container_s is not None:
        # In fragments, the length of a track may have what goes before it in it.
        return min(length_s, container_s)
    return length_s


def _duration_s(stream: AudioStream) -> float | None:
    if not stream.duration or stream.time_base is None:
        return None
    return float(stream.duration * stream.time_base)


def _byte_rate(stream: AudioStream) -> float:
    """In bytes/s; 0: unknown."""
    return (stream.codec_context.bit_rate or 0) / 8


def _decodable(tracks: list[AudioStream]) -> AudioStream:
    """The first that has a codec known to FFmpeg. Raises Unreadable."""
    for each in tracks:
        if _has_codec(each):
            return each
    raise Unreadable("The audio codec is unknown.")


def _has_codec(stream: AudioStream) -> bool:
    return stream.codec_context is not None  # which PyAV's types do not say


def _track_name(stream: AudioStream) -> str:
    words = [stream.language or "", stream.metadata.get("title", "")]
    if _has_codec(stream):
        context = stream.codec_context
        words.append(f"{context.name}, {context.layout.nb_channels} channels")
    else:
        words.append("unknown codec")
    return " ".join(filter(None, words))


def _index(stream: AudioStream) -> int:
    return list(stream.container.streams.audio).index(stream)


def _moves(stream: "av.VideoStream") -> bool:
    """Whether it is a film, not a picture of the cover."""
    return not stream.disposition & Disposition.attached_pic


def _leave_out(streams: "list[av.stream.Stream]") -> None:
    for stream in streams:
        with suppress(AttributeError, ValueError):
            stream.discard = Discard.all

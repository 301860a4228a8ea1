"""Which formats and codecs FFmpeg may open here, and how each container is recognised. Pure.

A format that is not in the lists is one that nobody records speech in: FFmpeg knows hundreds, of
games and of playlists, and each is code that strangers could reach. Video codecs are missing on
purpose: pictures are never decoded.
"""

import re
from dataclasses import dataclass

from surtitle.messages import ContainerEncoding

DEMUXERS = (
    *(
        "matroska",
        "ogg",
        "wav",
        "w64",
        "flac",
        "mov",
        "mp3",
        "aac",
        "mpegts",
        "mpeg",
        "ac3",
        "eac3",
    ),
    *("dts", "dtshd", "truehd", "mlp", "avi", "asf", "flv", "live_flv", "aiff", "au", "caf", "amr"),
    *(
        "wv",
        "tta",
        "mxf",
        "nut",
        "gsm",
        "ape",
        "loas",
        "rm",
        "voc",
        "oma",
        "dsf",
        "iff",
        "sox",
        "wtv",
    ),
    *("g722", "rso", "ircam", "nistsphere", "avr", "mpc", "mpc8", "tak", "shn", "ivf", "dv", "sbc"),
    *("dss", "ilbc", "sds", "sln", "aa", "smjpeg", "gxf", "lc3", "mmf", "svx", "pvf"),
)
"""FFmpeg's names of demuxers."""

DECODERS = (
    *("aac", "aac_fixed", "aac_latm", "ac3", "ac3_fixed", "eac3", "dca", "truehd", "mlp", "alac"),
    *(
        "mp1",
        "mp1float",
        "mp2",
        "mp2float",
        "mp3",
        "mp3float",
        "opus",
        "libopus",
        "vorbis",
        "libvorbis",
    ),
    *("flac", "speex", "libspeex", "amrnb", "amrwb", "libopencore_amrnb", "libopencore_amrwb"),
    *(
        "gsm",
        "gsm_ms",
        "libgsm",
        "libgsm_ms",
        "ilbc",
        "libilbc",
        "wmav1",
        "wmav2",
        "wmapro",
        "wmavoice",
    ),
    *(
        "wmalossless",
        "wavpack",
        "tta",
        "ape",
        "tak",
        "shorten",
        "mpc7",
        "mpc8",
        "atrac3",
        "atrac3p",
    ),
    *(
        "atrac1",
        "cook",
        "ra_144",
        "ra_288",
        "sipr",
        "nellymoser",
        "g722",
        "adpcm_g722",
        "g723_1",
        "g729",
    ),
    *(
        "g728",
        "acelp.kelvin",
        "qcelp",
        "evrc",
        "truespeech",
        "dss_sp",
        "sbc",
        "lc3",
        "liblc3",
        "dvaudio",
    ),
    *("adpcm_ima_wav", "adpcm_ms", "adpcm_swf", "adpcm_yamaha", "adpcm_g726", "adpcm_g726le"),
    *("adpcm_ima_qt", "adpcm_adx", "adpcm_sbpro_2", "adpcm_sbpro_3", "adpcm_sbpro_4", "adpcm_ct"),
    *(
        "adpcm_4xm",
        "adpcm_ima_oki",
        "s302m",
        "8svx_exp",
        "8svx_fib",
        "mace3",
        "mace6",
        "qdm2",
        "qdmc",
    ),
    *("dsd_lsbf", "dsd_lsbf_planar", "dsd_msbf", "dsd_msbf_planar", "on2avc", "hca"),
    *("pcm_u8", "pcm_s8", "pcm_s8_planar", "pcm_s16le", "pcm_s16be", "pcm_s16le_planar"),
    *("pcm_s16be_planar", "pcm_u16le", "pcm_u16be", "pcm_s24le", "pcm_s24be", "pcm_s24le_planar"),
    *("pcm_u24le", "pcm_u24be", "pcm_s24daud", "pcm_s32le", "pcm_s32be", "pcm_s32le_planar"),
    *("pcm_u32le", "pcm_u32be", "pcm_s64le", "pcm_s64be", "pcm_f16le", "pcm_f24le", "pcm_f32le"),
    *(
        "pcm_f32be",
        "pcm_f64le",
        "pcm_f64be",
        "pcm_mulaw",
        "pcm_alaw",
        "pcm_vidc",
        "pcm_bluray",
        "pcm_dvd",
    ),
    *("pcm_lxf", "pcm_sga", "comfortnoise"),
)
"""FFmpeg's names of audio decoders."""

UNCLOCKED = frozenset({"mpegts", "mpeg", "flv", "live_flv", "rm"})
"""Demuxers whose clock may start anew in the middle: a jump of hours is no pause. Not "ogg", where
with a new clock another container begins."""

UNTIMED = {"mp3": 1729, "aac": 8191, "ac3": 3840, "eac3": 4096, "dts": 16384, "loas": 8191}
"""Demuxers without a clock: time is the sum of the frames, and what is no frame has none. With the
largest frame of each in bytes (in "mp3" one of MP2); FFmpeg makes packets of more where it finds no
frame for a while."""

CHECKED_CODECS = {"flac": "crccheck+explode"}
"""Decoders that should refuse a frame whose checksum is wrong, with FFmpeg's `err_detect` for it.
They would make noise of it."""

TAGS = (b"ID3", b"TAG", b"APE")
"""How tags begin (ID3v2, ID3v1, APEv2), which stand between the frames where files are joined."""

WITHOUT_HOLES = frozenset({"mpegts"})
"""Demuxers of broadcasts, which never pause: what is not there was lost on the way."""

WITHOUT_HEADER = frozenset({"flv", "live_flv", "mpeg"})
"""Demuxers that find their tracks on the way."""

KNOWN_LENGTH = frozenset({"matroska", "mov", "flac", "w64", "aiff", "caf", "asf", "au"})
"""Demuxers that know the length of the audio from its header; elsewhere it is an estimate. Not "wav",
whose splitter knows it."""

_ASF_PROPERTIES = re.compile(
    rb"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65.{72}(.)", re.DOTALL
)
"""The File Properties Object, up to its flags (ASF specification, 3.2)."""
_ASF_IS_BROADCAST = 1
"""The flag that says that sizes and times are not known."""

LENGTH_OF_ALL = frozenset({"matroska", "asf"})
"""Those of them whose length is that of the longest track."""

LONGEST_AIFF_BYTES = 0x7EFF_0000
"""An AIFF that claims to be longer claims nothing: `sox` writes 0x7F000000 into a pipe."""


@dataclass(frozen=True, slots=True)
class Container:
    """How a declared container is opened."""

    demuxer: str | None
    """FFmpeg's name; None lets it find out by the content."""
    has_header: bool
    """Whether its header names codec and rate: then nothing of a stream is read ahead to find
    them."""


CONTAINERS: dict[ContainerEncoding, Container] = {
    "webm": Container("matroska", True),
    "ogg": Container("ogg", True),
    "wav": Container("wav", True),
    "flac": Container("flac", True),
    "mp4": Container("mov", True),
    "mp3": Container("mp3", False),
    "aac": Container("aac", False),
    "auto": Container(None, False),
}
"""By the `encoding` of a `start`."""


def knows_no_length(head: bytes) -> bool:
    """Whether this is the start of an ASF that was written into a pipe: FFmpeg then makes a length of
    its size."""
    found = _ASF_PROPERTIES.search(head)
    return found is not None and bool(found[1][0] & _ASF_IS_BROADCAST)


SNIFFED_BYTES = 12
"""How many bytes `sniff` looks at."""


def sniff(head: bytes) -> ContainerEncoding | None:
    """The container that begins with these bytes, where its first ones tell; else None."""
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"OggS":
        return "ogg"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "webm"
    if head[:4] == b"fLaC":
        return "flac"
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"moof", b"styp", b"wide", b"free", b"skip"):
        return "mp4"
    return None  # ID3 too, which stands before MP3 as well as AAC, FLAC and others

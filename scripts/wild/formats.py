"""Whole files: codecs, containers and rates that ffmpeg can write."""

from wild.maker import Maker

CODECS: tuple[tuple[str, bool, int, tuple[str, ...]], ...] = (
    # name, whether the codec takes much away, sample rate, options
    ("cbr64.mp3", False, 16_000, ("-b:a", "64k")),
    ("vbr.mp3", False, 44_100, ("-q:a", "4")),
    ("low.mp3", True, 16_000, ("-b:a", "24k")),
    ("no-tags.mp3", False, 48_000, ("-b:a", "96k", "-id3v2_version", "0", "-write_xing", "0")),
    ("index-last.m4a", False, 16_000, ("-c:a", "aac", "-b:a", "64k")),
    ("index-first.m4a", False, 44_100, ("-c:a", "aac", "-movflags", "+faststart")),
    (
        "fragments.mp4",
        False,
        48_000,
        ("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov+default_base_moof"),
    ),
    ("fragments-1s.mp4", False, 16_000, ("-c:a", "aac", "-frag_duration", "1000000")),
    ("lossless.m4a", False, 16_000, ("-c:a", "alac")),
    (
        "opus.mp4",
        False,
        48_000,
        (
            "-c:a",
            "libopus",
        ),
    ),
    ("flac.mp4", False, 16_000, ("-c:a", "flac", "-strict", "-2")),
    ("quicktime.mov", False, 16_000, ("-c:a", "pcm_s16be")),
    ("ima.mov", True, 16_000, ("-c:a", "adpcm_ima_qt")),
    ("opus.mkv", False, 48_000, ("-c:a", "libopus")),
    ("aac.mkv", False, 16_000, ("-c:a", "aac")),
    ("pcm.mkv", False, 16_000, ("-c:a", "pcm_s16le")),
    ("flac.mkv", False, 44_100, ("-c:a", "flac")),
    ("mp3.mka", False, 16_000, ("-c:a", "libmp3lame", "-b:a", "64k")),
    ("opus.webm", False, 48_000, ("-c:a", "libopus")),
    ("vorbis.webm", False, 16_000, ("-c:a", "libvorbis")),
    ("live.webm", False, 48_000, ("-c:a", "libopus", "-live", "1")),
    ("opus.ogg", False, 48_000, ("-c:a", "libopus")),
    ("opus-6k.opus", True, 48_000, ("-c:a", "libopus", "-b:a", "8k")),
    ("vorbis.ogg", False, 44_100, ("-c:a", "libvorbis")),
    ("flac.oga", False, 16_000, ("-c:a", "flac")),
    ("speex.spx", True, 16_000, ("-c:a", "libspeex")),
    ("plain.flac", False, 16_000, ()),
    ("24bits.flac", False, 96_000, ("-sample_fmt", "s32")),
    ("s16.wav", False, 16_000, ("-c:a", "pcm_s16le")),
    ("u8.wav", True, 16_000, ("-c:a", "pcm_u8")),
    ("s24.wav", False, 48_000, ("-c:a", "pcm_s24le")),
    ("s32.wav", False, 44_100, ("-c:a", "pcm_s32le")),
    ("f32.wav", False, 48_000, ("-c:a", "pcm_f32le")),
    ("f64.wav", False, 16_000, ("-c:a", "pcm_f64le")),
    ("mulaw.wav", True, 8000, ("-c:a", "pcm_mulaw")),
    ("alaw.wav", True, 8000, ("-c:a", "pcm_alaw")),
    ("ima.wav", False, 16_000, ("-c:a", "adpcm_ima_wav")),
    ("ms.wav", False, 16_000, ("-c:a", "adpcm_ms")),
    ("gsm.wav", True, 8000, ("-c:a", "libgsm_ms")),
    ("mp3.wav", False, 16_000, ("-c:a", "libmp3lame", "-b:a", "64k")),
    ("rf64.wav", False, 16_000, ("-rf64", "always")),
    ("sony.w64", False, 16_000, ()),
    ("apple.aiff", False, 44_100, ()),
    ("apple.aifc", False, 16_000, ("-c:a", "pcm_mulaw", "-f", "aiff")),
    ("sun.au", False, 16_000, ("-c:a", "pcm_s16be")),
    ("sun-mulaw.au", True, 8000, ("-c:a", "pcm_mulaw")),
    ("core.caf", False, 16_000, ("-c:a", "pcm_s16le")),
    ("core-alac.caf", False, 16_000, ("-c:a", "alac")),
    ("pack.wv", False, 44_100, ()),
    ("true.tta", False, 16_000, ()),
    ("narrow.gsm", True, 8000, ()),
    ("dolby.ac3", False, 48_000, ("-b:a", "96k")),
    ("dolby.eac3", False, 48_000, ("-b:a", "96k")),
    ("cinema.dts", False, 48_000, ("-strict", "-2")),
    ("radio.mp2", False, 48_000, ("-b:a", "96k")),
    ("bare.aac", False, 16_000, ("-b:a", "64k")),
    ("windows.wma", False, 44_100, ("-b:a", "96k")),
    ("windows1.asf", False, 44_100, ("-c:a", "wmav1", "-b:a", "96k")),
    ("pcm.avi", False, 16_000, ("-c:a", "pcm_s16le")),
    ("mp3.avi", False, 16_000, ("-c:a", "libmp3lame", "-b:a", "64k")),
    ("mp3.flv", False, 44_100, ("-c:a", "libmp3lame", "-b:a", "96k")),
    ("aac.flv", False, 44_100, ("-c:a", "aac", "-b:a", "96k")),
    ("nelly.flv", True, 16_000, ("-c:a", "nellymoser")),
    ("aac.ts", False, 48_000, ("-c:a", "aac", "-b:a", "96k")),
    ("mp2.ts", False, 48_000, ("-c:a", "mp2", "-b:a", "96k")),
    ("ac3.ts", False, 48_000, ("-c:a", "ac3", "-b:a", "96k")),
    ("opus.ts", False, 48_000, ("-c:a", "libopus")),
    ("latm.ts", False, 48_000, ("-c:a", "aac", "-mpegts_flags", "latm")),
    ("program.mpg", False, 48_000, ("-c:a", "mp2", "-b:a", "96k")),
    ("broadcast.mxf", False, 48_000, ("-c:a", "pcm_s16le", "-f", "mxf_opatom")),
    ("phone.3gp", False, 16_000, ("-c:a", "aac")),
    ("nut.nut", False, 16_000, ("-c:a", "pcm_s16le")),
    ("creative.voc", False, 16_000, ("-c:a", "pcm_s16le")),
    ("swap.mka", False, 48_000, ("-c:a", "truehd", "-strict", "-2")),
)

RATES = (8000, 11_025, 12_000, 22_050, 32_000, 37_800, 88_200, 192_000)
"""In Hz."""


def make(maker: Maker) -> None:
    """All of them, with the short talk."""
    for name, lossy, rate, options in CODECS:
        maker.plain(
            name, "codecs and containers", *options, rate=rate, lossy=lossy or rate < 16_000
        )
    for rate in RATES:
        maker.plain(f"rate-{rate}.wav", "sample rates", rate=rate, lossy=rate < 16_000)
    maker.plain("rate-4000.wav", "sample rates", rate=4000, lossy=True)
    maker.plain("rate-96000.flac", "sample rates", rate=96_000)

from surtitle.sinks.playlist import Slot, format_playlist, segment_name, segment_number

AT = 1_777_897_812_000  # 2026-05-04 12:30:12


def test_a_playlist_says_what_there_is_and_when_it_was_said() -> None:
    slots = [Slot(7, AT, 6000), Slot(8, AT + 6000, 1250)]
    assert format_playlist(slots, 6, is_over=True).splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:3",
        "#EXT-X-TARGETDURATION:6",
        "#EXT-X-MEDIA-SEQUENCE:7",
        "#EXT-X-PROGRAM-DATE-TIME:2026-05-04T12:30:12.000Z",
        "#EXTINF:6.000,",
        "captions-7.vtt",
        "#EXTINF:1.250,",
        "captions-8.vtt",
        "#EXT-X-ENDLIST",
    ]
    assert "ENDLIST" not in format_playlist(slots, 6, is_over=False)


def test_files_of_others_are_none_of_ours() -> None:
    assert segment_number(segment_name(296_316_302)) == 296_316_302
    for name in ("captions-.vtt", "captions-1.vtt.bak", "captions.m3u8", "my-captions-1.vtt"):
        assert segment_number(name) is None

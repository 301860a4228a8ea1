import re

import pytest

from surtitle.sinks.places import (
    Kind,
    Place,
    Segmenting,
    name_place,
    parse_place,
    parse_places,
    sinks_in,
    split_places,
)

ZOOM = "https://wmcc.zoom.us/closedcaption?id=1&ns=GZ==&sparams=id%2Cns%2Cexpire&signature=s3cret"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"hall=zoom:{ZOOM}", Place("hall", Kind.ZOOM, ZOOM)),
        ("a=youtube:http://y/c?cid=x", Place("a", Kind.YOUTUBE, "http://y/c?cid=x")),
        ("a=webhook:https://h:8443?a=b", Place("a", Kind.WEBHOOK, "https://h:8443?a=b")),
        ("a=webhook:https://[::1]:8443/x", Place("a", Kind.WEBHOOK, "https://[::1]:8443/x")),
        ("a=file:/srv/x=y/talk.VTT", Place("a", Kind.FILE, "/srv/x=y/talk.VTT")),
        ("a=hls:/srv/a?segments=4", Place("a", Kind.HLS, "/srv/a?segments=4")),
        ("a=file:C:\\talks\\talk.srt", Place("a", Kind.FILE, "C:\\talks\\talk.srt")),
    ],
)
def test_a_place_is_a_channel_a_kind_and_where(text: str, place: Place) -> None:
    assert parse_place(text) == place


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hall", "write CHANNEL=KIND:PLACE"),
        ("https://host/x?token=s3cret", "write CHANNEL=KIND:PLACE"),
        ("hall=https://host/s3cret", "'https' is no kind of sink"),
        ("hall=teams:https://host/s3cret", "the kinds are zoom, youtube, webhook, file, hls"),
        ("my hall=zoom:https://host/s3cret", "'my hall' is no name of a channel"),
        ("hall=zoom:s3cret", "write https://HOST/PATH"),
        ("hall=zoom:ftp://host/s3cret", "write https://HOST/PATH"),
        ("hall=webhook:https://user:s3cret@host/x", "without a user"),
        ("hall=webhook:https://host/s3cret#part", "or a #"),
        ("hall=webhook:https://host:https/s3cret", "write https://HOST/PATH"),
        ("hall=webhook:https://host/s3 cret", "a space"),
        ("hall=file:/srv/s3cret.ass", ".vtt, .srt or .txt"),
        ("hall=file:vtt", ".vtt, .srt or .txt"),
        ("hall=hls:?segments=4", "is no folder"),
        ("hall=hls:/s3cret?segments=2", "segments (3 to 1000)"),
        ("hall=hls:/srv?segment_seconds=s3cret", "segment_seconds (1 to 60)"),
        ("hall=hls:/srv?delay_seconds=61", "delay_seconds (0 to 60)"),
        ("hall=hls:/srv?delay_seconds=1&delay_seconds=1", "each once"),
        ("hall=hls:/srv?s3cret", "must be whole numbers"),
    ],
)
def test_each_mistake_has_a_sentence_without_the_secret(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)) as raised:
        parse_place(text)
    assert "cret" not in str(raised.value)


def test_nothing_is_written_to_by_two_sinks() -> None:
    """Two counters at one meeting, or two writers of one file, would spoil each other's captions."""
    with pytest.raises(ValueError, match="the same zoom is there twice, the second time for a;"):
        parse_places([f"hall=zoom:{ZOOM}", f"a=zoom:{ZOOM}"])
    assert len(parse_places([f"hall=zoom:{ZOOM}", f"hall=webhook:{ZOOM}"])) == 2


def test_a_folder_has_options() -> None:
    place = parse_place("hall=hls:/srv/captions/?segment_seconds=4&delay_seconds=8&segments=5")
    assert (place.where, place.segmenting) == ("/srv/captions", Segmenting(4, 8, 5))
    assert parse_place("hall=hls:/").where == "/"
    assert parse_place("hall=hls:captions").segmenting == Segmenting()
    with pytest.raises(ValueError, match="the same hls is there twice"):
        parse_places(["hall=hls:/srv/captions", "b=hls:/srv/captions/?segments=4"])


def test_commas_part_sinks_and_not_addresses() -> None:
    first, second = "hall=webhook:https://h/x?fields=a,b&c=d,e", "hall=file:/srv/a,b.txt"
    assert split_places(f"{first}, {second},") == [first, second]
    assert split_places("") == []


def test_two_of_a_kind_have_two_names() -> None:
    places = parse_places([f"hall=zoom:{ZOOM}", "hall=zoom:https://b/", "b=file:a.txt"])
    names = list[str]()
    for place in places:
        names.append(name_place(place, names))
    assert names == ["hall zoom", "hall zoom 2", "b file"]


def test_a_file_has_a_sink_in_each_line() -> None:
    text = "# the meeting of today\nhall=zoom:https://h/?a=#b\n\n  hall=file:a, b.txt\r\n"
    assert sinks_in(text) == ["hall=zoom:https://h/?a=#b", "hall=file:a, b.txt"]

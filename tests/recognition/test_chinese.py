"""Chinese in the script asked for, word by word the same as in one piece."""

import pytest

from surtitle.jobs import Script
from surtitle.recognition.chinese import write_parts


@pytest.mark.parametrize(
    ("script", "written"),
    [
        ("hans", "头发后来皇后里面发展 OK"),
        ("hant", "頭髮後來皇后裏面發展 OK"),
        ("tw", "頭髮後來皇后裡面發展 OK"),
        ("hk", "頭髮後來皇后裏面發展 OK"),
    ],
)
@pytest.mark.parametrize("mixed", ["头发后来皇后里面发展 OK", "頭髮後来皇后里面發展 OK"])
def test_mixed_characters_come_out_in_one_script(script: Script, written: str, mixed: str) -> None:
    assert write_parts([mixed], script) == [written]


def test_each_word_is_converted_in_its_place() -> None:
    assert write_parts(["头", "发", "，", "后", "来"], "tw") == ["頭", "髮", "，", "後", "來"]
    assert write_parts([], "hans") == []

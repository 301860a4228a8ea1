"""Files with secrets, written anew."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from surtitle.runtime.filerights import written_anew


def write(path: Path, text: bytes) -> None:
    with written_anew(path) as file:
        file.write(text)


def rights(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid


def absent(path: Path) -> None:
    pass


def present(path: Path) -> None:
    path.write_bytes(b"old")


def linked(path: Path) -> None:
    (path.parent / "store").mkdir()
    path.symlink_to("store/file")
    (path.parent / "store" / "file").write_bytes(b"old")


def linked_twice(path: Path) -> None:
    linked(path.parent / "between")
    path.symlink_to(path.parent / "between")


def linked_to_nothing(path: Path) -> None:
    path.symlink_to("nothing")


FORMS = [absent, present, linked, linked_twice, linked_to_nothing]


@pytest.mark.parametrize("form", FORMS)
def test_it_is_there_as_a_whole_and_links_stay(
    tmp_path: Path, form: Callable[[Path], None]
) -> None:
    path = tmp_path / "keys.toml"
    form(path)
    before = {each for each in tmp_path.rglob("*") if each.is_symlink()}
    with written_anew(path) as file:
        file.write(b"new")
        file.flush()
        assert not path.exists() or path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert {each for each in tmp_path.rglob("*") if each.is_symlink()} == before
    assert [*tmp_path.rglob("*.new")] == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("error", [OSError, ValueError, KeyboardInterrupt])
def test_where_it_is_not_finished_all_is_as_it_was(
    tmp_path: Path, form: Callable[[Path], None], error: type[BaseException]
) -> None:
    path = tmp_path / "keys.toml"
    form(path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error), written_anew(path) as file:
        file.write(b"new")
        raise error
    assert sorted(tmp_path.rglob("*")) == before
    assert not path.exists() or path.read_bytes() == b"old"


def test_a_circle_of_links_stays_one(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.symlink_to(other)
    other.symlink_to(one)
    with pytest.raises(OSError, match=r"symbolic links"):
        write(one, b"new")
    assert sorted(tmp_path.iterdir()) == [one, other] and one.is_symlink() and other.is_symlink()


def test_a_new_one_is_its_owners_alone(tmp_path: Path) -> None:
    write(tmp_path / "keys.toml", b"new")
    assert rights(tmp_path / "keys.toml")[0] == 0o600


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o400])
@pytest.mark.parametrize("form", [present, linked])
def test_one_that_was_there_keeps_its_mode(
    tmp_path: Path, mode: int, form: Callable[[Path], None]
) -> None:
    path = tmp_path / "keys.toml"
    form(path)
    path.chmod(mode)
    write(path, b"new")
    assert rights(path)[0] == mode


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="needs root")
@pytest.mark.parametrize(("user", "group"), [(1234, 0), (0, 1234), (1234, 1235)])
def test_one_that_was_there_keeps_its_owner(tmp_path: Path, user: int, group: int) -> None:
    path = tmp_path / "keys.toml"
    present(path)
    path.chmod(0o640)
    os.chown(path, user, group)
    write(path, b"new")
    assert rights(path) == (0o640, user, group)


@pytest.mark.parametrize("form", FORMS)
def test_one_writes_at_a_time(tmp_path: Path, form: Callable[[Path], None]) -> None:
    path = tmp_path / "keys.toml"
    form(path)
    with written_anew(path) as file:
        with pytest.raises(FileExistsError) as raised:
            write(path, b"of another")
        file.write(b"of the first")
    assert raised.value.filename == str(Path(os.path.realpath(path))) + ".new"
    assert path.read_bytes() == b"of the first"

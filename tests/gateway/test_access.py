"""Keys, tokens and origins."""

import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner
from structlog.typing import EventDict

from surtitle.cli.main import cli
from surtitle.errors import ConfigurationError
from surtitle.gateway.access import ANYBODY, Caller, KeyFile, add_key, read_keys
from surtitle.gateway.origins import Names, OriginPolicy
from surtitle.runtime.filerights import written_anew
from tests.gateway.fakes import everything_logged

# -- keys -------------------------------------------------------------------------------------------


def test_a_key_opens_and_its_file_does_not_give_it_away(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    key = add_key(path, "studio", ["speak"])
    other = add_key(path, 'the "hall" \\ 2', ["watch", "speak"])
    ring = read_keys(path)
    assert ring.by_key(key) == Caller("studio", frozenset({"speak"}))
    assert ring.by_key(other) == Caller('the "hall" \\ 2', frozenset({"speak", "watch"}))
    assert ring.by_key(key + "x") is ring.by_key("") is ring.by_key("é") is None
    assert key not in path.read_text() and other not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_a_new_key_file_is_for_its_owner_whatever_the_mask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        add_key(tmp_path / "keys.toml", "studio", ["speak"])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys.toml").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("mode", "who"),
    [(0o644, "read by everybody"), (0o640, "read by its group"), (0o666, "changed by everybody")],
)
def test_a_key_file_that_others_may_read_is_warned_of(tmp_path: Path, mode: int, who: str) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, "studio", ["speak"])

    def warnings(logged: list[EventDict]) -> list[str]:
        return [str(line["rights"]) for line in logged if line["log_level"] == "warning"]

    with everything_logged() as logged:
        keys = KeyFile(path)
        keys.ring()
        assert warnings(logged) == []
        path.chmod(mode)
        keys.ring()
        keys.ring()
        assert [who in each and "chmod 600" in each for each in warnings(logged)] == [True]
        path.chmod(0o600)
        keys.ring()
        path.chmod(mode)
        KeyFile(path)
        assert len(warnings(logged)) == 2
    result = CliRunner().invoke(cli, ["key", "hall", "--keys-file", str(path)])
    assert who in result.stderr and result.stdout.startswith("st_")


def test_a_name_has_one_key(tmp_path: Path) -> None:
    add_key(tmp_path / "keys.toml", "studio", ["speak"])
    with pytest.raises(ConfigurationError, match="already has a key for studio"):
        add_key(tmp_path / "keys.toml", "studio", ["speak"])


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "\x00"])
def test_a_name_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="needs a name"):
        add_key(tmp_path / "keys.toml", name, ["speak"])


ADD = """
import ast, pathlib, sys
from surtitle.errors import ConfigurationError
from surtitle.gateway.access import KeyFile, add_key
path, name, limit = pathlib.Path(sys.argv[1]), ast.literal_eval(sys.argv[2]), int(sys.argv[3])
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    print(add_key(path, name, ["speak"]))
    KeyFile(path)
except ConfigurationError as error:
    print(error)
"""


LOCALES = {
    "ASCII": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "UTF-8": {"PYTHONUTF8": "1"},
}


def add_elsewhere(path: Path, name: str, limit: int = 0, locale: str = "UTF-8") -> str:
    """What a process of its own prints that adds a key; with a limit to the size of files."""
    command = [sys.executable, "-B", "-c", ADD, str(path), ascii(name), str(limit)]
    return subprocess.run(
        command, env=os.environ | LOCALES[locale], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", ["Jürgen", "Łukasz", "講堂", "\N{MICROPHONE}"])
def test_a_name_in_any_letters_whatever_the_locale(tmp_path: Path, locale: str, name: str) -> None:
    path = tmp_path / "keys.toml"
    key = add_elsewhere(path, name, locale=locale)
    assert read_keys(path).by_key(key) == Caller(name, frozenset({"speak"}))
    other = add_elsewhere(path, "studio", locale=locale)
    assert [known.name for known in read_keys(path).keys] == [name, "studio"]
    assert read_keys(path).by_key(other) is not None
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", ["Jürgen", "Łukasz", "講堂", "studio"])
def test_the_command_takes_a_name_as_it_was_typed(tmp_path: Path, locale: str, name: str) -> None:
    path = tmp_path / "keys.toml"

    def printed(command: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "surtitle", command, name, "--keys-file", path],
            env=os.environ | LOCALES[locale],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout.strip()

    key, token = printed("key"), printed("token")
    for caller in (read_keys(path).by_key(key), read_keys(path).by_token(token)):
        assert caller is not None and caller.name == name


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource")
@pytest.mark.parametrize("more_bytes", [1, 10, 100])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_full_disk_leaves_the_file_as_it_was(
    tmp_path: Path, more_bytes: int, is_there: bool
) -> None:
    path = tmp_path / "keys.toml"
    if is_there:
        add_key(path, "studio", ["speak"])
    before = {each: each.read_bytes() for each in tmp_path.iterdir()}
    said = add_elsewhere(path, "hall", sum(map(len, before.values())) + more_bytes)
    assert said == f"{path} cannot be written: File too large."
    assert {each: each.read_bytes() for each in tmp_path.iterdir()} == before


@pytest.mark.parametrize("is_there", [False, True])
def test_one_key_is_added_at_a_time(tmp_path: Path, is_there: bool) -> None:
    path = tmp_path / "keys.toml"
    if is_there:
        add_key(path, "studio", ["speak"])
    with written_anew(path) as file:
        with pytest.raises(ConfigurationError, match=r"keys\.toml\.new exists: another command"):
            add_key(path, "hall", ["speak"])
        file.write(path.read_bytes() if is_there else b"")
    path.unlink(missing_ok=not is_there)
    add_key(path, "hall", ["speak"])


HASH = "0" * 64
SECRET = "s" * 44


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read"),
        ("", "is not a key file"),
        ("[", "is not a key file"),
        ("token_secret = 1\nkeys = 5", "is not a key file"),
        (f'token_secret = "{SECRET}"\nkeys = []', "is missing a key"),
        (
            f'token_secret = "short"\n[[keys]]\nname="a"\nscopes=["speak"]\nsha256="{HASH}"',
            "is missing a key",
        ),
        (
            f'token_secret = "{SECRET}"\n[[keys]]\nname="a"\nscopes=["speak"]\nsha256="abc"',
            "SHA-256 of 64 digits",
        ),
        *(
            (
                f'token_secret = "{SECRET}"\n[[keys]]\nname="a"\nscopes=["speak"]\nsha256="{digest}"',
                "SHA-256 of 64 digits",
            )
            for digest in ("é" * 64, "g" * 64, HASH + " ", HASH[:-1] + "\\n", "\u0660" * 64)
        ),
        (
            f'token_secret = "{SECRET}"\n[[keys]]\nname="a"\nscopes=["sing"]\nsha256="{HASH}"',
            "contains the unknown scope 'sing'",
        ),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, content: str | None, problem: str) -> None:
    path = tmp_path / "keys.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=problem) as raised:
        read_keys(path)
    assert SECRET not in str(raised.value)


# -- tokens -----------------------------------------------------------------------------------------


def test_a_token_is_good_until_it_expires_and_for_its_scope(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, "studio", ["speak"])
    ring = read_keys(path)
    good = ring.make_token("guest", ["watch"], time.time() + 60)
    assert ring.by_token(good) == Caller("guest", frozenset({"watch"}))
    assert ring.by_token(ring.make_token("guest", ["watch"], time.time() - 1)) is None
    assert set(good) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
    )  # a subprotocol may have no others


def test_a_token_for_the_audience_of_a_channel(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, "studio", ["speak", "watch"])
    command = ["token", "guests", "--keys-file", str(path), "--channel", "hall"]
    printed = CliRunner().invoke(cli, command).output.strip()
    caller = read_keys(path).by_token(printed)
    assert caller is not None
    assert (caller.name, caller.scopes) == ("guests", frozenset({"watch"}))
    assert caller.may_watch("hall") and not caller.may_watch("stage")


@pytest.mark.parametrize(
    ("options", "speaks", "watches", "figures"),
    [
        ([], {None, "hall", "stage"}, {"hall", "stage"}, True),
        (["--scope", "speak"], {None, "hall", "stage"}, set(), True),
        (["--scope", "watch"], set(), {"hall", "stage"}, True),
        (["--channel", "hall"], set(), {"hall"}, False),
        (["--speak", "hall"], {"hall"}, set(), False),
        (["--speak", "hall", "--channel", "stage"], {"hall"}, {"stage"}, False),
        (["--speak", "hall", "--scope", "speak"], {"hall"}, set(), False),
    ],
)
def test_what_a_token_is_for(
    tmp_path: Path,
    options: list[str],
    speaks: set[str | None],
    watches: set[str],
    figures: bool,
) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, "studio", ["speak", "watch"])
    printed = CliRunner().invoke(cli, ["token", "x", "--keys-file", str(path), *options]).output
    caller = read_keys(path).by_token(printed.strip())
    assert caller is not None
    assert {each for each in (None, "hall", "stage") if caller.may_speak_in(each)} == speaks
    assert caller.may_speak is bool(speaks)
    assert {each for each in ("hall", "stage") if caller.may_watch(each)} == watches
    assert caller.may_read_figures is figures
    assert caller.may_make_codes


@pytest.mark.parametrize(
    "options", [["--speak", "a b"], ["--speak", "hall", "--scope", "watch"], ["--speak", ""]]
)
def test_a_token_for_speaking_that_makes_no_sense(tmp_path: Path, options: list[str]) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, "studio", ["speak"])
    assert (
        CliRunner().invoke(cli, ["token", "x", "--keys-file", str(path), *options]).exit_code == 2
    )


@pytest.mark.parametrize("scope", ["", "  ", "dance", "SPEAK", "speak,watch", "speakwatch", 5, []])
def test_a_token_of_no_scope_is_for_nothing(tmp_path: Path, scope: object) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, "studio", ["speak"])
    ring = read_keys(path)
    claims = {"sub": "x", "scope": scope, "exp": int(time.time()) + 60}
    caller = ring.by_token(jwt.encode(claims, ring.token_secret, algorithm="HS256"))
    assert caller is not None
    assert not caller.may_speak and not caller.may_speak_in(None) and not caller.may_watch("hall")
    assert not caller.may_read_figures and not caller.may_make_codes


@pytest.mark.parametrize("name", ["half \ud83d", "a\x00b", "two\nlines", "\u202eback"])
def test_the_name_in_a_token_is_fit_to_be_written_everywhere(tmp_path: Path, name: str) -> None:
    """In the log, in a database, in JSON: whoever signs tokens may have cut an emoji in half."""
    path = tmp_path / "keys.toml"
    add_key(path, "studio", ["speak"])
    ring = read_keys(path)
    claims = {"sub": name, "scope": "speak", "exp": int(time.time()) + 60}
    caller = ring.by_token(jwt.encode(claims, ring.token_secret, algorithm="HS256"))
    assert caller is not None
    assert caller.name.encode()
    assert caller.name.isprintable()


def test_the_same_key_and_the_same_token_are_known_again(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    key, other = add_key(path, "studio", ["speak"]), add_key(path, "other", ["speak"])
    ring = read_keys(path)
    tokens = [ring.make_token("browser", ["speak"], time.time() + 60 + n) for n in range(2)]
    bound = [
        ring.make_token("browser", ["speak"], time.time() + 60 + n, speak="hall") for n in range(2)
    ]
    callers = [ring.by_key(key), ring.by_key(other), *map(ring.by_token, [*tokens, bound[0]])]
    keys = [caller.key for caller in callers if caller is not None]
    assert len(set(keys)) == 5 and None not in keys
    again = ring.by_key(key), ring.by_token(tokens[0]), ring.by_token(bound[1])
    assert [c.key for c in again if c is not None] == [keys[0], keys[2], keys[4]]
    assert ANYBODY.key is None


@pytest.mark.parametrize("odd", ["\udcff", "\udcff.\udcff.\udcff", "st_\udcc3\udca9", "clé", "🔑"])
def test_what_is_not_ascii_is_nobodys(odd: str, tmp_path: Path) -> None:
    """As headers have it: bytes that are no ASCII are surrogates."""
    key = add_key(tmp_path / "keys.toml", "a", ["speak"])
    ring = read_keys(tmp_path / "keys.toml")
    token = ring.make_token("a", ["speak"], time.time() + 60)
    for presented in (odd, key + odd, token + odd, odd + token):
        assert ring.by_key(presented) is ring.by_token(presented) is None


def test_tokens_of_others_are_worth_nothing(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, "studio", ["speak"])
    ring = read_keys(path)
    add_key(tmp_path / "other.toml", "studio", ["speak"])
    other = read_keys(tmp_path / "other.toml")
    claims = {"sub": "x", "scope": "speak", "exp": int(time.time()) + 60}
    forged = [
        other.make_token("x", ["speak"], time.time() + 60),
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode({"scope": "speak"}, ring.token_secret, algorithm="HS256"),  # for ever
        jwt.encode({"exp": claims["exp"]}, ring.token_secret, algorithm="HS256"),
        jwt.encode(claims, 2 * ring.token_secret, algorithm="HS512"),
        ring.make_token("x", ["speak"], time.time() + 60)[:-2],
        "",
        "a.b.c",
        "é",
    ]
    assert [ring.by_token(token) for token in forged] == [None] * len(forged)


def test_a_scope_that_is_unknown_is_none(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, "studio", ["speak"])
    ring = read_keys(path)
    claims = {"sub": "x", "scope": "speak dance", "exp": int(time.time()) + 60}
    token = jwt.encode(claims, ring.token_secret, algorithm="HS256")
    assert ring.by_token(token) == Caller("x", frozenset({"speak"}))


# -- origins ----------------------------------------------------------------------------------------

LOCAL = OriginPolicy(names=Names.LOOPBACK)
PUBLIC = OriginPolicy()


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "127.0.0.1:8765"),  # a program
        (None, "anything"),
        ("http://127.0.0.1:8765", "127.0.0.1:8765"),
        ("http://localhost:8765", "localhost:8765"),
        ("http://captions.localhost:8765", "captions.localhost:8765"),
        ("http://[::1]:8765", "[::1]:8765"),
        ("http://LOCALHOST", "localhost:80"),
    ],
)
def test_the_own_page_may_use_a_local_server(origin: str | None, host: str) -> None:
    assert LOCAL.admits(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://attacker.example", "127.0.0.1:8765"),
        ("http://attacker.example:8765", "attacker.example:8765"),  # a name that points here
        ("http://localhost.attacker.example", "localhost.attacker.example"),
        ("http://127.0.0.1:9999", "127.0.0.1:8765"),  # another program's page
        ("https://127.0.0.1", "127.0.0.1:80"),
        ("https://127.0.0.1:8765", "127.0.0.1:8765"),
        ("https://localhost", "localhost"),
        ("ws://127.0.0.1:8765", "127.0.0.1:8765"),
        ("http://127.0.0.1:8765", "127.0.0.1:8765/evil"),
        ("null", "127.0.0.1:8765"),
        ("file://", "127.0.0.1:8765"),
        ("", "127.0.0.1:8765"),
        ("http://[::1", "[::1]:8765"),
        ("http://127.0.0.1:99999", "127.0.0.1:8765"),
        ("http://127.0.0.1:8765", None),
        ("null", "null"),
    ],
)
def test_pages_of_others_may_not(origin: str, host: str | None) -> None:
    assert not LOCAL.admits(origin, host)


def test_a_server_with_keys_or_a_proxy_may_have_any_name() -> None:
    tls = ("https",)
    assert PUBLIC.admits("https://captions.example", "captions.example", tls)
    assert PUBLIC.admits("https://captions.example", "captions.example:443", tls)
    assert not PUBLIC.admits("https://other.example", "captions.example", tls)
    assert not PUBLIC.admits("http://captions.example", "captions.example", tls)
    assert not PUBLIC.admits("http://captions.example:443", "captions.example:443", tls)
    assert not PUBLIC.admits("wss://captions.example", "captions.example", tls)
    assert not PUBLIC.admits("http://captions.example", "captions.example:443")


def test_a_local_server_goes_by_local_names_and_by_those_that_are_allowed() -> None:
    policy = OriginPolicy(("https://App.example:8443/", "file://"), names=Names.LOOPBACK)
    for host in (None, "localhost", "127.0.0.1:8765", "[::1]:8765", "app.example", "app.example:9"):
        assert policy.knows(host)
    for host in ("", "other.example", "127.0.0.1.other.example", "192.168.1.7", "[::1"):
        assert not policy.knows(host)
    assert PUBLIC.knows("other.example")
    assert OriginPolicy(("*",), names=Names.LOOPBACK).knows("other.example")


OPEN = OriginPolicy(
    ("https://Captions.example/", "http://studio:8765"), names=Names.ADDRESSES, host="caption-box"
)
"""Of a server that asks nobody for a key and can be reached from other machines."""


@pytest.mark.parametrize(
    "host",
    [
        "192.168.1.7",
        "192.168.1.7:8765",
        "10.0.0.1.:80",
        "[::1]:8765",
        "[FD00::7]",
        "127.0.0.1:8765",
        "localhost.",
        "hall.localhost:8765",
        "captions.example",
        "CAPTIONS.example.:443",
        "studio:9",
        "caption-box:8765",
        None,
    ],
)
def test_an_open_server_goes_by_addresses_and_the_names_that_it_was_given(host: str | None) -> None:
    assert OPEN.knows(host)


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example",
        "rebound.example:8765",
        "rebound.example.",
        "192.168.1.7.rebound.example",
        "localhost.rebound.example",
        "notlocalhost",
        "captions.example.rebound.example",
        "studio.rebound.example",
        "192.168.1.7@rebound.example",
        "rebound.example/192.168.1.7",
        "[rebound.example]",
        "[::1",
        "::1",
        "192.168.1",
        "3232235783",
        socket.gethostname(),  # whoever gave this machine its name may point it anywhere
        " ",
        "",
        ".",
    ],
)
def test_an_open_server_goes_by_no_other_name(host: str) -> None:
    assert not OPEN.knows(host)
    assert not OPEN.admits(f"http://{host}", host)
    assert OriginPolicy(("*",), names=Names.ADDRESSES).knows(host)
    assert PUBLIC.knows(host)


def test_a_server_that_was_given_no_name_has_none() -> None:
    assert not OriginPolicy(names=Names.ADDRESSES).knows("")
    assert not OriginPolicy(("null", "file://", ""), names=Names.ADDRESSES).knows("")


def test_the_page_of_an_open_server_may_use_it_by_any_address() -> None:
    assert OPEN.admits("http://192.168.1.7:8765", "192.168.1.7:8765")
    assert OPEN.admits("http://[fd00::7]:8765", "[fd00::7]:8765")
    assert not OPEN.admits("http://192.168.1.8:8765", "192.168.1.7:8765")


def test_what_is_allowed_is_allowed() -> None:
    policy = OriginPolicy(("https://App.example/", "file://"), names=Names.LOOPBACK)
    assert policy.admits("https://app.example", "127.0.0.1:8765")
    assert policy.admits("file://", "127.0.0.1:8765")
    assert not policy.admits("https://other.example", "127.0.0.1:8765")
    assert OriginPolicy(("*",), names=Names.LOOPBACK).admits("null", "127.0.0.1:8765")

"""Who may come in: keys and short-lived tokens.

A key is a random secret of a program. The server's file has its SHA-256 alone, which is enough for a
secret that nobody can guess. A token is what such a program gives to a browser, which must not know the
key: a JWT (RFC 7519, HS256) signed with the file's `token_secret`, with a scope and an expiry. Neither
belongs in what is sent of a URL, which proxies log: a link may hold a token behind its `#`.
"""

import base64
import hashlib
import hmac
import re
import secrets
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import jwt
import structlog

from surtitle.errors import ConfigurationError
from surtitle.runtime.filechange import FileChange
from surtitle.runtime.filerights import loose_rights, written_anew
from surtitle.runtime.printable import printable

log = structlog.get_logger("surtitle.access")

Scope = Literal["speak", "watch", "archive", "edit"]
"""What somebody may do: open sessions, read what others say, read and delete what is kept of it, or
correct it."""
SCOPES: tuple[Scope, ...] = get_args(Scope)

KEY_BYTES = 32
_ALGORITHM = "HS256"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may come in."""

    name: str
    scopes: frozenset[str]
    channel: str | None = None
    """The only channel that this one may watch and correct, and of which it may read what is kept."""
    speak_channel: str | None = None
    """The only channel in which this one may speak; None is everywhere, and without a channel."""
    key: str | None = field(default=None, compare=False)
    """Identifies the same caller on return; tokens that share a name still differ."""

    @property
    def granted(self) -> list[Scope]:
        """What this one may do, in a fixed order."""
        return [scope for scope in SCOPES if scope in self.scopes]

    @property
    def may_speak(self) -> bool:
        """Whether this one may open sessions."""
        return "speak" in self.scopes

    def may_speak_in(self, channel: str | None) -> bool:
        """Whether this one may open a session that publishes there, or nowhere (None)."""
        return self.may_speak and self.speak_channel in (None, channel)

    def may_watch(self, channel: str) -> bool:
        """Whether a channel is open to this one."""
        return "watch" in self.scopes and self.channel in (None, channel)

    def may_use_archive(self, channel: str | None) -> bool:
        """Whether this one may read and delete what is kept of a channel, or of all (None)."""
        return "archive" in self.scopes and self.channel in (None, channel)

    def may_edit(self, channel: str) -> bool:
        """Whether this one may correct what is said in a channel."""
        return "edit" in self.scopes and self.channel in (None, channel)

    @property
    def may_read_figures(self) -> bool:
        """Whether the figures are open to this one: not to a token for one channel."""
        return bool(self.scopes) and self.channel is None and self.speak_channel is None

    @property
    def may_make_codes(self) -> bool:
        """Whether this one may have QR codes made: whoever may do anything at all."""
        return bool(self.scopes)


ANYBODY = Caller("anybody", frozenset(SCOPES))
"""Who comes to a server without keys."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key, as the server knows it."""

    name: str
    scopes: frozenset[str]
    sha256: str


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of a server, and the secret with which its tokens are signed."""

    keys: tuple[Key, ...]
    token_secret: str

    def by_key(self, key: str) -> Caller | None:
        """Whose key this is, in a time that does not depend on how much of it is right."""
        if not key.isascii():  # what is no UTF-8 has no digest
            return None
        digest = digest_of(key)
        found: Key | None = None
        for one in self.keys:
            if hmac.compare_digest(one.sha256, digest):
                found = one
        return None if found is None else Caller(found.name, found.scopes, key=found.sha256)

    def by_token(self, token: str) -> Caller | None:
        """For whom this token was made; None where it has expired or is not ours."""
        if not token.isascii():
            return None
        try:
            claims = jwt.decode(
                token,
                self.token_secret,
                algorithms=[_ALGORITHM],
                options={"require": ["exp", "scope"]},
            )
        except jwt.InvalidTokenError:
            return None
        scopes = frozenset(str(claims["scope"]).split()) & frozenset(SCOPES)
        watch, speak = claims.get("channel"), claims.get("speak")
        bound: frozenset[str] = frozenset()
        if watch is not None:
            bound |= {"watch", "archive", "edit"}
        if speak is not None:
            bound |= {"speak"}
        return Caller(
            printable(str(claims.get("sub", "token"))),
            scopes & bound if bound else scopes,
            None if watch is None else str(watch),
            None if speak is None else str(speak),
            key=digest_of(token) if speak is None else f"speaks in {speak}",
        )

    def make_token(
        self,
        name: str,
        scopes: Sequence[Scope],
        expires_at: float,
        *,
        channel: str | None = None,
        speak: str | None = None,
    ) -> str:
        """A token for `name`, good until `expires_at` (seconds since 1970).

        With a `channel` it is good for watching and correcting that one and for what is kept of it,
        with `speak` for speaking in that one, and for nothing else.
        """
        claims = {"sub": name, "scope": " ".join(scopes), "exp": int(expires_at)}
        if channel is not None:
            claims["channel"] = channel
        if speak is not None:
            claims["speak"] = speak
        return jwt.encode(claims, self.token_secret, algorithm=_ALGORITHM)


TOKEN_PREFIX = "token."
"""A browser cannot send headers with its handshake: it offers its token as a subprotocol."""
OPENAI_PREFIX = "openai-insecure-api-key."
"""So does OpenAI's client."""
_SCHEMES = ("bearer", "token")
"""Of `Authorization`; Deepgram's clients offer them as a subprotocol, and the key as the next one."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key or a token, as it was sent."""

    secret: str
    may_be_key: bool = True
    """False where only a token belongs there."""


def credentials(authorization: str, subprotocols: Sequence[str]) -> Credentials | None:
    """What a request says to be let in, whichever client sends it; None for nothing."""
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() in _SCHEMES:
        return Credentials(secret.strip())
    for name in subprotocols:
        if name.startswith(TOKEN_PREFIX):
            return Credentials(name.removeprefix(TOKEN_PREFIX), may_be_key=False)
        if name.startswith(OPENAI_PREFIX):
            return Credentials(name.removeprefix(OPENAI_PREFIX))
    if len(subprotocols) > 1 and subprotocols[0].lower() in _SCHEMES:
        return Credentials(subprotocols[1])
    return None


def digest_of(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def tokens_alone() -> KeyRing:
    """A ring without keys, with tokens that hold as long as the process lives."""
    return KeyRing((), secrets.token_urlsafe(KEY_BYTES))


def read_keys(path: Path) -> KeyRing:
    """The keys in a file. Raises ConfigurationError, which never repeats what the file says."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        keys = tuple(
            Key(str(each["name"]), frozenset(each["scopes"]), str(each["sha256"]).lower())
            for each in content["keys"]
        )
        secret = str(content["token_secret"])
    except OSError as error:
        raise ConfigurationError(
            f"The key file {path} cannot be read: {error.strerror}."
        ) from error
    except (tomllib.TOMLDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} is not a key file. `surtitle key NAME --keys-file {path}` creates one."
        ) from error
    are_digests = all(_SHA256.fullmatch(key.sha256) for key in keys)
    if not keys or len(secret) < KEY_BYTES or not are_digests:
        raise ConfigurationError(
            f"{path} is missing a key, a SHA-256 of 64 digits, or a `token_secret` of {KEY_BYTES} "
            f"characters. `surtitle key NAME --keys-file {path}` creates one."
        )
    if unknown := sorted(frozenset().union(*(key.scopes for key in keys)) - frozenset(SCOPES)):
        raise ConfigurationError(
            f"{path} contains the unknown scope {unknown[0]!r}; the scopes are {', '.join(SCOPES)}."
        )
    return KeyRing(keys, secret)


class KeyFile:
    """A key file that is read again when it has changed: a key that was taken out lets nobody in."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigurationError as `read_keys` does."""
        self._path = path
        self._change = FileChange(path)
        self._ring = read_keys(path)
        self._warn()

    def ring(self) -> KeyRing:
        """The keys of now; where the file cannot be used any more, those that it had."""
        if self._change.is_new():
            try:
                self._ring = read_keys(self._path)
            except ConfigurationError as error:
                log.error("the new key file cannot be used", cause=str(error))
            else:
                log.info("new keys", keys=len(self._ring.keys))
            self._warn()
        return self._ring

    def _warn(self) -> None:
        if (rights := loose_rights(self._path)) is not None:
            log.warning("the key file is accessible to other users", rights=rights)


def add_key(path: Path, name: str, scopes: Sequence[Scope]) -> str:
    """Make a key and note it in the file, which is made if it is not there. Returns the key.

    Raises ConfigurationError.
    """
    if not name.isprintable() or not name.strip():
        raise ConfigurationError("A key needs a name without control characters.")
    key = "st_" + secrets.token_urlsafe(KEY_BYTES)
    lines = ["", "[[keys]]", f"name = {_quoted(name)}"]
    lines += [f"scopes = [{', '.join(map(_quoted, scopes))}]", f'sha256 = "{digest_of(key)}"', ""]
    try:
        with written_anew(path) as file:
            if path.exists():
                if any(known.name == name for known in read_keys(path).keys):
                    raise ConfigurationError(f"{path} already has a key for {name}.")
                file.write(path.read_bytes())
            else:
                secret = base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()
                lines = [f'token_secret = "{secret}"', *lines]
            file.write("\n".join(lines).encode())
    except FileExistsError as error:
        raise ConfigurationError(
            f"{error.filename} exists: another command is writing the key file. If none is, an "
            "earlier one was interrupted: remove that file."
        ) from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}.") from error
    return key


def _quoted(text: str) -> str:
    """A TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

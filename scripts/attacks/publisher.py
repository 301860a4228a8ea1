"""A speaker whose link breaks while others want its channel, and somebody who watches it."""

import asyncio
import contextlib
from dataclasses import dataclass, field

from attacks.floods import CHANNEL
from attacks.victims import Account, Script
from lab.link import Link
from load.score import score
from load.speech import FRAME_S
from surtitle.client import ClientError, connect, watch
from surtitle.messages import Channel, Ended, Failed, Final, Speech, Start, Suppressed

CUT_EVERY_S = 3.0


@dataclass
class Audience:
    """What somebody saw who watched all the while."""

    sessions: list[str] = field(default_factory=list)
    """That published, in turn."""

    async def watch(self, port: int, key: str) -> None:
        """Until it is cancelled."""
        with contextlib.suppress(ClientError):
            async with watch(f"ws://127.0.0.1:{port}", CHANNEL, key=key or None) as messages:
                async for message in messages:
                    if isinstance(message, Channel) and message.session not in ("", *self.sessions):
                        self.sessions.append(message.session)

    @property
    def problems(self) -> list[str]:
        """What it should not have seen."""
        if len(self.sessions) > 1:
            return [f"viewers saw {len(self.sessions) - 1} strangers"]
        return [] if self.sessions else ["viewers saw nobody"]


async def publish(script: Script, port: int, key: str) -> Account:
    """Speak in the channel over a link that is cut again and again."""
    account, texts = Account(), list[str]()
    async with Link(port, iter(())) as link:
        cutting = asyncio.create_task(_cut(link))
        try:
            start = Start(language="en", channel=CHANNEL)
            async with connect(f"ws://127.0.0.1:{link.port}", start, key=key or None) as captions:

                async def feed() -> None:
                    loop = asyncio.get_running_loop()
                    due = loop.time()
                    for frame in script.frames:
                        await captions.send(frame)
                        due += FRAME_S
                        await asyncio.sleep(max(due - loop.time(), 0))
                    cutting.cancel()
                    await captions.stop()

                feeding = asyncio.create_task(feed())
                async for event in captions:
                    match event:
                        case Speech():
                            account.opened.append(event.utterance)
                        case Final() | Suppressed() | Failed():
                            text = event.text if isinstance(event, Final) else ""
                            account.answers.append((event.utterance, text))
                            texts.append(text)
                        case Ended():
                            account.ended = {
                                name: value
                                for name in event.__struct_fields__
                                if isinstance(value := getattr(event, name), int)
                            }
                await feeding
        except ClientError as error:
            account.problems.append(str(error))
        finally:
            cutting.cancel()
    account.errors = score(script.reference, " ".join(texts), "en")
    return account


async def _cut(link: Link) -> None:
    while True:
        await asyncio.sleep(CUT_EVERY_S)
        link.cut()

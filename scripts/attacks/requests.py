"""Attackers that ask over HTTP, one request right behind the other, and read the answers."""

from attacks.wire import Attack, Site, Told, again_and_again, dial, pour

BYTES_PER_S = 2e6
"""Of each attacker at most."""
BLOCK_BYTES = 65_536
HEADERS = 120
"""Of a request that has as many as it may."""

KINDS: dict[str, str] = {
    "requests": "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "refused requests": "GET / HTTP/1.1\r\nHost: [\r\n\r\n",
    "tiny headers": "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + "a:\r\n" * HEADERS + "\r\n",
    "bodies": "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"
    + "x" * 100_000,
}
"""What comes again and again."""


def flood(kind: str) -> Attack:
    """Requests of one kind without a pause."""
    request = KINDS[kind].encode()
    block = request * max(BLOCK_BYTES // len(request), 1)

    async def attack(site: Site, told: Told, number: int) -> None:
        async def once() -> None:
            line = await dial(site, told)
            if line is not None:
                with line:
                    line.drop_answers()
                    await pour(line, block, BYTES_PER_S)

        await again_and_again(once, told)

    return attack

"""Query strings, of which a bounded number of fields is parsed."""

import pytest
from starlette.requests import Request

from surtitle.gateway.query import MAX_DIALECT_FIELDS, TooManyFields, query_of
from tests.gateway.site import listening


def asked(query: str) -> Request:
    scope = {"type": "http", "path": "/", "query_string": query.encode(), "headers": []}
    return Request(scope | {"server": ("localhost", 80)})


def test_a_field_may_be_there_twice_or_empty() -> None:
    assert query_of(asked("a=1&b=&a=2%20c"), 3) == {"a": ["1", "2 c"], "b": [""]}
    with pytest.raises(TooManyFields, match="has more than 2 fields"):
        query_of(asked("a=1&b=&a=2"), 2)


async def test_other_services_have_their_own_bound() -> None:
    many = "&".join(["keyterm=a"] * (MAX_DIALECT_FIELDS + 1))
    async with listening() as site:
        status, told = await site.get(f"/v1/listen?{many}")
        assert (status, "has more than 256 fields" in str(told)) == (400, True)

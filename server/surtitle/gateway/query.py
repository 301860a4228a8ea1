"""The query string of a request, of which a bounded number of fields is parsed."""

from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.requests import Request

MAX_START_FIELDS = 64
"""`start` has thirteen. To parse as many as a request may have takes 20 ms."""
MAX_DIALECT_FIELDS = 256
"""Deepgram's clients may name a hundred key terms, each as a field of its own."""

Query = Mapping[str, list[str]]
"""Names, each with its values in their order."""


class TooManyFields(Exception):
    """More than are parsed; the sentence is for whoever asks."""


def query_of(request: Request, most: int) -> Query:
    """Its fields, of which there are at most so many. Raises TooManyFields."""
    try:
        return parse_qs(request.url.query, keep_blank_values=True, max_num_fields=most)
    except ValueError as error:
        raise TooManyFields(f"The query string has more than {most} fields.") from error

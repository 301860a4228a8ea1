"""A form with a file, as it is uploaded: fields whole, the file piece by piece. No I/O."""

from collections.abc import Callable

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

MAX_FIELD_BYTES = 1 << 16
"""Of all fields together, without the file."""
MAX_FIELDS = 100
MAX_HEADER = 1024
"""Characters of `Content-Type` and of a part's `Content-Disposition`: the library reads them slowly."""


class BadForm(Exception):
    """A body that is no such form: a sentence that says why."""


class Form:
    """What has come of a form by now."""

    def __init__(
        self, content_type: str, file_field: str, on_file: Callable[[bytes], None]
    ) -> None:
        """`on_file` gets the pieces of the file. Raises BadForm where the header names no form."""
        kind, options = parse_options_header(content_type[:MAX_HEADER])
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise BadForm("Send a form (multipart/form-data) with a field `file`.")
        self.fields: dict[str, list[str]] = {}
        self.has_file = False
        """Whether a file has begun."""
        self.early_fields: frozenset[str] = frozenset()
        """Those that came before it."""
        self.late_fields: set[str] = set()
        """Those that came behind the file."""
        self._file_field = file_field
        self._on_file = on_file
        self._is_whole = False
        self._name: bytes | None = None  # of the part that comes
        self._is_file = False
        self._header = bytearray()
        self._header_value = bytearray()
        self._value = bytearray()
        self._left_bytes = MAX_FIELD_BYTES
        self._left_parts = MAX_FIELDS + 1
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_begin": self._on_header_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise BadForm(f"The form cannot be read: {error}.") from error

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body. Raises BadForm."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise BadForm(f"The form cannot be read: {error}.") from error

    def finish(self) -> None:
        """The body has ended. Raises BadForm where the form has not."""
        if not self._is_whole:
            raise BadForm("The form ends too early.")
        if not self.has_file:
            raise BadForm(f"The form has no file in its field `{self._file_field}`.")

    # -- what the parser says -------------------------------------------------------------------

    def _on_part_begin(self) -> None:
        self._left_parts -= 1
        if self._left_parts < 0:
            raise BadForm(f"The form has more than {MAX_FIELDS} fields.")
        self._name, self._is_file = None, False
        self._value.clear()

    def _on_header_begin(self) -> None:
        self._header.clear()
        self._header_value.clear()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() != b"content-disposition":
            return
        if len(self._header_value) > MAX_HEADER:
            raise BadForm(f"The headers of a field are longer than {MAX_HEADER} bytes.")
        _, options = parse_options_header(self._header_value.decode("latin-1"))
        self._name = options.get(b"name", b"")
        self._is_file = self._name == self._file_field.encode()
        if self._is_file and self.has_file:
            raise BadForm("The form has more than one file.")
        if self._is_file:
            self.has_file, self.early_fields = True, frozenset(self.fields)

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._on_file(data[start:end])
            return
        self._left_bytes -= end - start
        if self._left_bytes < 0:
            raise BadForm(f"The fields of the form are longer than {MAX_FIELD_BYTES} bytes.")
        self._value += data[start:end]

    def _on_part_end(self) -> None:
        if self._is_file or self._name is None:
            return
        name = self._name.decode(errors="replace")
        self._left_bytes -= len(self._name)
        self.fields.setdefault(name, []).append(self._value.decode(errors="replace"))
        if self.has_file:
            self.late_fields.add(name)

    def _on_end(self) -> None:
        self._is_whole = True

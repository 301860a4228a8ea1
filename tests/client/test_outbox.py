"""What is kept to be sent again, and from where it is sent."""

from hypothesis import given
from hypothesis import strategies as st

from surtitle.client.outbox import Audio, Command, Outbox, Said, Silence
from surtitle.messages import Flush, Stop, Update


def offer(outbox: Outbox, data: bytes) -> None:
    outbox.add_audio(data)
    outbox.drop_oldest()


def everything_from(outbox: Outbox, byte: int) -> tuple[bytes, list[tuple[int, Command]]]:
    """What a server that has all before this byte is sent."""
    audio, commands = b"", list[tuple[int, Command]]()
    number = outbox.number_at(byte)
    while (item := outbox.next(number)) is not None:
        if isinstance(item, Audio):
            audio += item.data[max(byte - item.start, 0) :]
        else:
            commands.append((item.start, item.command))
        number = item.number + 1
    return audio, commands


def test_all_is_sent_again_from_a_byte_in_the_middle_of_a_frame() -> None:
    outbox = Outbox(None)
    outbox.add_audio(b"abcd")
    outbox.add_command(Flush())
    outbox.add_audio(b"efgh")
    outbox.add_command(Stop())
    assert everything_from(outbox, 0) == (b"abcdefgh", [(4, Flush()), (8, Stop())])
    assert everything_from(outbox, 2) == (b"cdefgh", [(4, Flush()), (8, Stop())])
    assert everything_from(outbox, 6) == (b"gh", [(8, Stop())])


def test_a_command_right_at_the_byte_may_not_have_come() -> None:
    outbox = Outbox(None)
    outbox.add_audio(b"abcd")
    outbox.add_command(Flush())
    assert everything_from(outbox, 4) == (b"", [(4, Flush())])
    assert outbox.forget_before(4) == []
    assert everything_from(outbox, 4) == (b"", [(4, Flush())])


def test_commands_before_a_safe_byte_are_told_once() -> None:
    outbox = Outbox(None)
    update = Update(language="de")
    outbox.add_audio(b"ab")
    outbox.add_command(update)
    outbox.add_audio(b"cdef")
    assert outbox.forget_before(1) == []
    assert outbox.forget_before(3) == [update]
    assert outbox.forget_before(3) == []
    assert (outbox.start, outbox.end) == (3, 6)
    assert everything_from(outbox, 3) == (b"def", [])


def test_too_much_drops_the_oldest_but_no_command() -> None:
    outbox = Outbox(6)
    update = Update(prompt="x")
    outbox.add_audio(b"abc")
    outbox.add_command(update)
    offer(outbox, b"def")
    assert outbox.start == 0
    offer(outbox, b"ghi")
    assert outbox.start == 3
    offer(outbox, b"jkl")
    assert (outbox.safe, outbox.start) == (0, 6)
    assert everything_from(outbox, 6) == (b"ghijkl", [])
    assert everything_from(outbox, 0) == (b"ghijkl", [(3, update)])
    offer(outbox, b"m" * 20)  # one frame is kept whatever its size
    assert everything_from(outbox, 0) == (b"m" * 20, [(3, update)])
    assert outbox.forget_before(12) == [update]


def test_nothing_is_dropped_unasked() -> None:
    outbox = Outbox(4)
    fullness = [outbox.is_full]
    for frame in (b"abc", b"def"):
        outbox.add_audio(frame)
        fullness.append(outbox.is_full)
    assert everything_from(outbox, 0) == (b"abcdef", [])
    assert outbox.unsent == 6
    outbox.forget_before(3)
    assert [*fullness, outbox.is_full] == [False, False, True, False]


def test_a_command_whose_audio_was_dropped_keeps_its_number() -> None:
    """What has been sent is not sent again while the connection holds."""
    outbox = Outbox(4)
    outbox.add_command(Flush())
    outbox.add_audio(b"ab")
    offer(outbox, b"cdef")
    assert outbox.next(0) == Said(0, 0, Flush())
    assert outbox.next(1) == Audio(2, 2, b"cdef")


def test_an_item_that_was_dropped_is_passed_over() -> None:
    outbox = Outbox(4)
    outbox.add_audio(b"ab")
    number = outbox.number_at(0)
    offer(outbox, b"cdef")
    assert outbox.next(number) == Audio(number + 1, 2, b"cdef")
    assert outbox.next(number + 2) is None


@given(
    st.lists(st.one_of(st.binary(min_size=1, max_size=5), st.just(Flush()))),
    st.lists(st.integers(0, 60)),
    st.integers(0, 60),
)
def test_nothing_after_what_is_safe_is_ever_missing(
    said: list[bytes | Flush], safes: list[int], byte: int
) -> None:
    outbox = Outbox(None)
    whole = b""
    flushes = []
    for item in said:
        if isinstance(item, bytes):
            outbox.add_audio(item)
            whole += item
        else:
            outbox.add_command(item)
            flushes.append(len(whole))
    passed = sum(len(outbox.forget_before(min(safe, len(whole)))) for safe in safes)
    safe = min(max(safes, default=0), len(whole))
    assert outbox.start == safe
    byte = min(max(byte, safe), len(whole))
    audio, commands = everything_from(outbox, byte)
    assert audio == whole[byte:]
    assert [at for at, _ in commands] == [at for at in flushes if at >= byte]
    assert passed == sum(at < safe for at in flushes)


@given(
    st.lists(
        st.one_of(
            st.binary(min_size=1, max_size=5),
            st.just("take"),
            st.integers(0, 60),
        )
    )
)
def test_every_byte_comes_at_its_place_or_silence_for_it(steps: list[bytes | str | int]) -> None:
    """Whatever is dropped, sent and needed again."""
    outbox = Outbox(8)
    said, heard = b"", bytearray()
    for step in [*steps, *["take"] * 99]:
        match step:
            case bytes():
                offer(outbox, step)
                said += step
            case int():  # the server has less than it was sent
                del heard[step:]
                outbox.go_back(len(heard))
            case _:
                piece = outbox.take(3)
                if isinstance(piece, Silence):
                    assert len(heard) + piece.length <= outbox.start and piece.length <= 3
                    heard += said[len(heard) :][: piece.length]
                elif isinstance(piece, bytes):
                    heard += piece
                assert outbox.sent == len(heard)
    assert bytes(heard) == said

from surtitle.gateway.haste import CREDIT_S, HASTE_S, Haste


def ahead(*sent: tuple[float, float]) -> list[bool]:
    """After each frame, by when it came and how long it is."""
    haste, found = Haste(0.0), list[bool]()
    for at_s, length_s in sent:
        haste.on_audio(length_s, at_s)
        found.append(haste.is_hasty)
    return found


def test_who_speaks_is_not_hasty() -> None:
    assert not any(ahead(*((at_s, 1.0) for at_s in range(1, 3600))))


def test_what_a_broken_connection_held_back_may_come_at_once() -> None:
    assert ahead((0.0, HASTE_S), (0.0, 0.1), (0.2, 0.1)) == [False, True, False]


def test_a_file_is_hasty_until_as_much_time_has_passed() -> None:
    assert ahead((0.0, 60.0), (30.0, 0.0), (56.0, 0.0)) == [True, True, False]


def test_who_was_held_up_may_be_ahead_by_as_much_and_no_more() -> None:
    assert ahead((3600.0, CREDIT_S + HASTE_S), (3600.0, 0.1)) == [False, True]

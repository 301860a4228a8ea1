"""What scripts/measure_chance.py makes of the error rates of its shifts."""

import numpy as np

from measure_chance import rows, shifted


def test_a_shift_is_silence_in_front() -> None:
    audio = np.array([1, 2, 3], np.int16)
    assert shifted(audio, 0).tolist() == [1, 2, 3]
    later = shifted(audio, 2)
    assert later.dtype == np.int16
    assert later[-3:].tolist() == [1, 2, 3]
    assert not later[:-3].any()
    assert len(later) - 3 == 2 * 7 * 16  # samples


def test_a_row_has_the_spread_of_a_way_and_the_difference_of_its_mean() -> None:
    found = {"telephone, en": {"offline": [3.0, 5.0, 5.0, 3.0], "live": [4.0, 6.0, 8.0, 6.0]}}
    # Differences 1, 1, 3, 3: mean 2, standard deviation 1.155, by the root of four.
    assert list(rows(found)) == [
        ["telephone, en", "offline", "3.00", "4.00", "5.00", "", ""],
        ["telephone, en", "live", "4.00", "6.00", "8.00", "+2.00", "0.58"],
    ]

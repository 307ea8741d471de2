import pytest

from minisqs import errors
from minisqs.sim.clock import Clock, nanoseconds


@pytest.mark.parametrize(
    ("seconds", "ns"),
    [(0, 0), (1, 10**9), (1.5, 1_500_000_000), (1e-9, 1), (4e-10, 0), (6e-10, 1), (0.1, 100_000_000), (10**9, 10**18)],
)
def test_a_length_of_time_is_whole_nanoseconds(seconds, ns):
    assert nanoseconds(seconds) == ns
    assert type(nanoseconds(seconds)) is int


@pytest.mark.parametrize("seconds", [None, "1", b"1", True, False, [1], {}, 1j, -1, -1e-9, float("inf"), float("nan")])
def test_what_is_no_length_of_time_is_refused(seconds):
    with pytest.raises(errors.UsageError, match="a length of time is"):
        nanoseconds(seconds)


def test_a_clock_never_goes_back():
    clock = Clock(100)
    clock.move_to(99)
    assert clock.now_ns == 100
    clock.move_to(2 * 10**9 + 100)
    assert clock.seconds == 2.0

"""What turns a report red, and what does not; without a deployment."""

from collections.abc import Sequence

import pytest
from twinpool.hold import Report, Target, judge
from twinpool.hold.held import Move
from twinpool.hold.ledger import Numbers
from twinpool.hold.report import report
from twinpool.hold.sockets import Socket
from twinpool.hold.tally import Tally

TARGET = Target("http", "shop.example", 80, "127.0.0.1", 80)


def closed(at: Sequence[float], servers: int = 1, window: float = 30, tries: int = 1) -> Report:
    """The report of sockets that were closed with 1012 at these moments, in turn at so many servers."""
    sockets = [Socket(TARGET, "", 0) for _ in at]
    for index, (socket, moment) in enumerate(zip(sockets, at, strict=True)):
        socket.up = True
        socket.moves = [Move(moment, "1012", f"r1 {index % servers}", tries, moment + 0.2)]
    return report("http://shop.example", 60, 10, window, sockets, [], Numbers(0), Tally(), 0)


def test_eight_sockets_within_less_than_half_the_window_are_red() -> None:
    assert judge(closed([0, 14.9, *[5] * 6])) == ["8 closes within 14.9 s, less than half the window of 30 s"]
    assert judge(closed([0, 15, *[5] * 6])) == []


def test_the_spread_of_seven_sockets_says_nothing() -> None:
    assert judge(closed([0] * 7)) == []


def test_two_servers_that_each_close_all_at_once_are_red_however_far_apart() -> None:
    """A rollout takes pods one by one: their moments together would hide that each dropped all of its sockets."""
    assert judge(closed([0, 60] * 16, servers=2)) == ["32 closes within 0.0 s, less than half the window of 30 s"]
    assert judge(closed([*range(32)], servers=2)) == []


def test_late_returns_are_told_but_not_red() -> None:
    told = closed([0, 20], tries=3)
    assert judge(told) == []
    assert told.sockets.first_try == 0
    assert told.sockets.silence_longest == pytest.approx(0.2)


def test_stale_requests_are_not_red() -> None:
    assert judge(report("http://shop.example", 60, 10, 30, [], [], Numbers(0), Tally(answered=9), stale=7)) == []


def test_kinds_of_failure_are_bounded_and_the_commonest_named() -> None:
    tally = Tally()
    for kind in range(500):
        tally.fail(f"failure {kind}")
    for _ in range(9):
        tally.fail("failure 7")
    [reason] = judge(report("http://shop.example", 60, 10, 30, [], [], Numbers(0), tally, 0))
    assert reason.startswith("509 failed (failed in yet another way x450, failure 7 x10")
    assert len(reason) < 200


def test_numbers_resume_below_the_lowest_gap_but_not_far_below() -> None:
    got = Numbers(100)
    assert got.resume_from() == 100
    assert [got.add(number) for number in (101, 102, 104, 104, 100)] == [True, True, True, False, False]
    assert got.resume_from() == 102
    for number in range(105, 400):
        got.add(number)
    assert got.resume_from() == 399 - 50
    wanted = Numbers(100)
    for number in range(101, 402):
        wanted.add(number)
    assert got.missing(wanted) == 3  # 103, 400, 401
    assert not got.add(100 + 10**9)

"""The judge of the failover tests is judged: what it is there to find, it finds."""

from __future__ import annotations

from support.verdict import Record


def _record(*lines: str) -> Record:
    record = Record()
    for line in lines:
        record.add(line)
    return record


def test_one_after_the_other() -> None:
    record = _record(
        "write one 5 70 1.00 1 ok", "answer one 5 70 1.00 1.01", "write one 5 70 1.01 2 ok", "mark 1.5",
        "write two 9 71 3.01 3 ok", "answer two 9 71 3.00 3.02", "write two 9 71 3.02 4 ok",
    )  # fmt: skip
    assert record.faults() == [] and round(record.longest_gap(1.5), 6) == 2
    assert str(record.latest().who) == "two (token 9, pid 71)"


def test_two_that_write_at_once() -> None:
    record = _record("write one 5 70 1.00 1 ok", "write two 9 71 1.20 2 ok", "write one 5 70 1.25 2 refused")
    assert record.faults() == ["both wrote: one (token 5, pid 70) and two (token 9, pid 71) for 0 ms"]
    record.add("write two 9 71 1.30 3 ok")
    assert record.faults() == ["both wrote: one (token 5, pid 70) and two (token 9, pid 71) for 50 ms"]


def test_a_write_that_undoes_another() -> None:
    record = _record("write one 5 70 1.00 1 ok", "write two 9 71 1.20 1 lost")
    assert record.faults() == ["1 acknowledged writes are lost"]


def test_an_address_in_two_places() -> None:
    record = _record("answer two 9 71 1.00 1.01", "answer one 5 70 0.90 1.02")
    assert record.faults() == [], "the question was on its way before the other had answered"
    record.add("answer one 5 70 1.03 1.04")
    assert record.faults() == ["address: one (token 5, pid 70) answered at 1.040, two (token 9, pid 71) had at 1.010"]


def test_who_has_taken_over() -> None:
    record = _record("answer one 5 70 1.00 1.01", "answer two 9 71 3.00 3.02", "answer two 9 71 3.01 3.03")
    assert record.taken_over("one", 1.5) == 3.02
    assert record.taken_over("two", 1.5) is None, "one had answered before"


def test_one_that_was_suspended() -> None:
    lines = ("write one 5 70 1.00 1 ok", "write two 9 71 8.00 2 ok", "write two 9 71 9.00 3 ok")
    record = _record(*lines)
    record.excused.add(next(who for who in record.lives if who.host == "one"))
    record.add("write one 5 70 8.50 2 refused")
    assert record.faults() == [] and record.refused == 1, "the storage has refused it"
    record.add("write one 5 70 8.60 2 lost")
    assert len(record.faults()) == 2, "nobody has"

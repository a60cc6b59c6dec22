"""What every coordinator promises to the members of a group, tried with the real thing."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.ensemble import Ensemble, Etcd, needs_etcd, needs_zookeeper
from support.real_servers import RealServers
from support.seat import Seat
from support.waiting import wait_until

LEASE = 4.0
PATIENCE = 6 * LEASE  # for what has to happen within a lease, on a slow machine
KINDS = [
    "local",
    pytest.param("zookeeper", marks=[needs_zookeeper, pytest.mark.long, pytest.mark.xdist_group("zookeeper")]),
    pytest.param("etcd", marks=[needs_etcd, pytest.mark.xdist_group("etcd")]),
]

_groups = itertools.count(1)
NewSeat = Callable[..., Seat]


@pytest.fixture(scope="module")
def zookeeper(servers: RealServers, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return Ensemble(servers, tmp_path_factory.mktemp("zookeeper")).settings()


@pytest.fixture(scope="module")
def etcd(servers: RealServers, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return (f"server={Etcd(servers, tmp_path_factory.mktemp('etcd')).url}", "root=/recoverd")


@pytest.fixture(params=KINDS)
def new_seat(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewSeat]:
    """new_seat(member) takes a seat in a group that is this test's own."""
    kind: str = request.param
    settings = () if kind == "local" else request.getfixturevalue(kind)
    group = f"shop-{next(_groups)}"
    seats: list[Seat] = []

    def make(member: str, *more: str) -> Seat:
        # Other coordinators have members on other hosts, which share no folder.
        folder = tmp_path if kind == "local" else tmp_path / member.replace("/", "-")
        seats.append(Seat(folder, kind, member, LEASE, group, (*settings, *more)))
        return seats[-1]

    yield make
    problems = []
    for seat in seats:
        try:
            seat.close()
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)


def _holder(*seats: Seat) -> Seat:
    """The one that has it, in a group in which somebody wants it."""
    return wait_until(lambda: next((seat for seat in seats if seat.is_ours()), None), PATIENCE, "somebody has the lease")


def _usable_until(seat: Seat) -> int:
    view = seat.ask()
    assert view["standing"] == "ours", view
    return view["usable_until"]


def test_nobody_has_it_until_somebody_wants_it(new_seat: NewSeat) -> None:
    one, two = new_seat("one/web"), new_seat("two/web")
    for seat in (one, two):
        seat.wait(standing="free", token=0, holder="", session="connected")
    two.tell("want")
    view = two.wait(standing="ours", holder="two/web")
    assert view["token"] > 0 and view["granted"] == LEASE * 1_000_000
    assert 0 < view["usable_until"] - view["now"] <= view["granted"]
    one.wait(standing="other", holder="two/web", token=view["token"], usable_until=0)


def test_one_of_those_who_want_it_has_it_and_keeps_it(new_seat: NewSeat) -> None:
    seats = [new_seat(f"{name}/web") for name in ("one", "two", "three")]
    for seat in seats:
        seat.tell("want")
    holder = _holder(*seats)
    token = holder.view["token"]
    others = [seat for seat in seats if seat is not holder]
    for seat in others:
        seat.wait(standing="other", holder=holder.member)
    before = _usable_until(holder)
    holder.keeps(2 * LEASE, standing="ours", token=token)
    assert _usable_until(holder) > before
    for seat in others:
        assert all(view["standing"] != "ours" for view in seat.views)


def test_two_thirds_of_it_are_left_at_any_moment(new_seat: NewSeat) -> None:
    one = new_seat("one/web")
    one.tell("want")
    one.wait(standing="ours")
    one.keeps(LEASE, standing="ours")

    def left() -> float:
        view = one.ask()
        return (view["usable_until"] - view["now"]) / view["granted"]

    # On a busy machine a look may come late: most of them have to see it.
    wait_until(lambda: sorted(left() for _ in range(20))[4] >= 0.66, PATIENCE, "as much of the lease is left as was promised")


def test_what_the_others_publish_is_seen(new_seat: NewSeat) -> None:
    one, two = new_seat("one/web"), new_seat("two/web")
    one.tell("publish well; 3 behind")
    two.wait(peers={"one/web": "well; 3 behind"})
    two.tell("publish ill: é")
    one.wait(peers={"two/web": "ill: é"})
    one.tell("publish well; 4 behind")
    two.wait(peers={"one/web": "well; 4 behind"})
    one.tell("quit")
    two.wait(peers={})


def test_given_back_it_goes_to_who_wants_it(new_seat: NewSeat) -> None:
    one, two = new_seat("one/web"), new_seat("two/web")
    one.tell("want")
    first = one.wait(standing="ours")["token"]
    two.tell("want")
    two.wait(standing="other")
    one.tell("release")
    assert two.wait(standing="ours", within=LEASE)["token"] > first  # nobody waits for the end of the lease
    one.wait(standing="other", holder="two/web")


def test_given_back_with_nobody_who_wants_it(new_seat: NewSeat) -> None:
    one, two = new_seat("one/web"), new_seat("two/web")
    one.tell("want")
    first = one.wait(standing="ours")["token"]
    one.tell("release")
    one.wait(standing="free", holder="")
    two.wait(standing="free", holder="")
    one.tell("want")
    assert one.wait(standing="ours")["token"] > first


def test_handed_over_to_the_one_that_is_named(new_seat: NewSeat) -> None:
    seats = {name: new_seat(f"{name}/web") for name in ("one", "two", "three")}
    seats["one"].tell("want")
    seats["one"].wait(standing="ours", peers={"two/web": "", "three/web": ""})
    for name in ("two", "three"):
        seats[name].tell("want")
        seats[name].wait(standing="other")
    seats["one"].tell("release three/web")
    seats["three"].wait(standing="ours")
    seats["two"].wait(standing="other", holder="three/web")
    assert all(view["standing"] != "ours" for view in seats["two"].views)
    seats["three"].tell("release two/web")
    seats["two"].wait(standing="ours")


def test_handed_over_to_one_that_does_not_take_it(new_seat: NewSeat) -> None:
    seats = {name: new_seat(f"{name}/web") for name in ("one", "two", "three")}
    seats["one"].tell("want")
    seats["one"].wait(standing="ours", peers={"two/web": "", "three/web": ""})
    seats["two"].tell("want")
    seats["two"].wait(standing="other")
    seats["one"].tell("release three/web")
    seats["two"].wait(standing="ours", within=PATIENCE)


def test_how_often_another_got_it_is_kept(new_seat: NewSeat) -> None:
    one, two = new_seat("one/web"), new_seat("two/web")
    for number, (holder, other) in enumerate([(one, two), (two, one), (one, two)]):
        holder.tell("want")
        holder.wait(standing="ours", changes=number)
        other.wait(standing="other", changes=number)
        holder.tell("release")
        other.wait(standing="free")
    one.tell("want")
    one.wait(standing="ours", changes=2)  # its own once more, so that is none
    for seat in (one, two):
        seat.tell("quit")
        seat.process.wait()
    new_seat("three/web").wait(changes=2)


def test_a_wish_that_was_withdrawn(new_seat: NewSeat) -> None:
    one, two = new_seat("one/web"), new_seat("two/web")
    one.tell("want")
    one.wait(standing="ours")
    two.tell("want")
    two.wait(standing="other")
    two.tell("unwant")
    one.tell("release")

    def is_free() -> bool:
        """The wish may have been on its way still: who has what he does not want gives it back."""
        if two.view["standing"] == "ours":
            two.tell("release")
        return two.view["standing"] == one.view["standing"] == "free"

    wait_until(is_free, PATIENCE, "nobody has it")
    two.keeps(1, standing="free")


def test_a_holder_that_stands_still_loses_it_and_notices(new_seat: NewSeat) -> None:
    one, two = new_seat("one/web"), new_seat("two/web")
    one.tell("want")
    one.wait(standing="ours")
    two.tell("want")
    two.wait(standing="other")
    end = _usable_until(one)
    one.signal(signal.SIGSTOP)
    view = two.wait(standing="ours", within=PATIENCE)
    assert view["now"] >= end, "given to another before the holder's own end of it"
    one.signal(signal.SIGCONT)
    assert one.ask()["standing"] != "ours" or one.view["usable_until"] <= end
    one.wait(standing="other", holder="two/web")
    two.keeps(1, standing="ours")


def test_a_holder_that_is_killed_keeps_it_to_its_end(new_seat: NewSeat) -> None:
    one, two = new_seat("one/web"), new_seat("two/web")
    one.tell("want")
    one.wait(standing="ours")
    two.tell("want")
    two.wait(standing="other")
    end = _usable_until(one)
    one.signal(signal.SIGKILL)
    assert two.wait(standing="ours", within=PATIENCE)["now"] >= end


def test_a_holder_that_leaves_keeps_it_to_its_end(new_seat: NewSeat) -> None:
    one, two = new_seat("one/web"), new_seat("two/web")
    one.tell("want")
    one.wait(standing="ours")
    two.tell("want")
    two.wait(standing="other")
    end = _usable_until(one)
    one.tell("quit")
    assert two.wait(standing="ours", within=PATIENCE)["now"] >= end


def test_an_agent_that_comes_back_finds_its_lease(new_seat: NewSeat) -> None:
    one, two = new_seat("one/web"), new_seat("two/web")
    one.tell("want")
    token = one.wait(standing="ours")["token"]
    two.tell("want")
    two.wait(standing="other")
    one.signal(signal.SIGKILL)
    one.process.wait()
    again = new_seat("one/web")
    again.wait(standing="ours", token=token, within=LEASE)
    two.keeps(1.5 * LEASE, standing="other", token=token)


def test_several_places_in_the_order_in_which_they_were_taken(new_seat: NewSeat) -> None:
    one, two, three = (new_seat(f"{name}/web", "places=2") for name in ("one", "two", "three"))
    one.tell("want")
    one.wait(standing="ours", places=["one/web"])
    two.wait(standing="free", places=["one/web"], holder="")
    two.tell("want")
    two.wait(standing="ours", places=["one/web", "two/web"])
    three.tell("want")
    three.wait(standing="other", places=["one/web", "two/web"])
    one.tell("release")
    three.wait(standing="ours", places=["two/web", "three/web"])
    one.wait(standing="other", places=["two/web", "three/web"])
    two.wait(standing="ours", places=["two/web", "three/web"])
    end = _usable_until(two)
    two.signal(signal.SIGKILL)
    one.tell("want")
    assert one.wait(standing="ours", places=["three/web", "one/web"], within=PATIENCE)["now"] >= end


def test_what_was_said_before_a_place_was_given_back_is_known_to_the_next(new_seat: NewSeat) -> None:
    one, two = (new_seat(f"{name}/web", "places=1") for name in ("one", "two"))
    for number in range(5):
        first, second = (one, two) if number % 2 == 0 else (two, one)
        first.tell("want")
        first.wait(standing="ours")
        second.tell("want")
        second.wait(standing="other")
        first.tell(f"publish {number}")
        first.tell("release")
        view = second.wait(standing="ours")
        assert view["peers"][first.member] == str(number)
        second.tell("release")
        second.wait(standing="free")

"""What the records of support/storage.py prove: whether two were active at once, whether a write that was acknowledged is
lost, and for how long nobody was active. Pure, so that the judge can be judged."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Who:
    host: str
    token: int
    pid: int

    def __str__(self) -> str:
        return f"{self.host} (token {self.token}, pid {self.pid})"


@dataclass
class Life:
    """Of one that was active: when it wrote for the first and for the last time, by its own word."""

    who: Who
    first: float
    last: float


@dataclass(frozen=True)
class Turn:
    """On the address: somebody has answered there, and the one before was another."""

    host: str
    answered: float


@dataclass
class Record:
    lives: dict[Who, Life] = field(default_factory=dict)
    moments: list[float] = field(default_factory=list)  # of writes that were stored
    refused: int = 0
    lost: int = 0
    excused: set[Who] = field(default_factory=set)  # whose host was suspended: the storage may have to refuse them
    older: list[str] = field(default_factory=list)  # answers on the address that should not have been
    newest: tuple[float, Who] | None = None  # the highest token that has answered, and when it first did
    turns: list[Turn] = field(default_factory=list)

    def add(self, line: str) -> None:
        kind, *words = line.split()
        if kind == "mark":
            return
        who = Who(words[0], int(words[1]), int(words[2]))
        if kind == "write":
            self._write(who, float(words[3]), words[5])
        else:
            self._answer(who, float(words[3]), float(words[4]))

    def _write(self, who: Who, sent: float, verdict: str) -> None:
        self.refused += verdict == "refused"
        self.lost += verdict == "lost"
        if verdict != "refused":
            self.moments.append(sent)
        elif who in self.excused:
            return
        life = self.lives.setdefault(who, Life(who, sent, sent))
        life.first, life.last = min(life.first, sent), max(life.last, sent)

    def _answer(self, who: Who, asked: float, answered: float) -> None:
        """One that is asked after a newer one has answered must not answer any more."""
        if not self.turns or self.turns[-1].host != who.host:
            self.turns.append(Turn(who.host, answered))
        if who in self.excused:
            return
        if self.newest and who.token < self.newest[1].token and asked > self.newest[0]:
            self.older.append(f"{who} answered at {answered:.3f}, {self.newest[1]} had at {self.newest[0]:.3f}")
        if not self.newest or who.token > self.newest[1].token:
            self.newest = (answered, who)

    # ---- The verdict ----

    def overlaps(self) -> list[str]:
        """Two that wrote at the same time, and for how long."""
        found = []
        lives = sorted(self.lives.values(), key=lambda life: life.first)
        for index, one in enumerate(lives):
            for other in lives[index + 1 :]:
                if other.first <= one.last:
                    both = min(one.last, other.last) - other.first
                    found.append(f"{one.who} and {other.who} for {both * 1000:.0f} ms")
        return found

    def faults(self) -> list[str]:
        """Empty: never two at once, on either side, and no write is lost."""
        lost = [f"{self.lost} acknowledged writes are lost"] if self.lost else []
        return [*(f"both wrote: {text}" for text in self.overlaps()), *(f"address: {text}" for text in self.older), *lost]

    def latest(self) -> Life | None:
        return max(self.lives.values(), key=lambda life: life.last, default=None)

    def taken_over(self, from_host: str, since: float) -> float | None:
        """When another host than that one answered on the address for the first time since then."""
        moments = (turn.answered for turn in self.turns if turn.host != from_host)
        return next((answered for answered in moments if answered >= since), None)

    def longest_gap(self, since: float) -> float:
        """Seconds without a write, between two of them, the second of which is after `since`."""
        moments = sorted(self.moments)
        return max((after - before for before, after in zip(moments, moments[1:]) if after >= since), default=0.0)

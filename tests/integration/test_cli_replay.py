"""recoverctl replay: detectors and self-suspicion over recorded rounds. Needs no agent."""

from __future__ import annotations

import json
import lzma
import subprocess
import time
from pathlib import Path

import pytest
from support import recordings
from support.agent import program

# Five targets, thirteen rounds: in rounds 3 and 4 four fail together, the fifth fails by itself around them.
TOGETHER = """a,b,c,d,e
1,1,1,1,1
1,1,1,1,0
0,0,0,0,0
0,0,0,0,1
1,1,1,1,1
1,1,1,1,1
1,1,1,1,0
1,1,1,1,0
1,1,1,1,1
"""


def _replay(*arguments: object, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [program("recoverctl"), "replay", *map(str, arguments)], capture_output=True, input=data, timeout=120
    )


def _json(*arguments: object, data: bytes | None = None) -> dict:
    done = _replay(*arguments, "--interval", "10m", "--json", data=data)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def trace(tmp_path) -> Path:
    path = tmp_path / "trace.csv"
    path.write_text(TOGETHER)
    return path


def test_members(trace) -> None:
    report = _json("--trace", trace, "--fall", 2, "--rise", 1)
    assert report["rounds"] == 9
    assert report["held_rounds"] == 2
    assert [one["name"] for one in report["targets"]] == list("abcde")
    assert report["targets"][0] == {
        "name": "a",
        "probes": 9,
        "failures": 2,
        "alarms": 0,
        "alarms_held": 1,
        "short_alarms": 0,
        "mean_time_to_alarm_s": None,
    }
    assert report["targets"][4] == {
        "name": "e",
        "probes": 9,
        "failures": 4,
        "alarms": 1,
        "alarms_held": 1,
        "short_alarms": 1,
        "mean_time_to_alarm_s": 600.0,
    }


def test_without_self_suspicion(trace) -> None:
    report = _json("--trace", trace, "--fall", 2, "--rise", 1, "--suspect-self", "off")
    assert report["held_rounds"] == 0
    assert [one["alarms"] for one in report["targets"]] == [1, 1, 1, 1, 2]
    assert sum(one["alarms_held"] for one in report["targets"]) == 0


def test_xz_and_standard_input_say_the_same(trace, tmp_path) -> None:
    packed = tmp_path / "trace.csv.xz"
    packed.write_bytes(lzma.compress(TOGETHER.encode()))
    plain = _json("--trace", trace)
    assert _json("--trace", packed) == plain
    assert _json("--trace", "-", data=TOGETHER.encode()) == plain


def test_the_table(trace) -> None:
    done = _replay("--trace", trace, "--interval", "10m", "--fall", "2", "--rise", "1")
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    assert lines[0].split() == ["TARGET", "PROBES", "FAILURES", "ALARMS", "HELD", "SHORT", "TIME", "TO", "ALARM"]
    assert lines[6].split()[:6] == ["all", "45", "12", "1", "5", "1"]
    assert lines[-1] == "9 rounds, action held in 2 of them"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", ":1:1: expected the names of the targets, it is empty"),
        (b"a,b\n", ":2:1: expected a round of results, found the end"),
        (b"1,0\n1,1\n", ":1:1: expected the names of the targets, found results"),
        (b"a,,b\n", ":1:3: expected a name of 1 to 255 bytes, found 0"),
        (b"a,b,a\n", ":1:5: expected another name, 'a' came before"),
        (b"a,b\n1,1\n1,x\n", ":3:3: expected 1 or 0, the result of 'b', found 'x'"),
        (b"a,b\n1,\n", ":2:3: expected 1 or 0, the result of 'b', found the end of the line"),
        (b"a,b\n1\n", ":2:2: expected a comma and the result of 'b'"),
        (b"a,b\n1,1,0\n", ":2:4: expected the end of the line after 2 results"),
        (b"a,b\n1,1\n\n1,1\n", ":3:1: expected 1 or 0, the result of 'a', found the end of the line"),
        (b"a,b\n1,\x000\n", ":2:3: expected text, found a byte of value 0"),
    ],
)
def test_what_is_wrong_is_located(tmp_path, text: bytes, complaint: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(text)
    done = _replay("--trace", path, "--interval", "10m")
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.decode() == f"recoverctl: {path}{complaint}\n"


def test_a_torn_archive_is_not_a_short_one(tmp_path) -> None:
    path = tmp_path / "torn.csv.xz"
    path.write_bytes(lzma.compress(b"a,b\n" + b"1,0\n" * 20000)[:-12])
    done = _replay("--trace", path, "--interval", "10m")
    assert done.returncode == 1
    assert b"xz could not decompress it to its end" in done.stderr


def test_a_file_that_is_not_there(tmp_path) -> None:
    done = _replay("--trace", tmp_path / "none.csv", "--interval", "10m")
    assert done.returncode == 1
    assert b"cannot read" in done.stderr and b"No such file" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "replay needs --trace FILE and --interval DURATION"),
        (["--trace", "x.csv"], "replay needs --trace FILE and --interval DURATION"),
        (["--trace", "x.csv", "--interval", "10"], "--interval: expected a duration such as 30s, 10m or 1h, not '10'"),
        (["--trace", "x.csv", "--interval", "10m", "--fall", "0"], "--fall: expected a number from 1 to 64, not '0'"),
        (["--trace", "x.csv", "--interval", "10m", "--rise", "2x"], "--rise: expected a number from 1 to 64, not '2x'"),
        (
            ["--trace", "x.csv", "--interval", "10m", "--suspect-self", "maybe"],
            "--suspect-self: expected on or off, not 'maybe'",
        ),
    ],
)
def test_a_wrong_command_line(arguments: list[str], complaint: str) -> None:
    done = _replay(*arguments)
    assert done.returncode == 2
    assert complaint in done.stderr.decode()


# ---- Real data ----


@pytest.fixture
def web_probes() -> Path:
    reason = recordings.why_not()
    if reason:
        print(f"skip: {reason}")
        pytest.skip(reason)
    return recordings.web_probes()


@pytest.mark.alone
def test_real_data(web_probes) -> None:
    """The totals are those of the file, counted here once more; self-suspicion takes alarms away."""
    names, *rounds = lzma.open(web_probes, "rt").read().split()
    failures = [sum(row[2 * i] == "0" for row in rounds) for i in range(len(names.split(",")))]
    began = time.monotonic()
    trusting = _json("--trace", web_probes, "--suspect-self", "off")
    assert time.monotonic() - began < 30, "a second or two, even with sanitizers and company"
    doubting = _json("--trace", web_probes)
    for report in (trusting, doubting):
        assert report["rounds"] == len(rounds) == 30227
        assert [one["failures"] for one in report["targets"]] == failures
        assert {one["probes"] for one in report["targets"]} == {len(rounds)}
    assert trusting["held_rounds"] == 0
    together = sum(row.count("0") * 10 >= 3 * 63 for row in rounds)
    assert 0 < doubting["held_rounds"] < 2 * together

    def alarms(report: dict) -> int:
        return sum(one["alarms"] for one in report["targets"])

    assert alarms(doubting) < alarms(trusting)


def test_what_is_known_about_the_data(web_probes) -> None:
    """Of the 48 sites that failed in 5 % of the rounds or fewer, a fifth of the failures fell in rounds in which a third
    of them failed together; and after k failures in a row the next probe fails, too, with a probability that grows."""
    names, *rounds = lzma.open(web_probes, "rt").read().split()
    sites = [[row[2 * i] == "0" for row in rounds] for i in range(len(names.split(",")))]
    sites = [site for site in sites if sum(site) <= 0.05 * len(rounds)]
    assert len(sites) == 48
    at_once = [sum(results) for results in zip(*sites)]
    assert sum(n for n in at_once if 3 * n >= len(sites)) / sum(at_once) == pytest.approx(0.2, abs=0.03)

    seen, again = [0] * 8, [0] * 8
    for site in sites:
        run = 0
        for failed in site:
            seen[min(run, 7)] += 1
            again[min(run, 7)] += failed
            run = run + 1 if failed else 0
    known = [0.23, 0.58, 0.74, 0.81, 0.83, 0.91]
    assert [again[k] / seen[k] for k in range(1, 7)] == pytest.approx(known, abs=0.02)

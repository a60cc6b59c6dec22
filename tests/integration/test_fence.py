"""recoverd-fence: an older member is refused, and no two run side by side, whatever happens to it."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from support.agent import program
from support.waiting import wait_until


def _command(*words: object) -> list[str]:
    return [str(program("recoverd-fence")), *map(str, words)]


def _run(*words: object, token: str | None = None) -> tuple[int, str, str]:
    env = {name: value for name, value in os.environ.items() if name != "RECOVERD_FENCING_TOKEN"}
    if token is not None:
        env["RECOVERD_FENCING_TOKEN"] = token
    done = subprocess.run(_command(*words), capture_output=True, text=True, env=env, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_a_lower_token_is_refused_and_nothing_is_run(tmp_path: Path) -> None:
    file, trace = tmp_path / "fence", tmp_path / "trace"
    assert _run("--show", file) == (0, "0\n", "")
    assert _run(file, token="7") == (0, "", "")
    assert _run(file, "/bin/touch", trace, token="6") == (
        1, "", f"recoverd-fence: token 6 is refused: {file} has seen 7, so another is active by now\n",
    )  # fmt: skip
    assert not trace.exists()
    assert _run(file, "/bin/touch", trace, token="7")[0] == 0 and trace.exists()
    assert _run("--token", "18446744073709551615", file, token="1")[0] == 0
    assert _run("--show", file) == (0, "18446744073709551615\n", "")


def test_the_status_is_that_of_the_command(tmp_path: Path) -> None:
    file = tmp_path / "fence"
    assert _run(file, "/bin/sh", "-c", "echo said; exit 42", token="1") == (42, "said\n", "")
    assert _run(file, "/bin/sh", "-c", "kill -TERM $$", token="1")[0] == 128 + signal.SIGTERM
    status, _, text = _run(file, "/no/such/program", token="1")
    assert (status, text) == (127, "recoverd-fence: /no/such/program: No such file or directory\n")


def test_wrong_usage(tmp_path: Path) -> None:
    file = tmp_path / "fence"
    for words, token, said in (
        ((file,), None, "there is no token: neither --token nor $RECOVERD_FENCING_TOKEN; see --help"),
        ((file,), "", "there is no token"),
        ((file,), "-1", "a token is a number above 0, not -1"),
        ((file,), "0", "a token is a number above 0, not 0"),
        ((file,), "1x", "a token is a number above 0, not 1x"),
        ((file,), "18446744073709551616", "a token is a number above 0"),
        ((), "1", "which FILE?"),
        (("--wait", "10", file), "1", "--wait takes a duration as 10s, not 10"),
        (("--show", file, "/bin/true"), "1", "--show runs nothing"),
        (("--loud", file), "1", "unrecognized option"),
    ):
        status, _, text = _run(*words, token=token)
        assert status == 2 and said in text, (words, token, text)
    assert not file.exists()


def test_files_that_cannot_be_believed(tmp_path: Path) -> None:
    file = tmp_path / "fence"
    for text in ("", "many\n", "3\n4\n", "-3\n"):
        file.write_text(text)
        status, _, said = _run(file, token="9")
        assert (status, said) == (
            3, f"recoverd-fence: {file} holds no fencing token; write the highest that was ever used into it\n",
        )  # fmt: skip
    file.unlink()
    (tmp_path / "elsewhere").write_text("1\n")
    file.symlink_to(tmp_path / "elsewhere")
    assert _run(file, token="9")[0] == 3
    file.unlink()
    file.mkdir()
    assert _run(file, token="9")[2] == f"recoverd-fence: {file}: not a regular file\n"
    assert _run(tmp_path / "none" / "fence", token="9")[0] == 3


def test_a_later_member_waits_for_the_command_of_an_earlier_one(tmp_path: Path) -> None:
    file, began, gate = tmp_path / "fence", tmp_path / "began", tmp_path / "gate"
    os.mkfifo(gate)
    first = subprocess.Popen(_command("--token", 1, file, "/bin/sh", "-c", f"touch {began}; cat {gate}"))
    wait_until(began.exists, within=20, what="the first command runs")
    status, _, text = _run("--wait", "100ms", file, token="2")
    assert status == 3 and "a command with an earlier leave is still running" in text
    second = subprocess.Popen(_command("--wait", "60s", file), env={**os.environ, "RECOVERD_FENCING_TOKEN": "2"})
    assert second.poll() is None
    gate.write_text("")  # lets the first one end
    assert first.wait(20) == 0 and second.wait(20) == 0
    assert _run("--show", file)[1] == "2\n"


def test_when_it_is_killed_its_command_is_too(tmp_path: Path) -> None:
    file, pid_file = tmp_path / "fence", tmp_path / "pid"
    first = subprocess.Popen(_command("--token", 1, file, "/bin/sh", "-c", f"echo $$ > {pid_file}; exec sleep 600"))
    wait_until(lambda: pid_file.exists() and pid_file.read_text().strip(), within=20, what="the command runs")
    pid = int(pid_file.read_text())
    first.kill()
    first.wait()
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2],
               within=20, what="the command is gone")  # fmt: skip
    assert _run("--wait", "20s", file, token="2")[0] == 0


def test_many_at_once_never_go_back(tmp_path: Path) -> None:
    file, trace = tmp_path / "fence", tmp_path / "trace"
    command = f"echo $RECOVERD_FENCING_TOKEN >> {trace}"
    tokens = [(n * 7) % 24 + 1 for n in range(24)]
    running = [
        subprocess.Popen(_command("--wait", "60s", file, "/bin/sh", "-c", command),
                         env={**os.environ, "RECOVERD_FENCING_TOKEN": str(token)}, stderr=subprocess.DEVNULL)
        for token in tokens
    ]  # fmt: skip
    statuses = [one.wait(60) for one in running]
    seen = [int(line) for line in trace.read_text().split()]
    assert seen == sorted(seen) and seen[-1] == 24
    assert len(seen) == statuses.count(0) and set(statuses) <= {0, 1}

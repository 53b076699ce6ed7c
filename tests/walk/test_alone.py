"""Who else is there: a second server on one data directory, and another program on the port."""

import subprocess
import sys

from tests.walk.books import check_closed
from tests.walk.load import BODY, post
from tests.walk.server import Running, courtyard, serving
from tests.walk.wire import CHAT


def _start_another(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "courtyard", "serve", "--model", "echo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _answers(server: Running) -> bool:
    return post(server, CHAT, BODY)[0] == 200


def test_a_second_server_on_a_data_directory_is_turned_away(tmp_path):
    """It says who is there and what to do, ends with 1, and the first one notices nothing; commands work beside it."""
    with serving(tmp_path / "data") as server:
        before = _answers(server)
        second = _start_another("--data-dir", str(server.data_dir), "--port", "0")
        after = _answers(server)
        listed = courtyard("keys", "list", data_dir=server.data_dir)
        stopped = server.stop()
    with serving(tmp_path / "data") as again:
        lock_is_free = _answers(again)
    check_closed(server.data_dir)

    assert second.returncode == 1
    assert second.stdout == ""
    assert f"process {server.process.pid} already serves" in second.stderr
    assert "choose another --data-dir" in second.stderr
    assert "Traceback" not in second.stderr
    assert (before, after, lock_is_free) == (True, True, True)
    assert (listed.returncode, stopped) == (0, 0)


def test_a_port_that_is_taken_is_said_before_anything_is_done(tmp_path):
    """One line that names the port, and exit status 1."""
    with serving(tmp_path / "data") as server:
        port = str(server.address[1])
        second = _start_another("--data-dir", str(tmp_path / "other"), "--port", port)
        served_on = _answers(server)

    assert second.returncode == 1
    assert f"port {port} on 127.0.0.1 can't be had" in second.stderr
    assert "choose another --port" in second.stderr
    assert "Traceback" not in second.stderr
    assert served_on

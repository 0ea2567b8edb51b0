"""slowhttptest, the standard attack with slow clients, and a client beside it that is quick."""

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from server.service import Service
from tests.server.serving import (
    config_for,
    encoded,
    listening,
    plain,
    post_head,
    read_answer,
    wait_until,
)

IMAGE = encoded(plain(20, 20, (40, 40, 40)))
ATTACKS = {
    "slow headers": ("-H", "-u", "/livez"),
    "slow bodies": ("-B", "-u", "/v1/predict", "-t", "POST", "-f", "image/png"),
    "slow readers": ("-X", "-u", "/openapi.json", "-w", "1", "-y", "2", "-z", "1", "-k", "3"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_slow_clients_do_not_shut_out_a_quick_one(name: str, folder: Path, tmp_path: Path) -> None:
    tool = shutil.which("slowhttptest")
    if tool is None:
        pytest.skip("slowhttptest is not installed (apt-get install slowhttptest)")
    service = Service(config_for(folder, max_connections=60, max_queue=8))
    with listening(service) as port:
        url_at = ATTACKS[name].index("-u") + 1
        arguments = list(ATTACKS[name])
        arguments[url_at] = f"http://127.0.0.1:{port}{arguments[url_at]}"
        attack = subprocess.Popen(
            [tool, *arguments, *("-c", "200", "-r", "200", "-i", "1", "-l", "4", "-p", "3")],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: b"anyres_connections 0.0" not in service.telemetry.text())
            answered = 0
            while attack.poll() is None:
                with socket.create_connection(("127.0.0.1", port), timeout=60) as quick:
                    quick.sendall(post_head(len(IMAGE)) + IMAGE)
                    assert read_answer(quick)[0] == 200
                answered += 1
        finally:
            attack.kill()
            attack.wait(10)
        assert answered >= 1
        wait_until(lambda: b"anyres_connections 0.0" in service.telemetry.text())
    assert service.arriving.num_bytes == service.admission.num_requests == 0

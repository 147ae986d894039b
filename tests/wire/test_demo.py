"""The whole chain on a sample of households: files, store, model, server and client as real processes."""

import json
import socket
import subprocess
import sys


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_demo_goes_from_real_data_to_ranked_actions(tmp_path):
    command = [sys.executable, "-m", "engine.cli", "demo", "--households", "300"]
    places = ["--state", str(tmp_path), "--port", str(free_port())]

    done = subprocess.run([*command, *places], capture_output=True, text=True, timeout=240, check=False)

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["customers"] == 300
    assert answer["decisions"] == 500
    assert answer["auc_later"] > 0.6
    assert answer["parity"] <= 1e-6
    assert "held back" in done.stdout

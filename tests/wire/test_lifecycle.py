"""Starting, reloading and stopping, with real processes."""

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from nba.v1 import decision_pb2

from engine.journal.reading import read
from models import RESPONSE, Registry
from tests.unit.artefacts import a_manifest, a_model, placed, trees
from tests.wire.conftest import Served, a_request, listening, serving
from tests.wire.test_hostile import refusal


def spoiled(bundle, directory):
    if bundle != directory:
        shutil.copytree(bundle, directory)
    (directory / "policies.yaml").write_text("eligibility:\n  - {name: bad, when: customer.agee > 3}\n")
    return directory


def workers_of(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(c) for c in children if "spawn_main" in Path(f"/proc/{c}/cmdline").read_text()]


def versions(server, calls=12):
    found = set()
    for _ in range(calls):
        with server.connect() as channel:
            stub = type(server.decisions)(channel)
            found.add(stub.Decide(a_request(), timeout=10, wait_for_ready=True).snapshot_version)
    return found


def eventually(check, seconds=30):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if check():
            return True
        time.sleep(0.1)
    return False


def test_a_faulty_bundle_is_refused_before_anything_starts(bundle, tmp_path):
    server = Served(spoiled(bundle, tmp_path / "bad"), tmp_path / "state", out=subprocess.PIPE)

    words, _ = server.process.communicate(timeout=60)

    assert server.process.returncode == 1
    assert "policies.yaml:2:" in words
    assert "did you mean 'customer.age'" in words


def test_health_and_reflection_answer_as_everywhere(served):
    health = health_pb2_grpc.HealthStub(served.channel)
    listed = reflection_pb2_grpc.ServerReflectionStub(served.channel)
    question = reflection_pb2.ServerReflectionRequest(list_services="")

    names = ["", "nba.v1.DecisionService", "nba.v1.InteractionService", "nba.v1.CustomerService"]
    found = [health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10).status for name in names]
    (reply,) = listed.ServerReflectionInfo(iter([question]), timeout=10)

    assert found == [health_pb2.HealthCheckResponse.SERVING] * 4
    assert set(names[1:]) <= {service.name for service in reply.list_services_response.service}


def test_limits_are_the_configurations(bundle, tmp_path):
    config = tmp_path / "server.yaml"
    config.write_text("limits: {channels: 1}")
    two = [decision_pb2.ChannelRequest(channel=channel) for channel in ("email", "web")]

    with serving(bundle, tmp_path / "state", config=config) as server:
        assert refusal(server.decisions.Decide, a_request(channels=two)).field == "channels"


def test_a_faulty_configuration_is_refused_with_its_place(bundle, tmp_path):
    config = tmp_path / "server.yaml"
    config.write_text("limits:\n  chanels: 1\n  ranked: lots\n")
    server = Served(bundle, tmp_path / "state", out=subprocess.PIPE, config=config)

    words, _ = server.process.communicate(timeout=60)

    assert server.process.returncode == 1
    assert "server.yaml:2:12: unknown key 'chanels'; did you mean 'channels'?" in words
    assert "server.yaml:3:11: ranked must be a whole number" in words


def test_a_second_server_on_the_same_port_is_refused(bundle, tmp_path):
    with serving(bundle, tmp_path / "one") as first:
        second = Served(bundle, tmp_path / "two", port=first.port, out=subprocess.PIPE)
        words, _ = second.process.communicate(timeout=60)

    assert second.process.returncode == 1
    assert "is another server there?" in words


def test_every_call_begun_before_the_stop_is_answered(bundle, tmp_path):
    with serving(bundle, tmp_path, workers=2) as server:
        began, stopped = [], threading.Event()

        def call():
            with server.connect() as channel:
                stub = type(server.decisions)(channel)
                while not stopped.is_set():
                    at = time.monotonic()
                    try:
                        stub.Decide(a_request(), timeout=10)
                        began.append((at, None))
                    except grpc.RpcError as error:
                        began.append((at, error.code()))
                        return

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        told = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        code = server.process.wait(30)
        stopped.set()
        for thread in threads:
            thread.join(15)

    assert code == 0
    assert len(began) > 100
    assert [status for at, status in began if at < told and status is not None] == []


def test_a_reload_reaches_every_worker_and_a_faulty_one_changes_nothing(bundle, tmp_path):
    own = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    with serving(own, tmp_path / "state", workers=2) as server:
        before = versions(server)
        (own / "arbitration.yaml").write_text("levers: {cards: 2.0}\n")
        server.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: versions(server).isdisjoint(before))
        after = versions(server)
        spoiled(own, own)
        server.process.send_signal(signal.SIGHUP)
        time.sleep(1)

        assert len(before) == len(after) == 1
        assert versions(server) == after


def sizes_of(journal):
    """Of the workers' segments; the learner's begins with 9."""
    return [file.stat().st_size for file in journal.glob("0*.seg")]


def test_a_hostile_model_changes_nothing_and_a_good_one_is_taken(bundle, tmp_path):
    models = tmp_path / "models"
    with serving(bundle, tmp_path, workers=2) as server:
        (first_day,) = versions(server)
        placed(models, a_model(trees(2, nodes_featureids=[0, 10**6])))
        server.process.send_signal(signal.SIGHUP)
        time.sleep(2)
        assert versions(server) == {first_day}

        model = a_model().SerializeToString()
        Registry(models).save(model, a_manifest(model))
        server.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: first_day not in versions(server))
        (good,) = versions(server)

        (models / RESPONSE / a_manifest(model).version / "model.onnx").write_bytes(model[:100])
        server.process.send_signal(signal.SIGHUP)
        time.sleep(2)
        assert versions(server) == {good}

        shutil.rmtree(models / RESPONSE)
        server.process.send_signal(signal.SIGHUP)
        time.sleep(2)
        assert versions(server) == {good}


def test_two_workers_share_one_port(bundle, tmp_path):
    with serving(bundle, tmp_path, workers=2) as server:
        asked = eventually(lambda: versions(server, 20) and sum(map(bool, sizes_of(tmp_path / "journal"))) == 2)

    assert len(sizes_of(tmp_path / "journal")) == 2
    assert asked  # on a busy machine the second worker comes later than the first


def test_a_killed_worker_is_replaced_and_no_decision_it_gave_is_lost(bundle, tmp_path):
    with serving(bundle, tmp_path) as server:
        for _ in range(20):
            server.decisions.Decide(a_request(), timeout=10)
        worker, learner = workers_of(server.process.pid)
        os.kill(worker, signal.SIGKILL)
        assert eventually(lambda: len({*workers_of(server.process.pid)} - {worker, learner}) == 1)
        assert versions(server, 1)

    assert len(list(read(tmp_path / "journal"))) == 21


def test_a_worker_that_replaces_a_dead_one_serves_what_the_others_serve_whatever_lies_there(bundle, tmp_path):
    own = Path(shutil.copytree(bundle, tmp_path / "own"))
    with serving(own, tmp_path / "state", workers=2) as server:
        before = versions(server)
        (own / "arbitration.yaml").write_text("levers: {cards: 2.0}\n")  # good, but nobody has asked for it
        spoiled(own, own)
        died, other, _ = workers_of(server.process.pid)
        os.kill(died, signal.SIGKILL)

        assert eventually(lambda: len({*workers_of(server.process.pid)} - {died, other}) == 2)
        assert eventually(lambda: listening(server.port) == 2)
        assert versions(server) == before


def test_a_worker_waits_for_a_model_that_is_gone_and_a_stop_is_heard_meanwhile(bundle, tmp_path):
    model = a_model().SerializeToString()
    Registry(tmp_path / "models").save(model, a_manifest(model))
    with serving(bundle, tmp_path, workers=2) as server:
        shutil.move(tmp_path / "models", tmp_path / "gone")
        os.kill(workers_of(server.process.pid)[0], signal.SIGKILL)
        time.sleep(3)  # five restarts in vain took two seconds
        assert versions(server, 4)
        assert listening(server.port) == 1

        shutil.move(tmp_path / "gone", tmp_path / "models")
        assert eventually(lambda: listening(server.port) == 2)

        shutil.move(tmp_path / "models", tmp_path / "gone")
        os.kill(workers_of(server.process.pid)[0], signal.SIGKILL)
        time.sleep(2)
        assert server.stop() == 0


@pytest.mark.parametrize("after_s", [0.0, 0.5, 1.0])
def test_a_stop_while_starting_is_clean(bundle, tmp_path, after_s):
    server = Served(bundle, tmp_path)
    time.sleep(after_s)
    assert server.stop() in (0, -signal.SIGTERM)

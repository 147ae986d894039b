"""What may be loaded, and that the rest is refused in time and space."""

import json
import re
import subprocess
import sys

import numpy as np
import onnx
import pytest
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from models import RESPONSE, ModelError, Registry
from models.artefact import ALLOWED, admit
from models.export import OPERATORS
from tests.unit.artefacts import a_manifest, a_model, placed, tensor, trees
from tests.unit.hostile_models import HOSTILE

LOAD = r"""
import json, re, sys, time
from pathlib import Path
from models import RESPONSE, ModelError, Registry

for place in sys.argv[1:]:
    start = time.perf_counter()
    try:
        Registry(Path(place)).load(RESPONSE)
        said = "loaded"
    except ModelError as error:
        said = f"refused: {error}"
    # The high-water mark of this program; getrusage would say that of the one that started it.
    peak_mb = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
    print(json.dumps([said, time.perf_counter() - start, peak_mb]), flush=True)
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Every hostile artefact, loaded by one process that is not this one: (words, seconds, peak megabytes)."""
    home = tmp_path_factory.mktemp("hostile")
    places = [home / f"{index}" for index in range(len(HOSTILE))]
    for place, hostile in zip(places, HOSTILE.values(), strict=True):
        hostile.lay(place)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *map(str, places)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return dict(zip(HOSTILE, lines, strict=True))


def test_there_are_more_than_forty_hostile_artefacts():
    assert len(HOSTILE) >= 40


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_artefact_is_refused_within_two_seconds_and_256_megabytes(loaded, name):
    said, seconds, peak_mb = loaded[name]

    assert said.startswith("refused: ")
    assert seconds < 2
    assert peak_mb < 256


@pytest.mark.parametrize("name", HOSTILE)
def test_the_refusal_says_what_is_wrong(loaded, name):
    assert re.search(HOSTILE[name].says, loaded[name][0])


def admitted(model):
    data = model.SerializeToString()
    return admit(a_manifest(data), data)


def test_what_the_hostile_ones_are_made_from_is_good(tmp_path):
    placed(tmp_path, a_model())

    assert Registry(tmp_path).load(RESPONSE)[0].name == RESPONSE


def test_a_producers_name_does_not_make_the_runtime_read_another_format():
    model = a_model()
    model.producer_name = "ORTM"

    assert model.SerializeToString()[4:8] == b"ORTM"
    assert admitted(model).score(np.zeros((3, 2), np.float32)).shape == (3,)


def test_sets_of_members_and_a_mark_for_what_is_missing_are_no_weights_that_are_nan():
    modes = tensor(np.array([0, 6, 6], np.uint8))
    ensemble = trees(3, nodes_modes=modes, membership_values=tensor([1.0, 2.0, np.nan, 4.0, np.nan]))
    marked = [
        helper.make_node("IsNaN", ["features"], ["unknown"]),
        helper.make_node("Where", ["unknown", "missing", "features"], ["known"]),
    ]
    weights = [tensor(np.float32(np.nan), "missing")]

    assert admitted(a_model(ensemble, marked, weights)).score(np.zeros((1, 2), np.float32)).shape == (1,)


def test_a_threshold_may_be_infinite():
    assert admitted(a_model(trees(2, nodes_splits=tensor([np.inf, 0.0])))).score(
        np.zeros((1, 2), np.float32)
    ).shape == (1,)


def test_a_small_network_with_a_mark_for_what_is_missing_may_serve():
    weights = [
        tensor(np.float32(0), "zero"),
        tensor(np.ones((2, 8), np.float32), "w1"),
        tensor(np.ones((9, 1), np.float32), "w2"),
        tensor([0], "first"),
    ]
    nodes = [
        helper.make_node("IsNaN", ["features"], ["unknown"]),
        helper.make_node("Where", ["unknown", "zero", "features"], ["known"]),
        helper.make_node("MatMul", ["known", "w1"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node("Gather", ["known", "first"], ["age"], axis=1),
        helper.make_node("Concat", ["active", "age"], ["wider"], axis=1),
        helper.make_node("MatMul", ["wider", "w2"], ["sum"]),
        helper.make_node("Sigmoid", ["sum"], ["other"]),
    ]

    assert admitted(a_model(before=nodes, weights=weights)).score(np.ones((2, 2), np.float32)).shape == (2,)


VALUES = {
    FieldDescriptor.TYPE_INT32: st.sampled_from([-1, 0, 1, 2, 7, 9, 11, 2**31 - 1]),
    FieldDescriptor.TYPE_INT64: st.sampled_from([-(2**63), -1, 0, 1, 2, 3, 64, 2**31, 2**63 - 1]),
    FieldDescriptor.TYPE_STRING: st.sampled_from(["", "features", "wide", "chance", "to", "Abs", "MatMul", "Concat"]),
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=40),
}


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_model_changed_anywhere_is_admitted_or_refused_and_nothing_else_happens(data):
    model = a_model(trees(4))
    for _ in range(data.draw(st.integers(1, 3))):
        disturb(data, model)

    try:
        scorer = admitted(model)
    except ModelError:
        return
    assert scorer.score(np.zeros((2, 2), np.float32)).shape == (2,)


def messages(message):
    yield message
    for field, content in message.ListFields():
        if field.message_type:
            for inner in content if field.is_repeated else [content]:
                yield from messages(inner)


def disturb(data, model):
    """Clear a field somewhere, or put another number, name or bytes there."""
    message = data.draw(st.sampled_from([found for found in messages(model) if found.ListFields()]))
    field, content = data.draw(st.sampled_from(message.ListFields()))
    if field.type not in VALUES or data.draw(st.booleans()):
        message.ClearField(field.name)
    elif field.is_repeated:
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(VALUES[field.type])
    else:
        setattr(message, field.name, data.draw(VALUES[field.type]))


def test_types_that_the_runtime_does_not_know_are_refused():
    model = a_model()
    model.graph.node[0].attribute[0].i = TensorProto.COMPLEX128

    with pytest.raises(ModelError, match="is refused"):
        admitted(model)


def test_the_model_is_not_run_before_its_digest_is_right():
    with pytest.raises(ModelError, match="not the file of digest"):
        admit(a_manifest(b"another"), onnx.ModelProto().SerializeToString())


def test_whatever_the_exporters_write_may_be_loaded():
    assert set(OPERATORS) <= ALLOWED

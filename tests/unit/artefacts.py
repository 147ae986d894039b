"""Good artefacts for the tests: a small model of our own form, and its manifest."""

import hashlib

import msgspec
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models import RESPONSE, Feature, FeatureSpec, Manifest
from models.artefact import to_json

SPEC = FeatureSpec((Feature("customer.age"), Feature("action.group", "categorical", ("cards", "loans"))))
OPSETS = {"": 21, "ai.onnx.ml": 5}


def a_manifest(model, **changes):
    digest = hashlib.sha256(model).hexdigest()
    spec = changes.get("spec", SPEC)
    facts = {
        "name": RESPONSE, "version": digest[:12], "digest": digest, "spec": spec, "fingerprint": spec.fingerprint,
        "ranges": {}, "outcome": "redemption", "window": (1, 2), "base_rate": 0.1, "data_digest": "0" * 64,
        "libraries": {"numpy": "2.0"}, "metrics": {}, "calibration": "none", "parent": None,
    }  # fmt: skip
    return Manifest(**{**facts, **changes})


def facts_of(model, **changes):
    """What `manifest.json` says, as plain values; changes need not be well-formed."""
    return {**msgspec.json.decode(to_json(a_manifest(model))), **changes}


def value(name, kind=TensorProto.FLOAT, shape=(None, 2)):
    return helper.make_tensor_value_info(name, kind, shape)


def tensor(values, name=""):
    return numpy_helper.from_array(np.asarray(values), name)


def a_graph(nodes, weights=(), inputs=None, outputs=None, opsets=None):
    graph = helper.make_graph(
        nodes, "graph", inputs or [value("features")], outputs or [value("chance", shape=(None, 1))], list(weights)
    )
    made = helper.make_model(graph, ir_version=10)
    del made.opset_import[:]
    made.opset_import.extend(helper.make_opsetid(*opset) for opset in (opsets or OPSETS).items())
    return made


def trees(count=1, **changes):
    """A TreeEnsemble of one chain: each node has a leaf on the true side and the next node on the other."""
    last = np.arange(count) == count - 1
    lists = {
        "n_targets": 1, "aggregate_function": 1, "post_transform": 0, "tree_roots": [0],
        "nodes_featureids": [0] * count, "nodes_modes": tensor(np.zeros(count, np.uint8)),
        "nodes_splits": tensor(np.zeros(count)), "nodes_missing_value_tracks_true": [1] * count,
        "nodes_truenodeids": [0] * count, "nodes_trueleafs": [1] * count,
        "nodes_falsenodeids": np.where(last, 1, np.arange(count) + 1).tolist(),
        "nodes_falseleafs": last.astype(int).tolist(),
        "leaf_targetids": [0, 0], "leaf_weights": tensor([-1.0, 1.0]),
    }  # fmt: skip
    kept = {name: content for name, content in {**lists, **changes}.items() if content is not None}
    return helper.make_node("TreeEnsemble", ["wide"], ["margin"], domain="ai.onnx.ml", **kept)


def a_model(ensemble=None, before=(), weights=()):
    """The form that the exporter writes: cast, trees, sigmoid, cast."""
    nodes = [
        *before,
        helper.make_node("Cast", ["features"], ["wide"], to=TensorProto.DOUBLE),
        ensemble or trees(3),
        helper.make_node("Sigmoid", ["margin"], ["wide_chance"]),
        helper.make_node("Cast", ["wide_chance"], ["chance"], to=TensorProto.FLOAT),
    ]
    return a_graph(nodes, weights)


def placed(directory, model, facts=None):
    """Lay an artefact down without asking anybody, and put it in force; returns its directory."""
    data = model.SerializeToString() if isinstance(model, onnx.ModelProto) else model
    place = directory / RESPONSE / hashlib.sha256(data).hexdigest()[:12]
    place.mkdir(parents=True)
    (place / "model.onnx").write_bytes(data)
    (place / "manifest.json").write_bytes(msgspec.json.encode(facts_of(data) if facts is None else facts))
    (directory / RESPONSE / "latest").write_text(place.name)
    return place

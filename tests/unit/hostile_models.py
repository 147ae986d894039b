"""Hostile artefacts, made: each lays down a registry whose model must not serve, and knows the words of its refusal."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from onnx import AttributeProto, TensorProto, helper

from tests.unit.artefacts import OPSETS, a_graph, a_model, facts_of, placed, tensor, trees, value

HUGE = 2**31 // 4  # float32 elements of 2 GB


class Hostile(NamedTuple):
    """What is laid down in a directory, and what the refusal says."""

    lay: Callable[[Path], object]
    says: str


def model(made, says):
    return Hostile(lambda directory: placed(directory, made() if callable(made) else made), says)


def manifest(says, **changes):
    return Hostile(lambda directory: placed(directory, a_model(), facts_of(GOOD, **changes)), says)


def spoiled(spoil, says):
    return Hostile(lambda directory: spoil(placed(directory, a_model())), says)


GOOD = a_model().SerializeToString()
node = helper.make_node


# -- files and paths ----------------------------------------------------------------------------------------------


def replaced_by(make, name="model.onnx"):
    def spoil(place):
        (place / name).unlink()
        make(place / name)

    return spoil


def two_gigabytes(path):
    with path.open("wb") as file:
        file.truncate(2 << 30)  # takes no room on the disk


def moved_out(place, part):
    """The directory lies outside and a link leads there."""
    outside = place.parent.parent.parent / f"outside-{place.parent.parent.name}"
    part.rename(outside)
    part.symlink_to(outside)


def circle(place):
    (place / "model.onnx").unlink()
    (place / "manifest.json").unlink()
    place.rmdir()
    place.symlink_to(place)


def pointing(text):
    return lambda place: (place.parent / "latest").write_text(text)


def text_of(content):
    return lambda place: (place / "manifest.json").write_bytes(content)


def without(name):
    facts = facts_of(GOOD)
    facts.pop(name)
    return json.dumps(facts).encode()


FILES = {
    "no model": spoiled(replaced_by(lambda path: None), "cannot be read"),
    "model is a directory": spoiled(replaced_by(Path.mkdir), "cannot be read: Is a directory"),
    "model is a pipe": spoiled(replaced_by(os.mkfifo), "no plain file"),
    "model is an endless device": spoiled(replaced_by(lambda path: path.symlink_to("/dev/zero")), "cannot be read"),
    "model is a link to a secret": spoiled(replaced_by(lambda path: path.symlink_to("/etc/passwd")), "cannot be read"),
    "model of 2 GB": spoiled(replaced_by(two_gigabytes), "at most 16,777,216 bytes"),
    "manifest is a pipe": spoiled(replaced_by(os.mkfifo, "manifest.json"), "no plain file"),
    "manifest of 2 GB": spoiled(replaced_by(two_gigabytes, "manifest.json"), "at most 1,048,576 bytes"),
    "no manifest": spoiled(replaced_by(lambda path: None, "manifest.json"), "cannot be read"),
    "wrong digest": spoiled(lambda place: (place / "model.onnx").write_bytes(GOOD + b"x"), "not the file of digest"),
    "latest leads out": spoiled(pointing("../../../etc"), "is no name"),
    "latest is a path": spoiled(pointing("/etc"), "is no name"),
    "latest holds a zero byte": spoiled(pointing("a\0b"), "is no name"),
    "latest is long": spoiled(pointing("a" * 100_000), "at most 64 bytes"),
    "latest names nothing": spoiled(pointing("0" * 12), "cannot be read"),
    "version is a link": spoiled(lambda place: moved_out(place, place), "is a link"),
    "name is a link": spoiled(lambda place: moved_out(place, place.parent), "is a link"),
    "version is a circle of links": spoiled(circle, "is a link|cannot be read"),
    "manifest of another version": spoiled(
        lambda place: (place.rename(place.with_name("elsewhere")), pointing("elsewhere")(place)), "lies elsewhere"
    ),
    "manifest nested 100,000 deep": spoiled(text_of(b'{"spec": ' + b"[" * 100_000), "manifest.json: "),
    "manifest nested where it may be anything": spoiled(
        text_of(b'{"spec": {"features": [{"name": "a", "x": ' + b"[" * 100_000), "recursion"
    ),
    "manifest is no JSON": spoiled(text_of(b"\x80\x04pickle"), "manifest.json: "),
    "manifest is no UTF-8": spoiled(text_of(b'{"name": "\xff\xfe"}'), "manifest.json: "),
    "manifest without an outcome": spoiled(text_of(without("outcome")), "missing required field `outcome`"),
    "manifest of the first form": spoiled(
        text_of(
            b'{"name": "response", "digest": "0", "spec": "[]", "metrics": {}, "window": [1, 2], "base_rate": 0.1}'
        ),
        "`nba train` writes",
    ),
    "manifest with an unknown field": manifest("unknown field `exec`", exec="rm -rf /"),
    "manifest with a text for a number": manifest(r"`float`, got `str` - at `\$.base_rate`", base_rate="high"),
    "manifest with a share above one": manifest(r"at `\$.base_rate`", base_rate=1.5),
    "manifest with a metric without interval": manifest("missing required field `low`", metrics={"auc": {"value": 1}}),
    "manifest with a metric that is no number": manifest(
        r"\$.metrics", metrics={"auc": {"value": None, "low": None, "high": None}}
    ),
    "manifest whose name leads out": manifest(r"at `\$.name`", name="../../etc"),
    "manifest whose parent leads out": manifest(r"at `\$.parent`", parent="../x"),
    "manifest of another name": manifest("lies elsewhere", name="another"),
    "version not of the digest": manifest("not the start of digest", version="a" * 12),
    "fingerprint of other features": manifest("not those of fingerprint", fingerprint="0" * 64),
    "window upside down": manifest("ends before it starts", window=[2, 1]),
    "window beyond all calendars": manifest(r"at `\$.window", window=[0, 2**62]),
    "range upside down": manifest("upside down", ranges={"customer.age": [2, 1]}),
    "range of no feature": manifest("of no feature", ranges={"customer.secret": [1, 2]}),
    "features without end": manifest(
        "1 to 4,096 columns", spec={"features": [{"name": f"customer.a{i}"} for i in range(30_000)]}
    ),
    "the same feature twice": manifest(
        "declared twice", spec={"features": [{"name": "customer.a"}, {"name": "customer.a"}]}
    ),
    "one feature of a billion columns": manifest(
        "1 to 4,096 columns", spec={"features": [{"name": "customer.a", "kind": "embedding", "width": 10**9}]}
    ),
    "a feature of no kind": manifest("unknown kind", spec={"features": [{"name": "customer.a", "kind": "pickle"}]}),
    "no features": manifest("1 to 4,096 columns", spec={"features": []}),
}


# -- bytes that are no model --------------------------------------------------------------------------------------


def field(number, content):
    """A length-delimited field of protocol buffers."""
    size, head = len(content), bytes([number << 3 | 2])
    while size > 0x7F:
        head, size = head + bytes([size & 0x7F | 0x80]), size >> 7
    return head + bytes([size]) + content


def in_a_node(content):
    return field(7, field(1, content))  # model.graph.node


def nested(depth):
    content = b""
    for _ in range(depth):
        content = field(1, field(5, field(6, content)))  # graph.node.attribute.g
    return field(7, content)


BYTES = {
    "empty": model(b"", "IR version 0"),
    "truncated": model(GOOD[: len(GOOD) // 2], "damaged one"),
    "cut by one byte": model(GOOD[:-1], "damaged one"),
    "noise": model(np.random.default_rng(0).bytes(1 << 20), "damaged one"),
    "zeros": model(bytes(1 << 20), "damaged one"),
    "a pickle": model(pickle.dumps({"model": 1}), "damaged one"),
    "a zip": model(b"PK\x03\x04" + bytes(100), "damaged one"),
    "a field that ONNX does not know": model(GOOD + field(99 % 31 + 1, b"x" * 9), "damaged one"),
    "a number that never ends": model(b"\x08" + b"\xff" * (1 << 20), "damaged one"),
    "a length beyond the end": model(b"\x3a\xff\xff\xff\xff\x7f", "damaged one"),
    "8 million empty nodes": model(lambda: field(7, b"\x0a\x00" * 8_000_000), "takes more than a model may"),
    "8 million empty names": model(lambda: in_a_node(b"\x0a\x00" * 8_000_000), "takes more than a model may"),
    "16 million packed numbers": model(
        lambda: in_a_node(field(5, field(8, b"\x01" * 16_000_000))), "takes more than a model may"
    ),
    "8 million numbers": model(lambda: in_a_node(field(5, b"\x40\x01" * 8_000_000)), "takes more than a model may"),
    "numbers of two kinds by turns": model(
        lambda: in_a_node(field(5, b"\x40\x01\x3d0000" * 2_000_000)), "takes more than a model may"
    ),
    "graphs in graphs": model(lambda: nested(200), "takes more than a model may"),
}


# -- graphs -------------------------------------------------------------------------------------------------------


def changed(change):
    """Our own form, after a change in place."""

    def make():
        made = a_model()
        change(made)
        return made

    return make


def with_node(*nodes, weights=()):
    """Our own form, with nodes before it that nobody needs."""
    return lambda: a_model(before=nodes, weights=weights)


def external(stored):
    stored.ClearField("raw_data")
    stored.data_location = TensorProto.EXTERNAL
    stored.external_data.add(key="location", value="../../../../etc/passwd")
    return stored


def declared(dims, data_type=TensorProto.FLOAT, raw=b""):
    return TensorProto(name="w", dims=dims, data_type=data_type, raw_data=raw)


def carrying(attribute):
    """A Cast, which is allowed, with one more attribute."""

    def make():
        made = a_model()
        made.graph.node[0].attribute.append(attribute)
        return made

    return make


def a_graph_for_a_number(made):
    (only_one,) = made.graph.node[0].attribute
    only_one.CopyFrom(AttributeProto(name="to", type=AttributeProto.GRAPH, g=helper.make_graph([], "g", [], [])))


def a_function(made):
    made.functions.add(name="Cast", domain="", input=["x"], output=["y"])


def loop():
    body = helper.make_graph(
        [node("Identity", ["go"], ["on"])],
        "body",
        [value("i", TensorProto.INT64, ()), value("go", TensorProto.BOOL, ())],
        [value("on", TensorProto.BOOL, ())],
    )
    weights = [tensor(np.int64(2**62), "times"), tensor(np.bool_(True), "go0")]
    return a_model(before=[node("Loop", ["times", "go0"], [], body=body)], weights=weights)


def only(*nodes, weights=(), **parts):
    return lambda: a_graph(nodes, weights, **parts)


def sigmoid_of(name):
    return node("Sigmoid", [name], ["chance"])


def doubled(times):
    return [node("Concat", [f"x{at}", f"x{at}"], [f"x{at + 1}"], axis=1) for at in range(times)]


def many_weights(size):
    return tensor(np.zeros(size, np.float32), "w")


column = tensor(np.zeros((30_000, 1), np.float32), "w")
PAIR = tensor(np.full((2, 1), 0.5, np.float32), "w")

GRAPHS = {
    "external data in a weight": model(with_node(weights=[external(many_weights(4))]), "another file"),
    "external data in an attribute": model(
        lambda: a_model(trees(3, nodes_splits=external(tensor(np.zeros(3))))), "another file"
    ),
    "external location without the mark": model(
        changed(
            lambda made: (
                made.graph.initializer.append(external(many_weights(1)))
                or setattr(made.graph.initializer[0], "data_location", TensorProto.DEFAULT)
            )
        ),
        "another file",
    ),
    "custom operator": model(with_node(node("Shell", ["features"], ["y"], domain="evil")), "'evil.Shell'"),
    "operator of the runtime's own": model(
        with_node(node("FusedGemm", ["features"], ["y"], domain="com.microsoft")), "'com.microsoft.FusedGemm'"
    ),
    "an endless loop": model(loop, "'ai.onnx.Loop'"),
    "a branch": model(with_node(node("If", ["features"], ["y"])), "'ai.onnx.If'"),
    "chance": model(with_node(node("RandomNormal", [], ["y"], shape=[HUGE])), "'ai.onnx.RandomNormal'"),
    "2 GB made of a shape": model(
        with_node(node("ConstantOfShape", ["w"], ["y"]), weights=[tensor([HUGE], "w")]), "'ai.onnx.ConstantOfShape'"
    ),
    "2 GB made by expanding": model(
        with_node(node("Expand", ["features", "w"], ["y"]), weights=[tensor([HUGE, 2], "w")]), "'ai.onnx.Expand'"
    ),
    "a function with an allowed name": model(changed(a_function), "functions"),
    "training information": model(changed(lambda made: made.training_info.add()), "holds 'training_info'"),
    "a hidden graph": model(changed(lambda made: made.graph.node[0].attribute[0].g.node.add()), "holds 'g'"),
    "hidden graphs": model(changed(lambda made: made.graph.node[0].attribute[0].graphs.add()), "holds 'graphs'"),
    "hidden tensors": model(changed(lambda made: made.graph.node[0].attribute[0].tensors.add()), "holds 'tensors'"),
    "a graph for a number": model(changed(a_graph_for_a_number), "of another type"),
    "one attribute more": model(carrying(AttributeProto(name="evil", type=AttributeProto.INT, i=1)), "has attributes"),
    "one attribute twice": model(carrying(AttributeProto(name="to", type=AttributeProto.INT, i=1)), "has attributes"),
    "no attribute": model(changed(lambda made: made.graph.node[0].ClearField("attribute")), "has attributes"),
    "a sparse attribute": model(
        changed(lambda made: made.graph.node[0].attribute[0].sparse_tensor.dims.append(HUGE)), "holds 'sparse_tensor'"
    ),
    "an attribute from elsewhere": model(
        changed(lambda made: setattr(made.graph.node[0].attribute[0], "ref_attr_name", "y")), "holds 'ref_attr_name'"
    ),
    "a sparse weight": model(
        changed(lambda made: made.graph.sparse_initializer.add(dims=[HUGE])), "holds 'sparse_initializer'"
    ),
    "opset of the future": model(changed(lambda made: setattr(made.opset_import[0], "version", 99)), "'' 99"),
    "opset of the past": model(changed(lambda made: setattr(made.opset_import[0], "version", 6)), "'' 6"),
    "opset of nobody": model(lambda: a_graph(a_model().graph.node, opsets={**OPSETS, "evil": 1}), "'evil' 1"),
    "opset twice": model(changed(lambda made: made.opset_import.add(version=13)), "named twice"),
    "IR of the future": model(changed(lambda made: setattr(made, "ir_version", 99)), "IR version 99"),
    "another format under a producer's name": model(
        changed(lambda made: (setattr(made, "producer_name", "ORTM"), a_function(made))), "functions"
    ),
    "300 nodes": model(lambda: a_model(before=doubled(300)), "at most 256 may be"),
    "weight that says 2 GB": model(with_node(weights=[declared([HUGE])]), "4,194,304 elements"),
    "weight with a shape that overflows": model(with_node(weights=[declared([2**32, 2**32])]), "4,194,304 elements"),
    "weight of a negative size": model(with_node(weights=[declared([-1])]), "says it has shape"),
    "weight that holds less than it says": model(with_node(weights=[declared([9], raw=b"1234")]), "hold the 9"),
    "weight that ends within a number": model(with_node(weights=[declared([1], raw=b"12345")]), "does not hold the 1"),
    "weight that is written twice": model(
        with_node(weights=[TensorProto(name="w", dims=[2], data_type=1, raw_data=bytes(8), float_data=[1, 2])]),
        "holds 'float_data'",
    ),
    "weight of texts": model(
        with_node(weights=[TensorProto(name="w", dims=[1], data_type=TensorProto.STRING, string_data=[b"x"])]),
        "of type 8",
    ),
    "NaN weight": model(with_node(weights=[tensor(np.array([1, np.nan], np.float32), "w")]), "1 values"),
    "infinite weight": model(with_node(weights=[tensor(np.array([np.inf, 1]), "w")]), "1 values that are not finite"),
    "NaN threshold": model(lambda: a_model(trees(2, nodes_splits=tensor([np.nan, 1.0]))), "not finite"),
    "infinite leaf": model(lambda: a_model(trees(2, leaf_weights=tensor([np.inf, 1.0]))), "not finite"),
    "infinite member": model(
        lambda: a_model(trees(2, membership_values=tensor([np.inf, np.nan]))), "values that are not finite"
    ),
    "NaN leaf": model(lambda: a_model(trees(2, leaf_weights=tensor([np.nan, 1.0]))), "not finite"),
    "NaN that Add reads, too": model(
        with_node(
            node("IsNaN", ["features"], ["unknown"]),
            node("Where", ["unknown", "w", "features"], ["x"]),
            node("Add", ["x", "w"], ["y"]),
            weights=[tensor(np.float32(np.nan), "w")],
        ),
        "not finite",
    ),
    "a value made twice": model(with_node(node("Abs", ["features"], ["wide"])), "made twice"),
    "a circle of nodes": model(with_node(node("Abs", ["b"], ["a"]), node("Abs", ["a"], ["b"])), "before it is made"),
    "column plus row is a table": model(
        with_node(node("Add", ["w", "v"], ["table"]), weights=[column, tensor(np.zeros((1, 30_000), np.float32), "v")]),
        r"'table' of shape \[30000, 30000\]",
    ),
    "doubled 30 times": model(
        lambda: a_model(before=[node("Identity", ["features"], ["x0"]), *doubled(30)]), "may make 1,048,576 values"
    ),
    "doubled 200 times": model(
        lambda: a_model(before=[node("Identity", ["features"], ["x0"]), *doubled(200)]), "may make 1,048,576 values"
    ),
    "gathered without end": model(
        with_node(
            node("Gather", ["features", "at"], ["y"], axis=1), weights=[tensor(np.zeros(2_000_000, np.int32), "at")]
        ),
        "may make 1,048,576 values",
    ),
    "a column beyond the end": model(
        with_node(node("Gather", ["features", "at"], ["y"], axis=1), weights=[tensor([9], "at")]), "does not take"
    ),
    "columns that the data names": model(
        with_node(
            node("Cast", ["features"], ["at"], to=TensorProto.INT64), node("Gather", ["features", "at"], ["y"], axis=1)
        ),
        "does not take",
    ),
    "one row for all": model(
        with_node(node("Gather", ["features", "at"], ["y"], axis=0), weights=[tensor([0], "at")]), "does not take"
    ),
    "a product that takes hours": model(
        with_node(
            node("MatMul", ["w", "w"], ["y0"]),
            *(node("MatMul", ["w", f"y{at}"], [f"y{at + 1}"]) for at in range(200)),
            weights=[tensor(np.zeros((1_000, 1_000), np.float32), "w")],
        ),
        "multiplications",
    ),
    "a product of tables that do not fit": model(
        with_node(node("MatMul", ["features", "w"], ["y"]), weights=[column]), "no product of two tables"
    ),
    "a value that says 2 GB": model(
        changed(lambda made: made.graph.value_info.append(value("wide", TensorProto.DOUBLE, (HUGE, 2)))),
        "holds 'value_info'",
    ),
    "two inputs": model(changed(lambda made: made.graph.input.append(value("more"))), "one input"),
    "an input by another name": model(
        only(node("Sigmoid", ["secret"], ["y"]), sigmoid_of("y"), inputs=[value("secret")]), "not 'features'"
    ),
    "an input of another width": model(
        lambda: a_graph(a_model().graph.node, inputs=[value("features", shape=(None, 3))]), "one input"
    ),
    "a batch of one": model(
        lambda: a_graph(a_model().graph.node, inputs=[value("features", shape=(1, 2))]), "one input"
    ),
    "two outputs": model(changed(lambda made: made.graph.output.append(value("wide"))), "one output"),
    "an output of two columns": model(
        only(sigmoid_of("features"), outputs=[value("chance", shape=(None, 2))]), "one output"
    ),
    "an output that says one column": model(only(sigmoid_of("features")), "not one float for each"),
    "an output that is never made": model(only(node("Sigmoid", ["features"], ["y"])), "never made"),
    "an answer for 64 rows, always": model(
        only(
            node("IsNaN", ["features"], ["unknown"]),
            node("Where", ["unknown", "zero", "features"], ["known"]),
            node("MatMul", ["known", "w"], ["y"]),
            node("Sigmoid", ["y"], ["z"]),
            node("Mul", ["z", "ones"], ["chance"]),
            weights=[tensor(np.float32(0), "zero"), PAIR, tensor(np.ones((64, 1), np.float32), "ones")],
        ),
        "for 1 rows it answers 64",
    ),
}


# -- trees --------------------------------------------------------------------------------------------------------


def ensemble(says, count=3, **changes):
    return model(lambda: a_model(trees(count, **changes)), says)


TREES = {
    "a circle of tree nodes": ensemble("reached twice", nodes_falsenodeids=[1, 2, 0], nodes_falseleafs=[0, 0, 0]),
    "a tree node below itself": ensemble("reached twice", 1, nodes_falsenodeids=[0], nodes_falseleafs=[0]),
    "a circle beside the trees": ensemble("not reached", nodes_falsenodeids=[1, 2, 1], nodes_falseleafs=[1, 0, 0]),
    "a root in the middle": ensemble("reached twice", tree_roots=[0, 1]),
    "the same root twice": ensemble("reached twice", tree_roots=[0, 0]),
    "100,000 nodes one below the other": ensemble("within 1,024 levels", 100_000),
    "a feature out of range": ensemble("nodes_featureids .* nowhere: 1000000", nodes_featureids=[0, 1, 10**6]),
    "a negative feature": ensemble("nodes_featureids .* nowhere: -1", nodes_featureids=[0, 1, -1]),
    "a node out of range": ensemble("nodes_falsenodeids .* nowhere: 9", nodes_falsenodeids=[1, 9, 1]),
    "a leaf out of range": ensemble("nodes_truenodeids .* nowhere: 7", nodes_truenodeids=[0, 7, 0]),
    "a root out of range": ensemble("tree_roots .* nowhere", tree_roots=[3]),
    "a target out of range": ensemble("leaf_targetids .* nowhere", leaf_targetids=[0, 5]),
    "500 million targets": ensemble("may make 1,048,576 values", n_targets=2**29),
    "targets of no sense": ensemble("not one float", n_targets=0),
    "an aggregate of no meaning": ensemble("aggregate_function of", aggregate_function=9),
    "a mode of no meaning": ensemble("nodes_modes .* nowhere", nodes_modes=tensor(np.array([0, 0, 9], np.uint8))),
    "lists of other lengths": ensemble("other lengths", nodes_trueleafs=[1, 1]),
    "a list that is not there": ensemble("lacks one of its lists", nodes_falsenodeids=None),
    "fewer weights than leaves": ensemble("other lengths", leaf_weights=tensor([1.0])),
    "weights of another type": ensemble("another type", leaf_weights=tensor(np.array([1, 2], np.float32))),
    "membership without a set": ensemble("ask for membership", nodes_modes=tensor(np.array([0, 6, 0], np.uint8))),
    "sets that nobody asks for": ensemble("ask for membership", membership_values=tensor([1.0, np.nan])),
}


# -- well-formed, and wrong in use --------------------------------------------------------------------------------

ANSWERS = {
    "chances above one": model(
        only(
            node("IsNaN", ["features"], ["unknown"]),
            node("Where", ["unknown", "two", "two"], ["known"]),
            node("MatMul", ["known", "w"], ["chance"]),
            weights=[PAIR, tensor(np.float32(2), "two")],
        ),
        r"do not all lie in \[0, 1\]",
    ),
    "NaN for what is missing": model(
        only(node("MatMul", ["features", "w"], ["y"]), sigmoid_of("y"), weights=[PAIR]), r"do not all lie in \[0, 1\]"
    ),
}

HOSTILE = {**FILES, **BYTES, **GRAPHS, **TREES, **ANSWERS}

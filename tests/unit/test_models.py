"""The registry and what may be loaded from it."""

import subprocess
import sys

import lightgbm
import numpy as np
import pytest

from engine.serve.build import load_snapshot
from models import RESPONSE, Metric, ModelError, Registry, assemble
from models.export import export_lightgbm
from tests.unit.artefacts import SPEC, a_manifest


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 2)).astype(np.float32)
    features[0] = np.nan
    data = lightgbm.Dataset(features, (features[:, 1] > 0).astype(int))
    return export_lightgbm(lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, data, 3))


AUC = {"auc": Metric(0.8, 0.7, 0.9)}


def saved(directory, model):
    return directory / RESPONSE / Registry(directory).save(model, a_manifest(model, metrics=AUC))


def a_bundle(tmp_path, customer="{age: int}", policies="eligibility: [{name: adults, when: customer.age >= 18}]"):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "schema.yaml").write_text(f"customer: {customer}")
    (bundle / "channels.yaml").write_text("web: {direction: inbound}")
    (bundle / "actions.csv").write_text("action_key,objective,group,purposes,value\na,b,cards,d,1\n")
    (bundle / "policies.yaml").write_text(policies)
    return bundle


def test_a_saved_model_comes_back_with_its_manifest(tmp_path, model):
    saved(tmp_path, model)

    manifest, scorer = Registry(tmp_path).load(RESPONSE)

    assert manifest == a_manifest(model, metrics=AUC)
    assert scorer.score(np.zeros((2, 2), np.float32)).shape == (2,)


def test_a_model_that_reads_what_the_schema_has_not_is_refused(tmp_path, model):
    bundle = a_bundle(tmp_path, "{age: string}", "{}")
    saved(tmp_path / "models", model)

    with pytest.raises(ModelError, match=r"customer.age is string, not numeric"):
        load_snapshot(bundle, tmp_path / "models")


def test_a_scalar_holds_for_every_row_and_what_is_unseen_is_missing():
    columns = {"customer.age": 30, "action.group": np.array(["loans", "boats", None], object)}

    made = assemble(SPEC, columns, 3, now_ms=0)

    np.testing.assert_array_equal(made, np.array([[30, 1], [30, np.nan], [30, np.nan]], np.float32))
    assert np.isnan(assemble(SPEC, {}, 2, now_ms=0)).all()


def test_a_bundle_served_before_needs_no_parser(tmp_path):
    bundle = a_bundle(tmp_path)
    conditions = tmp_path / "state" / "conditions"
    before = load_snapshot(bundle, None, conditions)
    script = f"""
import sys
sys.modules["cel_expr_python"] = None
from pathlib import Path
from engine.serve.build import load_snapshot
print(load_snapshot(Path({str(bundle)!r}), None, Path({str(conditions)!r})).version)
"""

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == before.version


@pytest.mark.parametrize("damage", [b"", b"\xff", b"\x81\xa3abc\xc4\x01x", b"\x81\xa1\xff\xc4\x01x"])
def test_damaged_conditions_are_compiled_again(tmp_path, damage):
    bundle = a_bundle(tmp_path)
    conditions = tmp_path / "conditions"
    conditions.write_bytes(damage)

    assert load_snapshot(bundle, None, conditions).version == load_snapshot(bundle, None).version


def test_a_condition_of_which_a_bit_has_changed_is_compiled_again(tmp_path):
    bundle = a_bundle(tmp_path)
    conditions = tmp_path / "conditions"
    load_snapshot(bundle, None, conditions)
    good = conditions.read_bytes()

    for at in range(0, len(good), max(1, len(good) // 20)):  # 18 for 19, say: it would let through whom it must not
        conditions.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        load_snapshot(bundle, None, conditions)
        assert conditions.read_bytes() == good

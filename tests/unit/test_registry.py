"""Models on disk: what is there, which one is in force, what distinguishes two; and the way over MLflow."""

import json
import os
import subprocess
import sys

import msgspec
import pytest
from typer.testing import CliRunner

from engine.cli import app
from models import RESPONSE, Feature, FeatureSpec, Metric, ModelError, Registry
from models.artefact import Manifest, from_json, to_json
from models.differences import Difference, differences
from tests.unit.artefacts import SPEC, a_manifest, a_model, placed, trees

ONE, TWO = (a_model(trees(count)).SerializeToString() for count in (2, 3))


@pytest.fixture
def registry(tmp_path):
    """Two versions, the second in force."""
    made = Registry(tmp_path / "models")
    for model, auc in ((ONE, 0.8), (TWO, 0.9)):
        manifest = a_manifest(model, metrics={"auc": Metric(auc, auc - 0.1, auc + 0.05)})
        made.save(model, msgspec.structs.replace(manifest, parent=made.parent(RESPONSE, manifest.version)))
    return made


def version(model):
    return a_manifest(model).version


def test_a_model_replaces_the_one_in_force_and_names_it_as_its_parent(registry):
    assert registry.versions(RESPONSE) == [version(ONE), version(TWO)]
    assert registry.in_force(RESPONSE) == version(TWO)
    assert registry.manifest(RESPONSE, version(TWO)).parent == version(ONE)


def test_a_model_made_again_keeps_its_parent(registry):
    assert registry.parent(RESPONSE, version(TWO)) == version(ONE)


def test_an_unreadable_model_in_force_does_not_keep_a_new_one_out(registry):
    (registry.directory / RESPONSE / version(TWO) / "manifest.json").write_text("{}")

    assert registry.parent(RESPONSE, version(TWO)) is None
    assert registry.save(TWO, a_manifest(TWO)) == version(TWO)


def test_a_figure_that_is_no_number_is_not_registered(registry):
    with pytest.raises(ModelError, match=r"\$\.metrics"):
        registry.save(ONE, a_manifest(ONE, metrics={"auc": Metric(float("nan"), None, None)}))

    assert registry.in_force(RESPONSE) == version(TWO)


def test_a_model_that_would_be_refused_is_not_put_in_force(registry):
    hostile = a_model(trees(2, nodes_featureids=[0, 9])).SerializeToString()

    with pytest.raises(ModelError, match="points nowhere"):
        registry.save(hostile, a_manifest(hostile))

    assert registry.in_force(RESPONSE) == version(TWO)
    assert registry.versions(RESPONSE) == [version(ONE), version(TWO)]


def test_a_version_without_a_manifest_is_none(registry):
    (registry.directory / RESPONSE / version(ONE) / "manifest.json").unlink()

    assert registry.versions(RESPONSE) == [version(TWO)]


def test_an_earlier_version_can_be_loaded(registry):
    assert registry.load(RESPONSE, version(ONE))[0].version == version(ONE)


@pytest.mark.parametrize(
    ("reference", "model"), [("response", TWO), (f"response/{version(ONE)}", ONE), (version(ONE)[:6], ONE)]
)
def test_a_model_is_found_by_name_by_place_and_by_first_digits(registry, reference, model):
    assert registry.find(reference) == (RESPONSE, version(model))


@pytest.mark.parametrize("reference", ["", "nobody", "response/nothing", "../models"])
def test_what_means_no_single_model_is_said_with_what_there_is(registry, reference):
    with pytest.raises(ModelError, match=version(ONE)):
        registry.find(reference)


def test_a_manifest_comes_back_as_it_was_written():
    manifest = a_manifest(
        ONE, ranges={"customer.age": (18.0, 99.5)}, metrics={"rows": Metric(3.0, None, None)}, parent="abc"
    )

    assert from_json(to_json(manifest)) == manifest


@pytest.mark.parametrize("field", Manifest.__struct_fields__)
def test_a_manifest_lacks_no_field(field):
    facts = json.loads(to_json(a_manifest(ONE)))
    facts.pop(field)

    with pytest.raises(ModelError, match=f"missing required field `{field}`; `nba train`"):
        from_json(json.dumps(facts).encode())


@pytest.mark.parametrize("field", Manifest.__struct_fields__)
def test_a_field_of_another_type_is_named(field):
    facts = {**json.loads(to_json(a_manifest(ONE))), field: True}

    with pytest.raises(ModelError, match=rf"at `\$\.{field}`"):
        from_json(json.dumps(facts).encode())


def test_differences_name_what_came_went_and_changed():
    wider = FeatureSpec((SPEC.features[1], Feature("customer.tenure")))
    before, after = a_manifest(ONE), a_manifest(TWO, spec=wider, window=(1, 86_400_000), libraries={"numpy": "2.1"})

    found = {difference.what: difference for difference in differences(before, after)}

    assert found["features.customer.age"].after is None
    assert found["features.customer.tenure"].before is None
    assert found["window"] == Difference("window", "1970-01-01 to 1970-01-01", "1970-01-01 to 1970-01-02")
    assert found["features.customer.tenure"].after == "numeric"
    assert found["libraries.numpy"] == Difference("libraries.numpy", "2.0", "2.1")
    assert {"version", "digest", "fingerprint", "window"} < set(found)
    assert "features.action.group" not in found
    assert "outcome" not in found


def test_a_model_does_not_differ_from_itself():
    assert differences(a_manifest(ONE), a_manifest(ONE)) == []


def nba(*args):
    done = CliRunner().invoke(app, ["models", *map(str, args)])
    return done.exit_code, done.output


def test_list_says_which_version_is_in_force(registry):
    code, words = nba("list", "--state", registry.directory.parent)
    lines = words.splitlines()

    assert code == 0
    assert [version(ONE) in lines[1], "yes" in lines[1]] == [True, False]
    assert [version(TWO) in lines[2], "yes" in lines[2]] == [True, True]
    assert "auc 0.9 (0.8 to 0.95)" in lines[2]


def test_list_as_json_is_one_object_a_line(registry):
    _, words = nba("list", "--state", registry.directory.parent, "--json")
    first, second = map(json.loads, words.splitlines())

    assert (first["in_force"], second["in_force"]) == (False, True)
    assert second["metrics"]["auc"] == {"value": 0.9, "low": 0.8, "high": 0.9500000000000001}


def test_list_shows_a_manifest_that_cannot_be_read_with_the_reason_and_the_others_still(registry):
    (registry.directory / RESPONSE / version(TWO) / "manifest.json").write_text("{}")

    code, words = nba("list", "--state", registry.directory.parent, "--json")
    _, table = nba("list", "--state", registry.directory.parent)

    whole, broken = map(json.loads, words.splitlines())
    assert code == 1
    assert (whole["version"], whole["in_force"]) == (version(ONE), False)
    assert (broken["version"], broken["in_force"]) == (version(TWO), True)
    assert "manifest.json: Object missing required field" in broken["fault"]
    assert "missing required field" in " ".join(table.split())


@pytest.mark.parametrize(
    ("latest", "row", "in_force"), [("../etc", "latest", False), ("0123456789ab", "0123456789ab", True)]
)
def test_list_shows_what_latest_names_though_it_is_not_there(registry, latest, row, in_force):
    (registry.directory / RESPONSE / "latest").write_text(latest)

    code, words = nba("list", "--state", registry.directory.parent, "--json")

    lines = {line["version"]: line for line in map(json.loads, words.splitlines())}
    assert code == 1
    assert set(lines) == {version(ONE), version(TWO), row}
    assert lines[row]["in_force"] is in_force
    assert lines[row]["fault"]


def test_show_prints_the_manifest_whole(registry):
    state = registry.directory.parent

    _, words = nba("show", version(ONE)[:8], "--state", state)
    _, facts = nba("show", version(ONE)[:8], "--state", state, "--json")

    assert "features.action.group" in words
    assert from_json(facts.encode()) == registry.manifest(RESPONSE, version(ONE))


def test_diff_shows_both_sides(registry):
    _, words = nba("diff", version(ONE), version(TWO), "--state", registry.directory.parent)

    assert "0.8 (0.7 to 0.85)" in words
    assert "0.9 (0.8 to 0.95)" in words


@pytest.mark.parametrize("command", [("show", "nobody"), ("diff", "nobody", "nothing")])
def test_what_is_not_there_is_a_sentence_and_exit_1(registry, command):
    code, words = nba(*command, "--state", registry.directory.parent)

    assert code == 1
    assert "'nobody' means 0 models" in words


MLFLOW = {**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}


def apart(*args):
    """A command in a process of its own: MLflow reads the environment when it is imported."""
    asked = [sys.executable, "-m", "engine.cli", "models", *map(str, args)]
    return subprocess.run(asked, capture_output=True, text=True, env=MLFLOW, check=False)


def test_a_model_goes_to_mlflow_and_comes_back_the_same(registry, tmp_path):
    pytest.importorskip("mlflow")
    uri = (tmp_path / "mlflow").as_uri()

    for model in (ONE, TWO):
        published = apart("publish", version(model), "--uri", uri, "--state", tmp_path)
        assert published.returncode == 0, published.stderr
    last = apart("fetch", "--uri", uri, "--state", tmp_path / "other")
    first = apart("fetch", "response", "--version", 1, "--uri", uri, "--state", tmp_path / "another")

    assert (last.returncode, first.returncode) == (0, 0), last.stderr + first.stderr
    for place, model in (("other", TWO), ("another", ONE)):
        fetched = Registry(tmp_path / place / "models")
        assert fetched.read(RESPONSE) == registry.read(RESPONSE, version(model))


def test_what_mlflow_gives_is_checked_as_any_other(registry, tmp_path):
    pytest.importorskip("mlflow")
    store = tmp_path / "mlflow"
    apart("publish", "--uri", store.as_uri(), "--state", tmp_path)
    (stored,) = store.rglob("model.onnx")
    stored.write_bytes(ONE)

    done = apart("fetch", "--uri", store.as_uri(), "--state", tmp_path / "other")

    assert done.returncode == 1
    assert "not the file of digest" in done.stderr
    assert not Registry(tmp_path / "other" / "models").holds(RESPONSE)


def test_a_model_laid_down_by_hand_is_loaded_as_one_saved(tmp_path):
    place = placed(tmp_path, a_model(trees(2)))

    assert Registry(tmp_path).load(RESPONSE)[0] == msgspec.structs.replace(a_manifest(ONE), version=place.name)

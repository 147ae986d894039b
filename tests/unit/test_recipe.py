"""What the supervisor found good is what workers make, and nothing else."""

import msgspec
import pytest

from engine.decide.parts import NOTHING
from engine.serve.recipe import read_recipe, recipe_of, write_recipe
from engine.serve.settings import Settings, reloaded
from models import RESPONSE, ModelError, OnnxRows, Registry
from tests.unit.artefacts import a_manifest, a_model
from tests.wire.conftest import BUNDLE


@pytest.fixture
def server(tmp_path):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for name, text in BUNDLE.items():
        (bundle / name).write_text(text)
    model = a_model().SerializeToString()
    Registry(tmp_path / "state" / "models").save(model, a_manifest(model))
    return Settings(bundle, tmp_path / "state")


def followed(server):
    return server.in_force(NOTHING, lambda: None)


def test_a_worker_makes_what_is_in_force_and_not_what_lies_there(server):
    good = server.snapshot()
    server.put_in_force(good)
    (server.bundle / "arbitration.yaml").write_text("levers: {cards: 2.0}\n")
    (server.state / "models" / RESPONSE / "latest").write_text("another")

    assert followed(server).version == good.version


def test_a_faulty_bundle_leaves_in_force_what_is(server):
    good = server.snapshot()
    server.put_in_force(good)
    (server.bundle / "policies.yaml").write_text("eligibility: [{name: bad, when: customer.agee > 3}]")

    assert reloaded(good, server) is good
    assert followed(server).version == good.version


def test_a_worker_scores_in_the_way_that_was_found(server):
    recipe = recipe_of(server.snapshot())
    assert recipe.ways == {RESPONSE: ""}
    asked = Settings(server.bundle, server.state)
    write_recipe(msgspec.structs.replace(recipe, ways={RESPONSE: "slow here"}, version=""), asked.recipe)

    scorer = followed(asked).scoring.models[RESPONSE].scorer

    assert isinstance(scorer, OnnxRows)
    assert scorer.reason == "slow here"


def test_a_recipe_that_makes_something_else_is_refused(server):
    recipe = recipe_of(server.snapshot())
    write_recipe(msgspec.structs.replace(recipe, version="0" * 12), server.recipe)

    with pytest.raises(ModelError, match=f"came out as {recipe.version}"):
        followed(server)


@pytest.mark.parametrize("damage", [b"", b"\xff", b"\x80", b"\x81\xa5texts\x01", b"\x81\xa5texts\x81\xa1\xff\xa0"])
def test_a_damaged_recipe_is_refused_with_the_cure(server, damage):
    server.recipe.write_bytes(damage)

    with pytest.raises(ModelError, match="start the server again"):
        read_recipe(server.recipe)

"""From files to a snapshot."""

from pathlib import Path

from engine.decide.bundle import FILES, read_bundle
from engine.decide.snapshot import Snapshot, build_snapshot
from models import FeatureSpec, ModelError, PriorScorer, Registry

MODEL = "response"  # the name under which the model in force is registered
FIRST_DAY_RATE = 0.01  # with no model at all every row is equally likely; only value and lever then rank


def read_texts(directory: Path) -> dict[str, str]:
    """The bundle's files that exist, name -> content."""
    return {name: (directory / name).read_text() for name in FILES if (directory / name).is_file()}


def load_snapshot(bundle: Path, registry: Path | None) -> Snapshot:
    """Compile a bundle directory and the registry's latest model.

    Args:
        bundle: the bundle's directory.
        registry: the models' directory; None, or an empty one, serves the prior alone.

    Raises:
        BundleError: naming every fault.
        ModelError: when a model is there and does not fit.
    """
    texts = read_texts(bundle)
    prior = PriorScorer(FIRST_DAY_RATE)
    read = read_bundle(texts)
    if registry is None or not (registry / MODEL / "latest").exists():
        return build_snapshot(read, texts, FeatureSpec(()), (prior, prior), "prior")
    manifest, scorer = Registry(registry).load(MODEL)
    return build_snapshot(read, texts, manifest.spec, (scorer, PriorScorer(manifest.base_rate)), manifest.version)


__all__ = ["ModelError", "load_snapshot", "read_texts"]

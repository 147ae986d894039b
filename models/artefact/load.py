"""From files to a scorer that may serve, or to a refusal.

Whoever may write a model file must not be able to run code, read other files or exhaust the server that loads it.
"""

import hashlib
import os
import stat
from pathlib import Path

import numpy as np
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from models.artefact.graph import check_graph
from models.artefact.manifest import Manifest, from_json
from models.artefact.parse import MODEL_BYTES, parse
from models.artefact.shapes import ROWS
from models.errors import ModelError
from models.scorers import OnnxScorer
from models.spec import Float32Array

MODEL, MANIFEST = "model.onnx", "manifest.json"
MANIFEST_BYTES = 1 << 20
REFUSALS = (
    runtime.Fail, runtime.InvalidArgument, runtime.InvalidGraph, runtime.InvalidProtobuf, runtime.NoModel,
    runtime.NotImplemented, runtime.RuntimeException,
)  # fmt: skip


def read_artefact(place: Path) -> tuple[Manifest, bytes]:
    """Read both files of an artefact, bounded; the model is not looked into.

    Args:
        place: its directory.

    Raises:
        ModelError: when a file is missing, no plain file or too large, or the manifest is not well-formed.
    """
    return read_manifest(place), read_bounded(place / MODEL, MODEL_BYTES)


def read_manifest(place: Path) -> Manifest:
    """Read the manifest of an artefact alone; raises what `read_artefact` raises."""
    path = place / MANIFEST
    data = read_bounded(path, MANIFEST_BYTES)
    try:
        return from_json(data)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def admit(manifest: Manifest, model: bytes) -> OnnxScorer:
    """Check a model against its manifest, then start it and warm it up.

    Args:
        manifest: what it is said to be.
        model: `model.onnx`.

    Returns:
        a scorer that has answered 1 and 64 rows, missing values among them.

    Raises:
        ModelError: naming the first thing that does not fit; nothing of the model ran if it is about digest or content.
    """
    try:
        if hashlib.sha256(model).hexdigest() != manifest.digest:
            raise ModelError(f"it is not the file of digest {manifest.digest}")
        check_graph(parse(model), manifest.spec.width)
        scorer = OnnxScorer(model)
        _warm_up(scorer, _rows(manifest))
    except (ModelError, *REFUSALS) as error:
        where = f"{manifest.name}/{manifest.version}/{MODEL}"
        raise ModelError(f"{where} is refused: {error}; `nba train` makes one that fits") from error
    return scorer


def _rows(manifest: Manifest) -> Float32Array:
    """float32[64, F]: nothing known, zeros, the ends of the training ranges, and mixtures of them."""
    known = [manifest.ranges.get(feature.name, (0.0, 1.0)) for feature in manifest.spec.features]
    largest = float(np.finfo(np.float32).max)
    low, high = np.repeat(
        np.clip(known, -largest, largest).astype(np.float32), [f.width for f in manifest.spec.features], axis=0
    ).T
    ends = np.stack([np.full_like(low, np.nan), np.zeros_like(low), low, high])
    row, column = np.indices((ROWS, len(low)))
    # The first four rows are the ends themselves; below, each column takes another of them.
    return np.where(row < len(ends), ends[row % len(ends), column], ends[(row + column) % len(ends), column])


def _warm_up(scorer: OnnxScorer, rows: Float32Array) -> None:
    for size in (1, ROWS):
        chances = scorer.score(rows[:size])
        # A chance that is not a number is not in the interval either.
        if chances.shape != (size,) or not ((chances >= 0) & (chances <= 1)).all():
            raise ModelError(f"for {size} rows it answers {len(chances)} chances that do not all lie in [0, 1]")


def read_bounded(path: Path, limit: int) -> bytes:
    """A plain file's content.

    Args:
        path: of the file; a link is not followed.
        limit: bytes that it may have; looked at before anything is read.

    Raises:
        ModelError: when it cannot be read, is a link, a pipe, a device or a directory, or is larger.
    """
    try:
        # A pipe without a writer would keep the reader waiting for ever.
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(opened, "rb") as file:
            facts = os.fstat(opened)
            if not stat.S_ISREG(facts.st_mode) or facts.st_size > limit:
                raise ModelError(f"{path} is no plain file of at most {limit:,} bytes")
            return file.read(limit)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}; `nba train` writes a model") from error

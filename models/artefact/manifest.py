"""What a model is: the manifest beside `model.onnx`."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec

from models.errors import ModelError
from models.spec import FeatureSpec

VERSION_DIGITS = 12
COLUMNS = 4_096
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")  # and of a version: also a directory's name
PlainName = Annotated[str, msgspec.Meta(pattern=rf"\A{MODEL_NAME.pattern}\Z")]
Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Moment = Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800_000)]  # 1970 to 2100, in milliseconds


class Metric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure, and the interval that holds it with 95 % confidence; a count has none."""

    value: float
    low: float | None
    high: float | None

    def __str__(self) -> str:
        """`0.83 (0.81 to 0.85)`."""
        interval = "" if self.low is None or self.high is None else f" ({self.low:.4g} to {self.high:.4g})"
        return f"{self.value:.6g}{interval}"


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model is.

    Args:
        name: what it is registered as.
        version: the first 12 hex digits of the digest.
        digest: sha256 of `model.onnx`.
        spec: its features in order, F columns.
        fingerprint: of the spec.
        ranges: feature -> lowest and highest value in training, where it has them.
        outcome: what the propensity is the chance of.
        window: start and end of the training data, epoch milliseconds.
        base_rate: share of positives in the training data.
        data_digest: sha256 of the training rows.
        libraries: package -> version that made it.
        metrics: name -> figure on later data.
        calibration: how margins became chances; "none" when the model's own are taken.
        parent: the version in force before.

    Raises:
        ModelError: when the facts contradict each other.
    """

    name: PlainName
    version: PlainName
    digest: Digest
    spec: FeatureSpec
    fingerprint: Digest
    ranges: Mapping[str, tuple[float, float]]
    outcome: str
    window: tuple[Moment, Moment]
    base_rate: Share
    data_digest: Digest
    libraries: Mapping[str, str]
    metrics: Mapping[str, Metric]
    calibration: str
    parent: PlainName | None

    def __post_init__(self) -> None:
        """Contradictions are found here, for what is read and for what is made."""
        for fault in self._contradictions():
            raise ModelError(fault)

    def _contradictions(self) -> Iterator[str]:
        names = {feature.name for feature in self.spec.features}
        if self.version != self.digest[:VERSION_DIGITS]:
            yield f"version '{self.version}' is not the start of digest {self.digest}"
        if not 1 <= self.spec.width <= COLUMNS:
            yield f"a model reads 1 to {COLUMNS:,} columns; this one has {self.spec.width:,}"
        if self.fingerprint != self.spec.fingerprint:
            yield f"the features are not those of fingerprint {self.fingerprint}"
        if self.window[0] > self.window[1]:
            yield f"the training window ends before it starts: {self.window}"
        for name, (low, high) in self.ranges.items():
            if name not in names or low > high:
                yield f"range {low} to {high} of '{name}' is upside down, or of no feature"


def to_json(manifest: Manifest) -> bytes:
    """The manifest as `manifest.json` holds it."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def from_json(data: bytes) -> Manifest:
    """The manifest that `to_json` wrote.

    Raises:
        ModelError: naming the first field that is unknown, missing, of a wrong type, or contradicted.
    """
    try:
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise ModelError(f"{error}; `nba train` writes manifests of this form") from error

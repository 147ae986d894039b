"""Scorers: features to calibrated response chances."""

from typing import Protocol

import numpy as np
import onnxruntime

from models.spec import Float32Array


class Scorer(Protocol):
    """Turns features into calibrated response chances."""

    def score(self, features: Float32Array) -> Float32Array:
        """float32[N, F] -> float32[N], in [0, 1]."""
        ...


class PriorScorer:
    """The same chance for every row: the first day, and when time is short."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def score(self, features: Float32Array) -> Float32Array:
        """float32[N, F] -> float32[N]."""
        return np.full(len(features), self.rate, np.float32)


class OnnxScorer:
    """An ONNX model with one float32[N, F] input and one float32[N, 1] output, on one thread.

    Args:
        model: the serialised model.
    """

    def __init__(self, model: bytes) -> None:
        self.model = model
        self._session = session(model)

    def score(self, features: Float32Array) -> Float32Array:
        """float32[N, F] -> float32[N]; one call for all rows."""
        if not len(features):
            return np.zeros(0, np.float32)
        return np.asarray(self._session.run(None, {"features": features})[0], np.float32).reshape(-1)


def session(model: bytes) -> onnxruntime.InferenceSession:
    """A model made ready to run on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # A spinning thread takes the core from the gRPC threads beside it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Otherwise four bytes in the producer's name make the runtime read the file as another format.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.log_severity_level = 4  # what fails is raised; the runtime would say it a second time on stderr
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

"""Other runtimes of the same trees, one thread each, given a ready matrix; ours makes its features in its time."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import lightgbm
import llvmlite.binding as llvm
import numpy as np
import tl2cgen
import treelite
from numpy.typing import NDArray

from models import OnnxScorer
from models.spec import Float32Array

Predict = Callable[[Float32Array], Callable[[], NDArray[np.generic]]]  # prepares a matrix, outside the timer


def runtimes(booster: lightgbm.Booster, model: bytes, *, compiled: bool) -> Iterator[tuple[str, Predict]]:
    """Name and how to predict, of each.

    Args:
        booster: the trees.
        model: their export.
        compiled: also those that compile the trees, which takes them up to a minute.
    """
    onnx = OnnxScorer(model)
    yield "onnxruntime", lambda features: lambda: onnx.score(features)
    yield "lightgbm", lambda features: lambda: booster.predict(features, num_threads=1)
    if compiled:
        with tempfile.TemporaryDirectory() as place:
            text = Path(place) / "model.txt"
            booster.save_model(text)
            yield "tl2cgen", _tl2cgen(text)
            yield "lleaves", _lleaves(text)


def _tl2cgen(text: Path) -> Predict:
    library = text.with_name("model.so")
    tl2cgen.export_lib(
        treelite.frontend.load_lightgbm_model(text), toolchain="gcc", libpath=library, params={"parallel_comp": 0}
    )
    predictor = tl2cgen.Predictor(library, nthread=1)

    def prepare(features: Float32Array) -> Callable[[], NDArray[np.generic]]:
        matrix = tl2cgen.DMatrix(features)
        return lambda: predictor.predict(matrix)

    return prepare


def _lleaves(text: Path) -> Predict:
    from lleaves import Model, llvm_binding
    from lleaves.compiler import tree_compiler

    now = {"PassManagerBuilder": _Passes, "ModulePassManager": _Passes, "initialize": lambda: None}
    tree_compiler.llvm = llvm_binding.llvm = SimpleNamespace(**{**vars(llvm), **now})
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    model = Model(model_file=text)
    model.compile()

    def prepare(features: Float32Array) -> Callable[[], NDArray[np.generic]]:
        wide = features.astype(np.float64)  # the type it would copy to
        return lambda: model.predict(wide, n_jobs=1)

    return prepare


class _Passes:
    """The optimiser as lleaves 1.3 asks for it, made of the one that llvmlite has had since 0.45."""

    def populate(self, manager: object) -> None:
        """Nothing: the level is given when it runs."""

    def run(self, module: llvm.ModuleRef) -> None:
        """Optimise at level 3, which is what lleaves sets."""
        machine = llvm.Target.from_default_triple().create_target_machine(cpu=llvm.get_host_cpu_name(), opt=3)
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
        builder.getModulePassManager().run(module, builder)

"""MLflow's model registry as a place to share artefacts; needs the extra `mlflow`."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.artefact import MANIFEST, MODEL, Manifest, admit, read_artefact, to_json
from models.errors import ModelError

PLACE = "artefact"  # the directory among a run's files


class MlflowRegistry:
    """Artefacts as MLflow's registered models: it stores the two files and does not look into them.

    Args:
        uri: of the tracking server.

    Raises:
        ModelError: when MLflow is not installed, or does not know such an address.
    """

    def __init__(self, uri: str) -> None:
        try:
            from mlflow import MlflowClient, artifacts
            from mlflow.exceptions import MlflowException
        except ImportError as error:
            raise ModelError(
                "MLflow is not installed; install the extra: `pip install 'nba-engine[mlflow]'`"
            ) from error
        self._uri, self._refusal, self._artifacts = uri, MlflowException, artifacts
        with self._words():
            self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)

    def publish(self, manifest: Manifest, model: bytes) -> str:
        """Register an artefact as a new version of its name.

        Returns:
            MLflow's number of the version.

        Raises:
            ModelError: when loading would refuse the model, or MLflow does not take it.
        """
        admit(manifest, model)
        with self._words(), tempfile.TemporaryDirectory() as aside:
            (Path(aside) / MODEL).write_bytes(model)
            (Path(aside) / MANIFEST).write_bytes(to_json(manifest))
            known = self._client.get_experiment_by_name(manifest.name)
            experiment = known.experiment_id if known else self._client.create_experiment(manifest.name)
            run = self._client.create_run(experiment, run_name=manifest.version).info
            self._client.log_artifacts(run.run_id, aside, PLACE)
            for name, metric in manifest.metrics.items():
                self._client.log_metric(run.run_id, name, metric.value)
            self._client.set_terminated(run.run_id)
            return self._registered(manifest, run.run_id, f"{run.artifact_uri}/{PLACE}")

    def _registered(self, manifest: Manifest, run_id: str, source: str) -> str:
        if not self._client.search_registered_models(f"name='{manifest.name}'"):
            self._client.create_registered_model(manifest.name)
        tags = {"version": manifest.version, "digest": manifest.digest}
        return str(self._client.create_model_version(manifest.name, source, run_id, tags=tags).version)

    def fetch(self, name: str, number: str = "") -> tuple[Manifest, bytes]:
        """An artefact, through the same checks as any other.

        Args:
            name: of the model.
            number: MLflow's number of the version; the last one without.

        Raises:
            ModelError: when it is not there, or is refused.
        """
        with self._words(), tempfile.TemporaryDirectory() as aside:
            source = self._client.get_model_version_download_uri(name, number or self._last(name))
            for file in (MANIFEST, MODEL):
                self._artifacts.download_artifacts(f"{source}/{file}", dst_path=aside, tracking_uri=self._uri)
            manifest, model = read_artefact(Path(aside))
        if manifest.name != name:
            raise ModelError(f"{self._uri}: what is registered as '{name}' calls itself '{manifest.name}'")
        admit(manifest, model)
        return manifest, model

    def _last(self, name: str) -> str:
        numbers = [int(found.version) for found in self._client.search_model_versions(f"name='{name}'")]
        if not numbers:
            raise ModelError(f"{self._uri}: there is no model '{name}'; `nba models publish` puts one there")
        return str(max(numbers))

    @contextmanager
    def _words(self) -> Iterator[None]:
        """What MLflow refuses, as ours."""
        try:
            yield
        except self._refusal as error:
            raise ModelError(f"{self._uri}: MLflow refuses: {error}") from error

"""Runs of an MLflow experiment, with the full history of the metrics that matter."""

from collections.abc import Sequence
from typing import Any

from jaxsl.host.errors import UserError
from jaxsl.host.input.steps import reduced
from jaxsl.host.study.sources.importing import Tracked

PAGE = 1000  # runs a request


def fetch(
    experiment: str, metrics: Sequence[str], reduce: str = "last", uri: str | None = None, client: Any = None
) -> list[Tracked]:
    """All active runs of an experiment.

    Args:
        experiment: its name.
        metrics: whose full history is fetched; each becomes one value by ``reduce``.
        reduce: ``last`` value, ``min``, or ``mean:10`` for the mean of the last ten.
        uri: of the tracking server or folder; by default what MLflow is set to.
        client: ``mlflow.MlflowClient(uri)``, by default.

    Raises:
        UserError: when MLflow is not installed, or the experiment cannot be read.
    """
    client = _client(uri) if client is None else client
    try:
        found = client.get_experiment_by_name(experiment)
        if found is None:
            names = ", ".join(item.name for item in client.search_experiments())
            raise UserError(f"MLflow has no experiment {experiment!r}; it has {names or 'none'}")
        tracked, token = [], None
        while True:
            page = client.search_runs([found.experiment_id], max_results=PAGE, page_token=token)
            tracked += [_tracked(client, run, metrics, reduce) for run in page]
            token = page.token
            if not token:
                return tracked
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"MLflow cannot be read: {type(error).__name__}: {error}; check its address"
        ) from None


def _tracked(client: Any, run: Any, metrics: Sequence[str], reduce: str) -> Tracked:
    values: dict[str, Any] = {**run.data.params, **run.data.metrics}
    for metric in metrics:
        if metric in run.data.metrics:
            history = sorted(client.get_metric_history(run.info.run_id, metric), key=lambda item: item.step)
            values[metric] = reduced([item.value for item in history], reduce)
    if None not in (run.info.end_time, run.info.start_time):
        values["hours"] = (run.info.end_time - run.info.start_time) / 3.6e6
    name = run.info.run_name or run.info.run_id
    return Tracked(f"mlflow:{run.info.run_id}", name, run.info.status, values)


def _client(uri: str | None) -> Any:
    try:
        from mlflow import MlflowClient
    except ImportError:
        raise UserError("reading MLflow needs its client: pip install 'jaxsl[mlflow]'") from None
    return MlflowClient(uri)

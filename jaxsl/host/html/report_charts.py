"""Which charts the HTML report shows of a view."""

from statistics import NormalDist

import numpy as np

from jaxsl.host.answer.fit_report import NextRun
from jaxsl.host.answer.plot_data import View
from jaxsl.host.answer.thinning import strength, thinned
from jaxsl.host.html.chart import Chart, scale
from jaxsl.host.show.console import number

MOST_SLICES = 8  # charts of the fit along an input
RADIUS = (3.5, 9.0)  # of the cheapest and of the dearest candidate


def charts(view: View) -> dict[str, list[Chart]]:
    """All charts, by the section they belong to."""
    slices = [
        _slice(view, name, output) for name in view.law.inputs for output in range(view.law.num_outputs)
    ]
    residuals = [_residuals(view, output) for output in range(min(view.law.num_outputs, 2))]
    shown = {"fit": slices[:MOST_SLICES], "residuals": residuals, "basins": [_basins(view)], "choice": []}
    if view.choice is not None and view.choice.runs:
        shown["choice"] = [_map(view), _worth(view)]
    return shown


def _half_width(view: View) -> float:
    return NormalDist().inv_cdf((1 + view.level / 100) / 2)


def run_key(row_number: int) -> str:
    """The key of a row of the table of runs.

    Example:
        >>> run_key(7)
        'run-7'
    """
    return f"run-{row_number}"


def telling_labels(view: View) -> list[str]:
    """Columns of text that differ between rows; the others say nothing about a run."""
    return [name for name, values in view.problem.runs.labels.items() if len(set(values)) > 1]


def run_texts(view: View) -> list[str]:
    """What each fitted run says when it is pointed at."""
    texts = []
    for row in range(len(view.seen.x)):
        lines = [f"{view.problem.unit} {view.seen.row_numbers[row]}", *_inputs(view, view.seen.x[row])]
        for output, name in enumerate(view.law.outputs):
            lines.append(f"{name} = {number(view.seen.y[row, output], 5)}")
            lines.append(f"fitted {number(view.fitted[row, output], 5)}")
            lines.append(f"residual {number(view.score[row, output], 2)} standard deviations")
        lines += [f"cost = {number(view.seen.cost[row])}"] if np.isfinite(view.seen.cost[row]) else []
        labels = {name: view.seen.labels[name][row] for name in telling_labels(view)}
        lines += [f"{name}: {value}" for name, value in labels.items() if value]
        texts.append("\n".join(lines))
    return texts


def _inputs(view: View, x: np.ndarray) -> list[str]:
    return [f"{name} = {number(float(value))}" for name, value in zip(view.law.inputs, x, strict=True)]


def _target_texts(view: View) -> list[str]:
    prediction, targets = view.fit.prediction, view.problem.targets
    if prediction is None or targets is None:
        return []
    texts = []
    for row in range(len(targets.x)):
        lines = ["target", *_inputs(view, targets.x[row])]
        for output, name in enumerate(view.law.outputs):
            low, high = prediction.low[row, output], prediction.high[row, output]
            lines.append(
                f"{name}: {number(prediction.median[row, output], 5)} [{number(low)}, {number(high)}]"
            )
            if np.isfinite(prediction.observed[row, output]):
                lines.append(f"came out {number(prediction.observed[row, output], 5)}, unseen by the fit")
        texts.append("\n".join(lines))
    return texts


def _candidate_text(view: View, rank: int, run: NextRun) -> str:
    lines = [f"candidate {rank + 1} of {view.choice.num_affordable if view.choice else 0}"]
    lines += [f"{view.problem.unit} {run.row_number}"]
    lines += [f"{name} = {number(value)}" for name, value in run.x.items()]
    lines += [f"cost = {number(run.cost)}", f"score = {number(run.score)}"]
    lines += [f"variance falls by {number(run.within + run.between)}"]
    lines += [f"{name}: {run.labels[name]}" for name in telling_labels(view) if run.labels[name]]
    return "\n".join(lines)


def _target_keys(view: View) -> list[str]:
    return (
        []
        if view.problem.targets is None
        else [f"target-{row}" for row in range(len(view.problem.targets.x))]
    )


def _slice(view: View, input: str, output: int) -> Chart:
    found, index = view.slices[input], view.law.inputs.index(input)
    held = ", ".join(f"{name} = {number(value, 3)}" for name, value in found.held.items())
    name = view.law.outputs[output]
    parts = [found.low[:, output], found.high[:, output], found.runs[:, output], found.targets[:, output]]
    title = f"{name} along {input}" + (f", at {held}" if held else "")
    x = scale([found.x], view.labels[input], log=found.log, margin=0.0)
    chart = Chart(title, x, scale(parts, view.labels[name], log=False))
    targets = view.problem.targets
    if targets is not None:
        low, high = targets.x[:, index].min(), targets.x[:, index].max()
        chart.span(low, high, "target" if low == high else "targets' range")
    chart.band(
        found.x, found.low[:, output], found.high[:, output], "outcome", f"{view.level:g} % of outcomes"
    )
    chart.band(
        found.x,
        found.curve_low[:, output],
        found.curve_high[:, output],
        "curve",
        f"{view.level:g} % of the curve",
    )
    chart.line(found.x, found.median[:, output], "fit", "fit")
    keys, texts = [run_key(row) for row in view.seen.row_numbers], run_texts(view)
    chart.points(
        view.seen.x[:, index], found.runs[:, output], "run", "runs, moved here along the fit", texts, keys
    )
    if targets is not None and len(found.targets):
        chart.points(
            targets.x[:, index],
            found.targets[:, output],
            "target",
            "targets, unseen by the fit",
            _target_texts(view),
            _target_keys(view),
        )
    return chart


def _residuals(view: View, output: int) -> Chart:
    name = view.law.outputs[output]
    score, fitted = view.score[:, output], view.fitted[:, output]
    reach = max(2.2, 1.1 * float(np.abs(score).max()))
    y = scale([np.array([-reach, reach])], "residual (standard deviations)", log=False, margin=0.0)
    chart = Chart(f"residuals of {name}", scale([fitted], f"fitted {view.labels[name]}", log=False), y)
    for sign in (-1, 0, 1):
        chart.rule(sign * _half_width(view))
    keys = [run_key(row) for row in view.seen.row_numbers]
    chart.points(fitted, score, "run", "runs", run_texts(view), keys)
    return chart


def _basins(view: View) -> Chart:
    found = view.plausible
    rmse, prediction = np.sqrt(found.loss), found.prediction[:, 0]
    highest = 2 * max(rmse[found.label >= 0].max(initial=0.0), found.rmse.max())
    shown = rmse <= highest
    half = _half_width(view) * found.deviation[:, 0]
    name = view.labels[view.law.outputs[0]]
    x = scale(
        [prediction[shown], found.mean[:, 0] - half, found.mean[:, 0] + half],
        f"prediction, mean over the targets: {name}",
        log=False,
    )
    chart = Chart(
        "optima and basins",
        x,
        scale([rmse[shown], found.rmse, np.array(highest)], f"RMSE on the runs: {name}", log=False),
    )
    for k, centre in enumerate(found.mean[:, 0]):
        height = float(found.rmse[k])
        ends = np.array([centre - half[k], centre + half[k]])
        chart.line(ends, np.full(2, height), "bar", f"{view.level:g} % in the basin, noise apart")
    for style, name, chosen in (
        ("optimum", "optima of a basin", shown & (found.label >= 0)),
        ("poor", "of none", shown & (found.label < 0)),
    ):
        texts = [
            f"{'basin ' + str(found.label[i] + 1) if found.label[i] >= 0 else 'of no basin'}\n"
            f"prediction {number(prediction[i], 5)}\nRMSE {number(rmse[i], 5)}"
            for i in np.flatnonzero(chosen)
        ]
        chart.points(prediction[chosen], rmse[chosen], style, name, texts, [""] * len(texts))
    return chart


def _radius(cost: np.ndarray) -> np.ndarray:
    if cost.max() <= 0:
        return np.full(cost.shape, RADIUS[0])
    log = np.log(np.maximum(cost, 1e-6 * cost.max()))
    return RADIUS[0] + (RADIUS[1] - RADIUS[0]) * (log - log.min()) / max(float(np.ptp(log)), 1e-9)


def _ranked(view: View) -> tuple[dict[str, np.ndarray], list[str], list[str]]:
    """Values, texts and keys of the candidates, worst first, so that the best are drawn on top."""
    assert view.choice is not None
    runs = view.choice.runs[::-1]
    values = {name: np.array([run.x[name] for run in runs]) for name in view.law.inputs}
    values["cost"], values["score"] = (
        np.array([run.cost for run in runs]),
        np.array([run.score for run in runs]),
    )
    values["fall"] = np.array([run.within + run.between for run in runs])
    ranks = thinned(view.choice.num_affordable, len(runs))[::-1].tolist()
    texts = [_candidate_text(view, rank, run) for rank, run in zip(ranks, runs, strict=True)]
    return values, texts, [run_key(run.row_number) for run in runs]


def _candidates(view: View) -> str:
    """What the marks of candidates are called."""
    assert view.choice is not None
    drawn, there = len(view.choice.runs), view.choice.num_affordable
    return "candidates" if drawn == there else f"candidates ({drawn:,} of {there:,}, the best among them)"


def _map(view: View) -> Chart:
    """Candidates, runs and targets in the plane of the first two inputs, or of the input and the outcome."""
    values, texts, keys = _ranked(view)
    inputs, targets = view.law.inputs, view.problem.targets
    assert targets is not None
    first, second = inputs[0], inputs[1] if len(inputs) > 1 else "score"
    done = {name: view.seen.x[:, i] for i, name in enumerate(inputs)}
    aims = {name: targets.x[:, i] for i, name in enumerate(inputs)}
    labels = {**view.labels, "score": "score (fall of the variance, for its cost)"}
    many = len(inputs) > 1
    x = scale([values[first], done[first], aims[first]], labels[first])
    y = scale([values[second], *([done[second], aims[second]] if many else [])], labels[second])
    chart = Chart("what may be run: stronger colour is better, larger is dearer", x, y)
    if many:
        chart.points(
            done[first],
            done[second],
            "done",
            "runs done",
            run_texts(view),
            [run_key(row) for row in view.seen.row_numbers],
        )
        chart.points(aims[first], aims[second], "target", "targets", _target_texts(view), _target_keys(view))
    shade, name = 0.12 + 0.88 * strength(values["score"]), _candidates(view)
    chart.points(
        values[first], values[second], "candidate", name, texts, keys, _radius(values["cost"]), shade
    )
    chart.points(values[first][-1:], values[second][-1:], "next", "next", texts[-1:], keys[-1:], 12.0)
    return chart


def _worth(view: View) -> Chart:
    """What each candidate costs and what it is expected to teach."""
    values, texts, keys = _ranked(view)
    variance = view.choice.within + view.choice.between if view.choice else 0.0
    fall = 100 * values["fall"] / variance if variance > 0 else values["fall"]
    chart = Chart(
        "what each candidate would teach",
        scale([values["cost"]], view.labels["cost"]),
        scale([fall, np.zeros(1)], "expected fall of the variance (%)", log=False),
    )
    shade, name = 0.12 + 0.88 * strength(values["score"]), _candidates(view)
    chart.points(values["cost"], fall, "candidate", name, texts, keys, _radius(values["cost"]), shade)
    chart.points(values["cost"][-1:], fall[-1:], "next", "next", texts[-1:], keys[-1:], 12.0)
    return chart

"""Tables for people: what a prediction is worth, and a plan."""

import numpy as np

from jaxsl.host.allocation.report import PlanReport
from jaxsl.host.ess.link import Items
from jaxsl.host.ess.report import Choice, EssReport, FamilyCheck, LawEssReport
from jaxsl.host.show.answers import show_rest
from jaxsl.host.show.console import console, grid, interval, number, show_notes

SIZES = ("Hoeffding", "exact binomial", "Beta", "Gaussian")
SIDES = {1: "one-sided constant, as in the paper", 2: "two-sided constant"}
ADVICE = {
    "predict": "predict: the prediction is worth at least the test",
    "test": "test the target directly",
    "train": "train more small models",
}


def show_ess(report: EssReport) -> None:
    """Print a prediction and its worth."""
    out, found = console(), report.performance
    confidence = f"{1 - report.delta:.0%} interval"
    out.print(
        f"y = {number(report.intercept)} + {number(report.slope)} x from {report.num_runs} runs of sizes "
        f"{number(report.x_low)} to {number(report.x_high)}; sigma {number(report.sigma)}, "
        f"{report.dof} degrees of freedom"
    )
    out.print(f"link: {_link(report)}; interval of y: {report.quantile}, {report.noise} noise")
    out.print()
    rows = [
        (
            number(report.x_target),
            number(report.y),
            interval(report.y_low, report.y_high),
            number(found.point),
            interval(found.lower, found.upper),
            number(report.leverage),
        )
    ]
    columns = ("target x", "y", "its interval", "performance", confidence, "variance / sigma²")
    out.print(grid(columns, rows, left=()))
    out.print()
    out.print("equivalent sample size: test items on the target that this prediction is worth")
    out.print(grid(SIZES, [_sizes(found)], left=()))
    out.print(f"Hoeffding with the {SIDES[report.sides]}; the others follow the prediction")
    out.print()
    p_value = f" (p = {report.diagnosis.p_value:.2g})" if np.isfinite(report.diagnosis.p_value) else ""
    out.print(f"does the line hold: {report.diagnosis.verdict}{p_value}")
    if np.isfinite(report.cost_runs):
        out.print(
            f"cost: {number(report.cost_runs)} for these runs, {number(report.cost_target)} for the target"
        )
    if report.choice is not None:
        _choice(out, report.choice)
    if report.families is not None:
        _families(out, report.families, report.delta)
    show_notes(out, report.notes)


def show_law_ess(report: LawEssReport) -> None:
    """Print a law's predictions and their worth."""
    out = console()
    out.print(
        f"{report.law}, {report.num_runs} runs; sigma {number(report.noise)}, {report.dof} degrees of freedom"
    )
    kind = "of an outcome" if report.prediction.of == "outcome" else "of the curve"
    out.print(f"link: {_link(report)}; {report.prediction.level:g} % interval {kind}")
    out.print()
    rows = []
    for worth in report.worth:
        found = worth.performance
        rows.append(
            [
                *(number(value) for value in worth.x.values()),
                number(worth.y),
                interval(worth.y_low, worth.y_high),
                number(found.point),
                interval(found.lower, found.upper),
                *_sizes(found),
            ]
        )
    confidence = f"{1 - report.delta:.0%} interval"
    columns = (*report.worth[0].x, "median", "interval", "performance", confidence, *SIZES)
    out.print(grid(columns, rows, left=()))
    out.print(f"Hoeffding with the {SIDES[report.sides]}; the others follow the prediction")
    if report.families is not None:
        _families(out, report.families, report.delta)
    show_rest(out, report.trust, (), report.notes)


def show_plan(report: PlanReport) -> None:
    """Print a plan."""
    out = console()
    where = f"x from {number(report.region_low)} to {number(report.region_high)}"
    where = where if report.region_low < report.region_high else f"x = {number(report.region_low)}"
    there = f", {report.num_existing} runs there already" if report.num_existing else ""
    out.print(f"budget {number(report.budget)}, to predict {where}{there}; criterion {report.criterion}")
    out.print()
    rows = [
        (*([str(report.row_numbers[i])] if report.row_numbers.size else []), f"{report.x[i]:.6g}", str(count))
        for i, count in enumerate(report.count)
    ]
    columns = (*(["row"] if report.row_numbers.size else []), "size x", "runs")
    out.print(grid(columns, rows, left=()))
    out.print(
        f"cost {number(report.cost)}; {report.num_scales} sizes in all; variance / sigma² "
        f"{number(report.risk, 7)}, times t² {number(report.t_risk) if np.isfinite(report.t_risk) else '∞'}"
    )
    out.print()
    distance = "none" if report.gap == 0 else f"at most {report.gap:.2%}"
    out.print(f"distance from the best possible: {distance} ({report.proof})")
    if np.isfinite(report.fractional_gap):
        out.print(
            f"certificate of the equivalence theorem, runs in fractions: bound "
            f"{number(report.fractional_bound, 7)}, at most {report.fractional_gap:.2%} away"
        )
    out.print()
    out.print("what to expect")
    rows = []
    for worth in report.worth:
        found = worth.performance
        shown: tuple[str, ...] = ("-",) * 5
        if found is not None:
            shown = (
                number(found.point),
                interval(found.lower, found.upper),
                *_sizes(found)[:3],
            )
        rows.append((number(worth.x), number(worth.leverage), *shown))
    columns = ("x", "variance / sigma²", "performance", "interval", "Hoeffding", "exact", "Beta")
    out.print(grid(columns, rows, left=()))
    if report.curve:
        out.print()
        out.print("ESS against budget, in the middle of the region")
        rows = [
            (
                number(step.budget),
                number(step.cost),
                str(step.num_runs),
                number(step.risk),
                _items(step.ess),
                _items(step.exact),
            )
            for step in report.curve
        ]
        columns = ("budget", "cost", "runs", "variance / sigma²", "Hoeffding", "exact")
        out.print(grid(columns, rows, left=()))
    show_notes(out, report.notes)


def _choice(out, choice: Choice) -> None:
    out.print()
    out.print(f"to know the target as well as a test of {choice.items} items ({choice.measure}):")
    plan = ", ".join(f"{count} at x = {x:.4g}" for x, count in zip(choice.x, choice.count, strict=True))
    enough = choice.worth >= choice.items
    more = "none needed" if enough else plan or f"none suffice; the link allows {_items(choice.limit)}"
    rows = [
        ("predict as it is", f"worth {_items(choice.worth)} items", number(0.0)),
        ("train more small models", more, number(choice.cost_train)),
        ("test the target", f"{choice.items} items", number(choice.cost_test)),
    ]
    out.print(grid(("way", "what", "cost"), rows, left=(0, 1)))
    out.print(f"advice: {ADVICE[choice.advice]}")


def _families(out, check: FamilyCheck, delta: float) -> None:
    out.print()
    out.print(
        f"is the link universal: learned from the other families, it covers {check.scattered_coverage:.0%} "
        f"of the models ({1 - delta:.0%} if it were), without their scatter {check.coverage:.0%}"
    )
    order = np.argsort(-np.abs(check.bias))
    rows = [
        (
            check.families[i],
            str(check.num_models[i]),
            str(check.scattered[i]),
            str(check.covered[i]),
            f"{check.bias[i]:+.3f}",
        )
        for i in order
    ]
    out.print(grid(("family", "models", "covered", "without scatter", "bias"), rows))


def _link(report: EssReport | LawEssReport) -> str:
    return report.link + (f", fitted to {report.link_models} models" if report.link_models else "")


def _sizes(found: Items) -> tuple[str, ...]:
    return tuple(_items(n) for n in (found.hoeffding, found.clopper_pearson, found.beta, found.gaussian))


def _items(value: float) -> str:
    return "∞" if value == np.inf else f"{value:,.0f}" if np.isfinite(value) else "-"

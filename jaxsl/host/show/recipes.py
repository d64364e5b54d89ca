"""What is printed of recipes that are compared."""

from rich.console import Console

from jaxsl.host.decision.choice_report import RecipesReport
from jaxsl.host.decision.estimate import Estimate
from jaxsl.host.decision.report import MultiplierReport
from jaxsl.host.show.console import console, grid, interval, number, show_notes
from jaxsl.host.study.answers import Compared


def show_multiplier(report: MultiplierReport) -> None:
    """Print how recipes compare."""
    out = console()
    _show_recipes(out, report)
    for recipe in report.recipes:
        if recipe.shared:
            out.print()
            out.print(
                f"{recipe.name} and {report.against}: parameters, and how likely so large a difference is"
            )
            told = [
                [one.name, number(one.value), number(one.other), f"{one.probability:.2g}"]
                for one in recipe.shared
            ]
            out.print(grid(["parameter", recipe.name, report.against, "if the same"], told))
    out.print()
    _show_trust(out, report)
    show_notes(out, report.notes)


def show_next_recipe(report: RecipesReport) -> None:
    """Print candidates of several recipes ranked for their multipliers."""
    out, found = console(), report.multipliers
    _show_recipes(out, found)
    out.print()
    out.print(
        f"{report.num_candidates} candidates, {report.num_affordable} affordable; best first, each as if "
        "it were the only next run"
    )
    several = "of the logarithms" if len(found.recipes) > 1 else "of its logarithm"
    columns = ["row", report.by, *report.runs[0].x, "cost", f"variance {several} falls by"]
    columns += ["multiplier now", "after"] if len(found.recipes) == 1 else []
    rows = [
        [
            str(run.row_number),
            run.recipe,
            *(number(value) for value in (*run.x.values(), run.cost)),
            f"{run.fall / report.variance:.1%}",
            *(narrowed(found.recipes[0].multiplier, fall) for fall in (0.0, run.fall / report.variance)),
        ][: len(columns)]
        for run in report.runs
    ]
    out.print(grid(columns, rows))
    out.print()
    _show_trust(out, found)
    show_notes(out, found.notes)


def show_compared(out: Console, told: Compared) -> None:
    """Print how the recipes of a study compare, and what going on is worth."""
    found = told.multipliers
    _show_recipes(out, found)
    out.print(f"from {' and '.join(f'{num} runs of {name}' for name, num in told.num_runs.items())}")
    out.print()
    _show_trust(out, found)
    if told.variance[0] < told.now:
        out.print(f"once all pending runs are in {_expected(told, 0)}")
    if len(told.spend) > 1:
        runs = f"{len(told.spend) - 1} runs" if len(told.spend) > 2 else "run"
        out.print(f"after the next {runs} for {number(told.spend[-1], 3)} {_expected(told, -1)}")
    show_notes(out, found.notes)


def _expected(told: Compared, point: int) -> str:
    """What is expected of the multiplier, or of several, at one point of further spend."""
    fall, recipes = 1 - told.variance[point] / told.now, told.multipliers.recipes
    if len(recipes) == 1:
        return f"the interval of {recipes[0].name} is expected to be {narrowed(recipes[0].multiplier, fall)}"
    return f"intervals of logarithms are expected to be {1 - (1 - fall) ** 0.5:.0%} narrower"


def _show_trust(out: Console, report: MultiplierReport) -> None:
    for name, trust in report.trust.items():
        for line in trust.lines:
            out.print(f"{name}: {line}")


def _show_recipes(out: Console, report: MultiplierReport) -> None:
    at = f"at a cost {report.cost} of {number(report.budget)}"
    out.print(
        f"{report.against} {at}: loss {number(report.loss.median, 5)} {ends(report.loss)}", style="bold"
    )
    out.print()
    columns = [
        "recipe",
        "compute for that loss",
        f"{report.level:g} % interval",
        "its own loss",
        "better",
        "crossing",
    ]
    rows = [
        [
            recipe.name,
            f"{recipe.multiplier.median:.3g} x",
            ends(recipe.multiplier),
            number(recipe.loss.median, 5),
            f"{recipe.better:.0%}",
            number(recipe.crossing),
        ]
        for recipe in report.recipes
    ]
    out.print(grid(columns, rows))


def ends(one: Estimate) -> str:
    """Its interval; nothing where nothing is uncertain."""
    return "" if one.method == "exact" else interval(one.low, one.high)


def narrowed(now: Estimate, fall: float) -> str:
    """The interval that is expected where the variance of the logarithm falls by a share."""
    left = max(1 - fall, 0.0) ** 0.5
    return interval(*(now.median * (end / now.median) ** left for end in (now.low, now.high)))

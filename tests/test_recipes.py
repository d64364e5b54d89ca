"""The numbers of docs/recipes.md, and an offset of docs/fits.md, against SciPy on the tables of the pages."""

import re

import numpy as np
import pytest
from pages import PAGES, ROOT, files, printed
from scipy.optimize import curve_fit, minimize
from scipy.stats import t as student

PAGE = ROOT / "docs" / "recipes.md"
TABLES = {name: text for page in reversed(PAGES) for name, text in files(page).items()}
CLOSE = {"xtol": 1e-14, "ftol": 1e-14, "gtol": 1e-14}
START = [1.9, 600, 0.36, 3500, 0.39]


def columns(name, *wanted):
    """Columns of numbers of a table on a page, ``(row,)`` each."""
    head, *rows = (line.split(",") for line in TABLES[name].strip().splitlines())
    return [np.array([float(row[head.index(one)]) for row in rows]) for one in wanted]


def shown(*words, page=PAGE):
    """What a page prints below its one command that holds all these words."""
    (lines,) = (lines for command, lines in printed(page) if set(words) <= set(command) and lines)
    return lines


def table(lines, method=""):
    """Value and both ends of every parameter, of a table of parameters or of a method's intervals."""
    row = re.compile(
        rf"(\w+) +{method} +(\S+) +\[(\S+), (\S+)\]" if method else r"(\w+) +(\S+) +\[(\S+), (\S+)\]"
    )
    found = filter(None, map(row.match, lines))
    return {one[1]: [float(value) for value in one.groups()[1:]] for one in found}


def chinchilla(x, E, A, alpha, B, beta):
    return E + A * x[0] ** -alpha + B * x[1] ** -beta


def power(x, a, b, g):
    return a * x**b + g


N, D, LOSS = columns("sweep.csv", "N", "D", "loss")


def sweep(law, start, **how):
    return curve_fit(law, (N, D), LOSS, start, maxfev=100_000, **CLOSE, **how)


def agree(found, names, expected, rel=2e-3):
    expected = dict(zip(names.split(), expected, strict=True))
    assert len(found) >= 3
    for name in found.keys() & expected.keys():
        assert found[name][0] == pytest.approx(expected[name], rel=rel), name


def test_least_squares_and_its_t_intervals_are_those_of_curve_fit():
    theta, covariance = sweep(chinchilla, START)
    found = table(shown("--profile", "--t"), "t")
    for index, name in enumerate(("E", "A", "alpha", "B", "beta")):
        if name in found:
            half = student.ppf(0.95, 12 - 5) * np.sqrt(covariance[index, index])
            assert found[name] == pytest.approx(
                [theta[index], theta[index] - half, theta[index] + half], rel=2e-3
            )


@pytest.mark.parametrize(
    ("option", "law", "start", "names"),
    [
        ("E=1.82", lambda x, *rest: chinchilla(x, 1.82, *rest), START[1:], "A alpha B beta"),
        (
            "alpha=beta",
            lambda x, E, A, B, beta: chinchilla(x, E, A, beta, B, beta),
            [1.9, 600, 3500, 0.39],
            "E A B beta",
        ),
        (
            "alpha=0.1:0.35",
            lambda x, E, A, B, beta: chinchilla(x, E, A, 0.35, B, beta),
            [1.9, 600, 3500, 0.39],
            "E A B beta",
        ),
    ],
)
def test_constrained_fits_are_those_of_curve_fit(option, law, start, names):
    agree(table(shown(option, "--t"), "t"), names, sweep(law, start)[0])


def test_weights_are_those_of_curve_fit():
    theta, _ = sweep(chinchilla, START, sigma=(8e9 / D) ** 0.25)
    agree(table(shown("--weight"), "t"), "E A alpha B beta", theta)


def test_hubers_loss_on_logarithms_has_its_least_where_scipy_finds_it():
    def loss(theta, delta=1e-3):
        E, a, alpha, b, beta = theta
        curve = np.exp(E) + np.exp(a - alpha * np.log(N)) + np.exp(b - beta * np.log(D))
        off = np.abs(np.log(curve / LOSS))
        return 1e6 * np.where(off < delta, off**2 / 2, delta * (off - delta / 2)).sum()

    best = np.array([*np.log([1.9, 600]), 0.36, np.log(3500), 0.39])
    for _ in range(8):  # the simplex is set up anew where it came to rest
        best = minimize(loss, best, method="Nelder-Mead", options={"maxfev": 20_000, "xatol": 1e-10}).x
    found = table(shown("huber:1e-3"))
    printed_values = [found[name][0] for name in ("E", "A", "alpha", "B", "beta")]
    at = np.array(printed_values)
    at[[0, 1, 3]] = np.log(at[[0, 1, 3]])
    assert loss(at) <= 1.02 * loss(best)
    assert at == pytest.approx(best, rel=0.02)


def test_loss_against_compute_is_that_of_curve_fit():
    C, loss = columns("frontier.csv", "C", "loss")
    agree(
        table(shown("frontier.csv"), "t"),
        "a b g",
        curve_fit(power, C / 1e18, loss, [1.7, -0.2, 1.8], **CLOSE)[0],
    )


def test_the_largest_that_are_held_out_are_predicted_from_the_fit_of_the_others():
    kept = N < 8e8
    theta = curve_fit(chinchilla, (N[kept], D[kept]), LOSS[kept], START, maxfev=100_000, **CLOSE)[0]
    lines = [line.split() for line in shown("N >= 8e8") if line.startswith("8e+08")]
    median, came_out = np.array([[float(line[2]), float(line[-1])] for line in lines]).T
    assert median == pytest.approx(chinchilla((N[~kept], D[~kept]), *theta), rel=1e-3)
    assert came_out == pytest.approx(LOSS[~kept])


THREE = [np.array([70e6, 160e6, 410e6]), np.array([3.62, 3.33, 2.98])]
SOME = (D / N >= 20) & (LOSS < 3.2)


@pytest.mark.parametrize(
    ("word", "sizes", "losses"),
    [
        ("log_*.csv", *THREE),
        ("charts.csv", *THREE),
        ("tracker.csv", *THREE),
        ("--where", N[SOME], LOSS[SOME]),
    ],
)
def test_rows_that_are_read_and_chosen_give_the_fit_of_curve_fit(word, sizes, losses):
    def law(size, log_N_c, alpha_N):
        return np.exp(alpha_N * (log_N_c - np.log(size)))

    theta = curve_fit(law, sizes, losses, [35, 0.1], **CLOSE)[0]
    found = re.findall(r"(\w+) +t +(\S+)", "\n".join(shown(word)))
    assert [float(value) for _, value in found] == pytest.approx([np.exp(theta[0]), theta[1]], rel=3e-3)


def test_the_offset_below_zero_is_that_of_curve_fit():
    x, y = columns("offset.csv", "x", "y")
    agree(
        table(shown("g=-20:10", page=PAGE.with_name("fits.md")), "t"),
        "a b g",
        curve_fit(power, x, y, [2, -0.3, -3], **CLOSE)[0],
    )


def test_without_the_bad_run_the_law_is_that_of_curve_fit():
    n, loss = columns("bad_run.csv", "N", "loss")
    good = np.arange(len(n)) != 5
    theta = curve_fit(power, n[good] / 1e7, loss[good], [2.3, -0.3, 1.6], **CLOSE)[0]
    found = table(shown("bad_run.csv"), "belief")
    assert [found["b"][0], found["g"][0]] == pytest.approx(theta[1:], rel=0.02)
    everything = curve_fit(power, n / 1e7, loss, [2.3, -0.3, 1.6], **CLOSE)[0]
    assert table(shown("bad_run.csv"), "t")["b"][0] == pytest.approx(everything[1], rel=2e-3)

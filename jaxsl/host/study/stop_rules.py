"""The rules by which a study is over before its budget is, and which go with a target, which with an aim."""

from dataclasses import dataclass

import numpy as np

from jaxsl.host.errors import UserError


@dataclass(frozen=True)
class Stop:
    """When a study is over before its budget is.

    Attributes:
        width: mean width of the targets' intervals, at the study's level, at which it is.
        ess: equivalent sample size at which it is.
        item_sd: standard deviation of a test item's score, for ``ess``; without it scores lie in [0, 1].
        gain: share by which the best affordable run must be expected to narrow the interval, of a multiplier
            that of its logarithm.
        price: what narrowing the interval by one is worth, in the unit of the costs; with an aim, what a
            loss lower by one is worth.
        regret: with an aim, loss given up by deciding, as expected, at which the decision is good enough.
    """

    width: float | None = None
    ess: float | None = None
    item_sd: float | None = None
    gain: float | None = None
    price: float | None = None
    regret: float | None = None

    def __post_init__(self):
        for name, value in vars(self).items():
            if value is not None and not (np.isfinite(value) and value > 0):
                option = name.replace("_", "-")
                raise UserError(f"--{option} {value:g}: give a positive number, or leave it out")
        if self.gain is not None and self.gain >= 1:
            raise UserError(f"--gain {self.gain:g}: a share below 1, such as 0.01")


def check_rules(aim: str | None, stop: Stop) -> None:
    """Refuse rules about the interval of a target where there is an aim, and about regret where is none.

    Raises:
        UserError: saying which option to leave out.
    """
    if aim is None and stop.regret is not None:
        raise UserError(
            f"--regret {stop.regret:g}: is of a decision; give one with --aim in place of --target"
        )
    if aim is not None and not aim.startswith("optimal"):
        for name in ("regret", "price"):
            if getattr(stop, name) is not None:
                raise UserError(
                    f"--{name}: is about loss given up, and --aim {aim} gives up none; leave it out"
                )
    of_target = (
        ("width", "ess", "item_sd")
        if (aim or "").startswith("multiplier")
        else ("width", "ess", "item_sd", "gain")
    )
    for name in of_target if aim is not None else ():
        if getattr(stop, name) is not None:
            option = name.replace("_", "-")
            raise UserError(f"--{option}: is about a target's interval, and --aim has none; leave it out")

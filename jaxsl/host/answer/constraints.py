"""What a fit is told of the parameters of laws: held, bounded, tied, with a prior."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxsl.constrain import Relation, boxed, constrained, fixed, with_priors
from jaxsl.design import Design
from jaxsl.host.answer.relation import read_relation
from jaxsl.host.errors import UserError
from jaxsl.law import Law
from jaxsl.unit import in_unit

Pair = tuple[float, float]
PRECISION = Design(()).prior  # of the prior against which those of parameters are meant


@dataclass(frozen=True)
class Constraints:
    """Of several laws each takes what concerns its parameters.

    Attributes:
        fix, box, tie, prior: as of ``jaxsl.host.answer.fit_options.FitOptions``.

    Example:
        >>> from laws.chinchilla import CHINCHILLA
        >>> law = Constraints({"E": 1.69}, {"A": (1, 500)}, ("alpha = beta",), {}).of_one(CHINCHILLA, 1.0)
        >>> [(param.name, param.upper) for param in law.params]
        [('A', 500.0), ('B', 10000000000.0), ('beta', 2.0)]
    """

    fix: Mapping[str, float]
    box: Mapping[str, Pair]
    tie: Sequence[str]
    prior: Mapping[str, Pair]

    @property
    def relations(self) -> tuple[Relation, ...]:
        """What is fixed and tied."""
        return (*(fixed(name, value) for name, value in self.fix.items()), *map(read_relation, self.tie))

    def of_one(self, law: Law, size: float) -> Law:
        """A law that takes outcomes in units of ``size``, with what of this concerns its parameters.

        Raises:
            UserError: for what is impossible.
        """
        names = {param.name for param in law.params}
        relations = tuple(one for one in self.relations if names >= {name for name, _ in one.coefficients})
        try:
            law = in_unit(law, size)
            law = boxed(law, tuple((name, *ends) for name, ends in self.box.items() if name in names))
            law = constrained(law, relations)
            free = {param.name for param in law.params}
            gone = [name for name in self.prior if name in names - free]
            if gone:
                raise ValueError(
                    f"{gone[0]} is fixed or tied and has a prior: give the prior to what is left"
                )
            priors = tuple((name, *pair) for name, pair in self.prior.items() if name in free)
            return with_priors(law, priors, float(PRECISION or 1.0))
        except ValueError as error:
            raise UserError(f"{law.name}: {error}") from None

    def check_names(self, laws: Sequence[Law]) -> None:
        """Refuse names that none of the laws has.

        Raises:
            UserError: naming the option and the parameters that there are.
        """
        each = [{param.name for param in law.params} for law in laws]
        known = list(dict.fromkeys(param.name for law in laws for param in law.params))
        wanted = [("fix", name, {name}) for name in self.fix]
        wanted += [("box", name, {name}) for name in self.box]
        wanted += [("prior", name, {name}) for name in self.prior]
        for text, relation in zip(self.tie, map(read_relation, self.tie), strict=True):
            wanted.append(("tie", text, {name for name, _ in relation.coefficients}))
        for option, text, names in wanted:
            if not any(names <= own for own in each):
                lacking = sorted(names - set(known)) or sorted(names)
                who = laws[0].name if len(laws) == 1 else "none of the laws"
                raise UserError(
                    f"--{option} {text}: {who} has {'no' if len(laws) == 1 else 'a'} parameter "
                    f"{', '.join(lacking)}; the parameters are {', '.join(known)}"
                )

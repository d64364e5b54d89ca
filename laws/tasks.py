"""The eight tasks of the benchmark as data: what is known of a run, what it costs, what is predicted.

A task knows columns, not files; ``experiments.datasets`` reads the files. Sources: arXiv:2604.22753, table 1
and appendix B, with the cost of ``vocab`` as in the data's own units (characters, without the factor 6, which
changes no choice).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxsl.law import Law
from laws import data_con, domain, farseer, lr_bsz, moe, parallel, sparsity, vocab


@dataclass(frozen=True, eq=False)
class Task:
    """One task of the benchmark.

    Attributes:
        name: the first half of its laws' ids.
        title: what is predicted from what.
        inputs: the column of each input of the laws, in their order.
        outputs: the column of each output of the laws, in their order.
        cost: the cost of a run, arithmetic on columns.
        laws: the laws fitted to it.
        groups: columns that split the runs; every group has parameters of its own.
        checkpoints: fractions of the total cost of a pool at which a method is scored.
    """

    name: str
    title: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    cost: str
    laws: tuple[Law, ...] = field(repr=False)
    groups: tuple[str, ...] = ("group",)
    checkpoints: tuple[float, ...] = (0.01, 0.05, 0.10)

    def law(self, name: str) -> Law:
        """The law of this name.

        Raises:
            KeyError: when the task has none.

        Example:
            >>> FARSEER.law("farseer/sl_1").num_params
            9
        """
        return {law.name: law for law in self.laws}[name]


DATA_CON = Task(
    "data_con",
    "loss under repeated data",
    inputs={"U": "unique_tokens", "N": "params", "D": "tokens"},
    outputs={"loss": "loss"},
    cost="6 * params * tokens",
    laws=data_con.LAWS,
)

DOMAIN = Task(
    "domain",
    "loss on five domains from the training mixture",
    inputs={f"p_{i}": f"proportion_domain_{i}" for i in range(1, 6)},
    outputs={f"L_{i}": f"loss_domain_{i}" for i in range(1, 6)},
    cost="1",
    laws=domain.LAWS,
    checkpoints=(0.20, 0.35, 0.50),
)

FARSEER = Task(
    "farseer",
    "loss from parameters and tokens",
    inputs={"N": "N", "D": "D"},
    outputs={"loss": "loss"},
    cost="6 * N * D",
    laws=farseer.LAWS,
)

LR_BSZ = Task(
    "lr_bsz",
    "loss from learning rate and batch size",
    inputs={"lr": "lr", "bsz": "bsz", "D": "data_size", "N": "non_embedding_param_size"},
    outputs={"loss": "lm_loss"},
    cost="6 * non_embedding_param_size * data_size",
    laws=lr_bsz.LAWS,
)

MOE = Task(
    "moe",
    "loss of mixtures of experts",
    inputs={"E": "num_experts", "N": "dense_parameter_count"},
    outputs={"loss": "loss_validation"},
    cost="dense_parameter_count * num_experts",
    laws=moe.LAWS,
)

PARALLEL = Task(
    "parallel",
    "loss from parallel streams",
    inputs={"N": "num_params", "S": "parallel_size"},
    outputs={"loss": "loss"},
    cost="num_params",
    laws=parallel.LAWS,
)

SPARSITY = Task(
    "sparsity",
    "loss of upcycled mixtures of experts",
    inputs={"P": "P", "N": "N_active"},
    outputs={"loss": "loss"},
    cost="6 * N_dense * D1 + 6 * N_active * D2",
    laws=sparsity.LAWS,
    checkpoints=(0.20, 0.35, 0.50),
)

VOCAB = Task(
    "vocab",
    "unigram-normalised loss from vocabulary size",
    inputs={"N": "non_vocab_parameters", "V": "vocab_size", "D": "num_characters"},
    outputs={"loss": "unigram_normalized_loss"},
    cost="non_vocab_parameters * num_characters",
    laws=vocab.LAWS,
)

TASKS = (DATA_CON, DOMAIN, FARSEER, LR_BSZ, MOE, PARALLEL, SPARSITY, VOCAB)


def find_task(name: str) -> Task:
    """The task of this name.

    Raises:
        KeyError: when there is none.

    Example:
        >>> find_task("farseer").laws[0].name
        'farseer/sl_1'
    """
    return {task.name: task for task in TASKS}[name]

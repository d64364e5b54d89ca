"""Small tables in the form of the benchmark's, for checkouts without the benchmark's data beside them.

Columns, groups and ranges are those of the public data; outcomes fall with every input and mean nothing.
"""

import functools
import os
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.datasets import FOLDERS
from laws.tasks import TASKS

PUBLIC = Path(os.environ.get("JAXSL_DATA", Path(__file__).parents[2] / "shared" / "data"))
HAS_PUBLIC = (PUBLIC / "scalebench" / "farseer_scaling_law").is_dir()
NUM_TRAIN, NUM_TEST = 24, 6  # runs of a group
# Ranges of the pool and of the target; the ends are reached one input at a time.
RANGES = {
    "data_con": {
        "unique_tokens": ((1e8, 1.74e11), (1e8, 1.78e11)),
        "params": ((7.1e6, 3.9e9), (1.4e7, 8.67e9)),
        "tokens": ((1e8, 3e11), (3.6e10, 9e11)),
    },
    "domain": {
        "proportion_domain_1": ((0, 0.5), (0.25, 0.5)),
        "proportion_domain_2": ((0, 0.1875), (0, 0.1875)),
        "proportion_domain_3": ((0, 0.09375), (0.03125, 0.09375)),
        "proportion_domain_4": ((0, 0.25), (0, 0.25)),
        "proportion_domain_5": ((0, 0.75), (0.09375, 0.375)),
    },
    "farseer": {"N": ((9.96e7, 6.37e9), (2.27e9, 2.51e10)), "D": ((1e9, 5.12e11), (1.26e11, 4.53e11))},
    "lr_bsz": {
        "lr": ((2.44e-4, 0.0221), (1.22e-4, 5.52e-3)),
        "bsz": ((16, 2048), (64, 4096)),
        "data_size": ((2e9, 1e11), (1e11, 1e11)),
        "non_embedding_param_size": ((6e7, 1.074e9), (1.074e9, 1.074e9)),
    },
    "moe": {
        "num_experts": ((1, 512), (1, 512)),
        "dense_parameter_count": ((1.653e7, 3.68e8), (1.309e9, 1.309e9)),
    },
    "parallel": {"num_params": ((5.36e8, 4.38e9), (5.45e8, 4.42e9)), "parallel_size": ((1, 4), (8, 8))},
    "sparsity": {
        "P": ((1.857, 12.25), (1.857, 12.25)),
        "N_active": ((0.01475, 0.3195), (0.2326, 0.756)),
        "N_dense": ((0.01475, 0.0983), (0.2326, 0.2326)),
        "D1": ((2.307, 2.307), (2.307, 2.307)),
        "D2": ((1.153, 4.614), (1.153, 4.614)),
    },
    "vocab": {
        "non_vocab_parameters": ((3.322e7, 1.13e9), (3.322e7, 1.13e9)),
        "vocab_size": ((4096, 6.451e4), (9.626e4, 9.626e4)),
        "num_characters": ((1.808e8, 2.306e11), (2.585e8, 2.361e11)),
    },
}
GROUPS = {
    "domain": ("70M", "160M", "305M", "410M"),
    "parallel": ("pile", "stack"),
    "sparsity": ("a", "b", "c"),
}


@functools.cache
def benchmark_data():
    """The folder of the public data, or of tables made in their form."""
    if HAS_PUBLIC:
        return PUBLIC
    made_data.kept = made_data()
    return Path(made_data.kept.name)


def made_data():
    """A temporary folder with the tables made here, which is there as long as what is returned."""
    folder = tempfile.TemporaryDirectory()
    for task in TASKS:
        place = Path(folder.name) / "scalebench" / FOLDERS[task.name]
        place.mkdir(parents=True)
        for number, split in enumerate(("train", "test")):
            pq.write_table(_table(task, number), place / f"{split}-00000-of-00001.parquet")
    return folder


def _table(task, split):
    rng = np.random.default_rng([split, *task.name.encode()])
    groups = GROUPS.get(task.name, ("all_data",))
    num = (NUM_TRAIN, NUM_TEST)[split]
    rows = num * len(groups)
    columns = {task.groups[0]: np.repeat(groups, num)}
    for place, (name, ranges) in enumerate(RANGES[task.name].items()):
        low, high = ranges[split]
        share = rng.uniform(0.1, 0.9, rows)
        share[2 * place :: num], share[2 * place + 1 :: num] = 0.0, 1.0
        columns[name] = low * (high / low) ** share if low > 0 else low + (high - low) * share
    if task.name == "data_con":  # no more of the tokens are unique than there are
        columns["unique_tokens"] = np.minimum(columns["unique_tokens"], columns["tokens"])
    inputs = np.stack([columns[column] for column in task.inputs.values()], axis=1)
    reach = np.max(inputs, axis=0)
    for index, column in enumerate(task.outputs.values()):
        falls = np.sum((0.1 + inputs / reach) ** -0.2, axis=1)
        columns[column] = 1 + 0.1 * index + 0.3 * falls + rng.normal(0, 0.003, rows)
    return pa.table(columns)

"""A live campaign with a lab that answers at once."""

import numpy as np
import pytest

from experiments.pilot.grid import COLUMNS, finished
from experiments.pilot.live import campaign
from laws.chinchilla import CHINCHILLA


def row(N, D, seed):
    loss = 1.0 + 8 * N**-0.35 + 90 * D**-0.4
    return dict.fromkeys(COLUMNS, "") | {"N": N, "D": D, "seed": seed, "loss": round(loss, 6)}


@pytest.mark.slow
def test_a_live_campaign_trains_what_is_asked_once_and_goes_on_after_an_interruption(tmp_path):
    table, lines = tmp_path / "live.csv", []
    asked = []

    def lab(*point):
        asked.append(point)
        if len(asked) == 14:
            raise KeyboardInterrupt
        return row(*point)

    with pytest.raises(KeyboardInterrupt):
        campaign(CHINCHILLA, table, 0.05, lines.append, lab)
    assert len(finished(table)) == 13
    before = len(asked)
    trained = campaign(CHINCHILLA, table, 0.05, lines.append, row)
    assert len(finished(table)) == 13 + trained
    assert asked[-1] in finished(table)
    assert before == 14
    predicted = [line for line in lines if "predicted" in line]
    assert len(predicted) == 7
    for line in predicted:
        N, D, mean = line.split()[0], line.split()[1], float(line.split()[3])
        truth = row(int(N[2:]), int(D[2:]), 0)["loss"]
        assert np.isclose(mean, truth, atol=0.05)

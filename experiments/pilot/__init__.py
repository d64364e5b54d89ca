"""A small lab that really trains: transformers on the standard library's sources, over sizes and data.

The files follow one run: ``corpus`` finds and splits the text, ``model`` turns a size ``N`` into a shape,
``train`` turns ``(N, D, seed)`` into a loss, ``grid`` names the runs of the table and sweeps them so that a
stopped sweep goes on where it was, and ``check`` fits a law to the table and compares its residuals with the
noise of the seeds. The committed table is ``jaxsl/data/pilot_runs.csv``; to train it again:

    python -m experiments.pilot --out outputs/pilot_runs.csv

Loss is in nats per byte on files that no run trains on, in the same windows for every run. ``D`` counts
bytes, ``batch_size`` sequences of 64 bytes, ``flops`` is ``6 N D`` (``train.Run.flops`` says what that
leaves out), ``seconds`` is the wall clock of a machine shared with others and ``core_seconds`` the processor
time of the same run. The table took half an hour of one core (``python -m experiments.pilot.check`` prints
the sum). Two of its runs, repeated on two threads instead of one, gave the same loss to all six digits.

Runs as curves are in ``curves``: a constant rate, checkpoints at doubling ``D`` and a short decay from each.
Their table is ``jaxsl/data/pilot_curves.csv``, with a row a checkpoint; to train it again:

    python -m experiments pilot --schedule wsd --out outputs/pilot_curves.csv
"""

"""Learning rate and batch size: loss from both, training tokens and parameters.

Inputs and their data columns: ``lr`` = ``lr``, ``bsz`` = ``bsz``, ``D`` = ``data_size``,
``N`` = ``non_embedding_param_size``. In the formulas ``u, v, s, n`` are the natural logarithms of ``lr``,
``bsz``, ``D`` and ``N``; ``phi = (1, u, v, s, n, u^2, v^2, s^2, n^2, uv, us, un, vs, vn, sn)``; and
``sp(z) = ln(1 + exp(clip(z, -20, 20)))``, a softplus that is flat outside its clip.
"""

from laws.lr_bsz.polynomials import SL_1, SL_4, SL_6, SL_7, SL_9, SL_10
from laws.lr_bsz.valleys import SL_2, SL_3, SL_5, SL_8

LAWS = (SL_1, SL_2, SL_3, SL_4, SL_5, SL_6, SL_7, SL_8, SL_9, SL_10)

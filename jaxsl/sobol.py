"""Quasi-random points of the unit cube: Sobol's sequence, scrambled.

Point n is the exclusive or of the direction numbers of the bits of n's Gray code (Antonov and Saleev 1979),
with the primitive polynomials and first direction numbers of Joe and Kuo (2008, table new-joe-kuo-6),
scrambled by random lower triangular matrices of bits and a random shift (Matousek 1998). The points are
those of ``scipy.stats.qmc.Sobol(num_dims, seed=seed)``, bit by bit: importing SciPy's statistics for them
takes half a second, a tenth of a first fit.
"""

import numpy as np

BITS = 30
# Of every dimension but the first: the polynomial, a bit a coefficient, and the first direction numbers.
DIRECTIONS = """
3 1, 7 1 3, 11 1 3 1, 13 1 1 1, 19 1 1 3 3, 25 1 3 5 13, 37 1 1 5 5 17, 41 1 1 5 5 5, 47 1 1 7 11 19,
55 1 1 5 1 1, 59 1 1 1 3 11, 61 1 3 5 5 31, 67 1 3 3 9 7 49, 91 1 1 1 15 21 21, 97 1 3 1 13 27 49,
103 1 1 1 15 7 5, 109 1 3 1 15 13 25, 115 1 1 5 5 19 61, 131 1 3 7 11 23 15 103, 137 1 3 7 13 13 15 69,
143 1 1 3 13 7 35 63, 145 1 3 5 9 1 25 53, 157 1 3 1 13 9 35 107, 167 1 3 1 5 27 61 31,
171 1 1 5 11 19 41 61, 185 1 3 5 3 3 13 69, 191 1 1 7 13 1 19 1, 193 1 3 7 5 13 19 59,
203 1 1 3 9 25 29 41, 211 1 3 5 13 23 1 55, 213 1 3 7 3 13 59 17, 229 1 3 1 3 5 53 69,
239 1 1 5 5 23 33 13, 241 1 1 7 7 1 61 123, 247 1 1 7 9 13 61 49, 253 1 3 3 5 3 55 33,
285 1 3 1 15 31 13 49 245, 299 1 3 5 15 31 59 63 97, 301 1 3 1 11 11 11 77 249, 333 1 3 1 11 27 43 71 9,
351 1 1 7 15 21 11 81 45, 355 1 3 7 3 25 31 65 79, 357 1 3 1 1 19 11 3 205, 361 1 1 5 9 19 21 29 157,
369 1 3 7 11 1 33 89 185, 391 1 3 3 3 15 9 79 71, 397 1 3 7 11 15 39 119 27, 425 1 1 3 1 11 31 97 225,
451 1 1 1 3 23 43 57 177, 463 1 3 7 7 17 17 37 71, 487 1 3 1 5 27 63 123 213, 501 1 1 3 5 11 43 53 133
"""


def sobol(num_points: int, num_dims: int, seed: int = 0) -> np.ndarray:
    """The first ``num_points`` points, ``(point, dim)`` in [0, 1); beyond 53 dimensions by SciPy.

    Example:
        >>> points = sobol(8, 3)
        >>> points.shape, sorted((8 * points[:, 2]).astype(int).tolist())  # every eighth holds one point
        ((8, 3), [0, 1, 2, 3, 4, 5, 6, 7])
    """
    known = [[int(word) for word in line.split()] for line in DIRECTIONS.split(",")]
    if num_dims > len(known) + 1:
        from scipy.stats import qmc

        return qmc.Sobol(num_dims, seed=seed).random_base2(max(num_points - 1, 1).bit_length())[:num_points]
    first = [1 << (BITS - 1 - bit) for bit in range(BITS)]
    others = [_directions(polynomial, start) for polynomial, *start in known[: num_dims - 1]]
    directions, shift = _scrambled(np.array([first, *others]), seed)
    found = np.empty((num_points, num_dims), np.uint32)
    found[:1] = shift
    for index in range(1, num_points):
        lowest = (index & -index).bit_length() - 1  # the bit in which the Gray codes of two neighbours differ
        found[index] = found[index - 1] ^ directions[:, lowest]
    return found / 2**BITS


def _directions(polynomial: int, start: list[int]) -> list[int]:
    """Direction numbers of a dimension, ``BITS`` of them, by the recurrence of its polynomial."""
    found, degree = list(start), len(start)
    for bit in range(degree, BITS):
        new = found[bit - degree]
        for back in range(1, degree + 1):
            new ^= (polynomial >> (degree - back) & 1) * (found[bit - back] << back)
        found.append(new)
    return [number << (BITS - 1 - bit) for bit, number in enumerate(found)]


def _scrambled(directions: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Direction numbers ``(dim, bit)`` whose bits were mixed, and a random first point ``(dim,)``."""
    rng, dims = np.random.default_rng(seed), len(directions)
    places = np.arange(BITS, dtype=np.uint32)
    shift = rng.integers(2, size=(dims, BITS), dtype=np.uint32) @ (1 << places)
    mixing = np.tril(rng.integers(2, size=(dims, BITS, BITS), dtype=np.uint32), -1) + np.eye(BITS, dtype=int)
    bits = directions[:, :, None] >> places[::-1] & 1  # (dim, bit, place), the most significant place first
    mixed = np.einsum("dpq,dbq->dbp", mixing, bits) % 2
    return (mixed << places[::-1]).sum(axis=2).astype(np.uint32), shift.astype(np.uint32)

"""Clustering against SciPy's linkage, every cut scored by scikit-learn's silhouette."""

import jax
import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.metrics import silhouette_score

from jaxsl.cluster import complete_linkage

pytestmark = pytest.mark.usefixtures("float64")
SIZE = 16
cluster = jax.jit(complete_linkage)


def best_cut(distance, threshold=0.01):
    """Flat clusters by SciPy with the best silhouette, fewer clusters in a tie, and that silhouette."""
    num = len(distance)
    tree = linkage(squareform(distance, checks=False), method="complete")
    best, labels = threshold, np.zeros(num, int)
    for count in range(2, num):
        cut = fcluster(tree, count, criterion="maxclust")
        if len(set(cut)) != count:
            continue  # equal heights have no cut between them
        score = silhouette_score(distance, cut, metric="precomputed")
        if score > best + 1e-12:
            best, labels = score, cut
    return labels, best if labels.any() else 0.0


def same_partition(first, second):
    return ((first[:, None] == first) == (second[:, None] == second)).all()


def embedded(distance, where):
    """The distances in a buffer of ``SIZE``, what is masked being rubbish."""
    buffer = np.full((SIZE, SIZE), np.nan)
    buffer[np.ix_(where, where)] = distance
    valid = np.zeros(SIZE, bool)
    valid[where] = True
    return buffer, valid


@pytest.mark.parametrize("seed", range(100))
def test_clusters_agree_with_scipy(seed):
    rng = np.random.default_rng(seed)
    num = int(rng.integers(3, SIZE + 1))
    centres = rng.normal(size=(rng.integers(1, 6), 2)) * rng.choice([0.1, 1, 10])
    points = centres[rng.integers(0, len(centres), num)] + rng.normal(size=(num, 2)) * rng.choice([0.05, 1])
    distance = np.linalg.norm(points[:, None] - points, axis=-1)
    if seed % 3 == 0:  # not a metric, as divergences are not
        distance = np.log1p(distance**2 * np.exp(rng.normal(size=(num, num))))
        distance = (distance + distance.T) / 2
        np.fill_diagonal(distance, 0)
    where = np.sort(rng.permutation(SIZE)[:num])
    found = cluster(*embedded(distance, where))
    labels, silhouette = best_cut(distance)
    label = np.asarray(found.label)
    assert same_partition(label[where], labels)
    np.testing.assert_allclose(found.silhouette, silhouette, rtol=1e-9, atol=1e-12)
    assert set(label[where]) <= set(where)
    others = np.setdiff1d(np.arange(SIZE), where)
    np.testing.assert_array_equal(label[others], others)


@pytest.mark.parametrize("seed", range(5))
def test_duplicates_share_a_cluster_and_order_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    points = np.repeat(rng.normal(size=(4, 2)) * 5, 4, axis=0) + np.repeat(rng.normal(size=(8, 2)), 2, axis=0)
    distance = np.linalg.norm(points[:, None] - points, axis=-1)
    found = cluster(distance, np.ones(SIZE, bool))
    label = np.asarray(found.label)
    assert (label[::2] == label[1::2]).all()
    np.testing.assert_allclose(found.silhouette, best_cut(distance)[1], rtol=1e-9)
    order = rng.permutation(SIZE)
    shuffled = cluster(distance[np.ix_(order, order)], np.ones(SIZE, bool))
    assert same_partition(np.asarray(shuffled.label), label[order])


@pytest.mark.parametrize("num", [0, 1, 2])
def test_fewer_than_three_items_are_one_cluster(num):
    buffer, valid = embedded(np.ones((num, num)) - np.eye(num), np.arange(num) + 3)
    found = cluster(buffer, valid)
    assert len(set(np.asarray(found.label)[valid])) == min(num, 1)
    assert found.silhouette == 0


def test_identical_items_are_one_cluster():
    found = cluster(np.zeros((SIZE, SIZE)), np.ones(SIZE, bool))
    assert set(np.asarray(found.label)) == {0} and found.silhouette == 0


def test_infinitely_distant_items_are_told_apart():
    group = np.arange(SIZE) % 2
    distance = np.where(group[:, None] == group, 0.1, np.inf)
    np.fill_diagonal(distance, 0)
    found = cluster(distance, np.ones(SIZE, bool))
    assert same_partition(np.asarray(found.label), group)

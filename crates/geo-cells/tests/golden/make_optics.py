#!/usr/bin/env python3
"""Writes optics.tsv: OPTICS labels by scikit-learn.

    pip install scikit-learn==1.9.1 numpy
    python make_optics.py > optics.tsv

Distances are chords between unit vectors, as in the library.
"""

import importlib.metadata

import numpy as np
from sklearn.cluster import OPTICS


def unit(lat, lng):
    lat, lng = np.radians(lat), np.radians(lng)
    return np.stack([np.cos(lat) * np.cos(lng), np.cos(lat) * np.sin(lng), np.sin(lat)], 1)


def main():
    print(f"# scikit-learn {importlib.metadata.version('scikit-learn')}, written by make_optics.py")
    print("# set: number, min_samples, xi; then point: set, lat, lng, label")
    rng = np.random.default_rng(5)
    options = [(8, 0.05), (10, 0.025), (15, 0.015), (5, 0.1), (3, 0.15), (2, 0.3)]
    for number, (min_samples, xi) in enumerate(options):
        lat, lng = [], []
        for _ in range(4):
            n = int(rng.integers(25, 60))
            lat.append(rng.normal(rng.uniform(40, 50), 10 ** rng.uniform(-2, 0), n))
            lng.append(rng.normal(rng.uniform(0, 10), 10 ** rng.uniform(-2, 0), n))
        lat.append(rng.uniform(40, 50, 40))
        lng.append(rng.uniform(0, 10, 40))
        lat, lng = np.round(np.concatenate(lat), 5), np.round(np.concatenate(lng), 5)
        u = unit(lat, lng)
        # By differences: scikit-learn's own Euclidean distances lose half the digits here.
        apart = np.sqrt(((u[:, None] - u[None]) ** 2).sum(-1))
        labels = OPTICS(min_samples=min_samples, xi=xi, metric="precomputed").fit(apart).labels_
        print("set", number, min_samples, xi, sep="\t")
        for a, b, label in zip(lat, lng, labels):
            print("point", number, a, b, label, sep="\t")


if __name__ == "__main__":
    main()

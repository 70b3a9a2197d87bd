"""Writes the vectors of the comparison: a seeded mixture on the sphere, and the GeoCLIP gallery.

    python data.py FOLDER ROWS DIM        three-level mixture, half of the queries from another modality
    python data.py FOLDER geoclip DATA    embeddings of GeoCLIP's own gallery (weights/geoclip in DATA)
"""

import pathlib
import sys

import numpy as np


def normalise(x):
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-20)


def mixture(rows, dim, queries=2048, seed=1):
    """Regions, towns, streets: each level is the one above plus noise. Half of the queries are moved by
    one common offset, as photos against aerial codes are."""
    rng = np.random.default_rng(seed)
    noise = lambda n, s: rng.standard_normal((n, dim), dtype=np.float32) * np.float32(s / dim**0.5)
    top = normalise(noise(64, 1.0))
    mid = normalise(top[rng.integers(64, size=2048)] + noise(2048, 0.7))
    low = normalise(mid[rng.integers(2048, size=65536)] + noise(65536, 0.6))
    base = np.empty((rows, dim), np.float32)
    for at in range(0, rows, 65536):
        n = min(65536, rows - at)
        base[at : at + n] = normalise(low[rng.integers(65536, size=n)] + noise(n, 0.5))
    near = base[rng.integers(rows, size=queries)] + noise(queries, 0.4)
    near[1::2] += normalise(noise(1, 1.0)) * 0.6 + noise(queries // 2, 0.4)
    return base, normalise(near)


def write(folder, base, query):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    base.astype("<f4").tofile(folder / "base.f32")
    query.astype("<f4").tofile(folder / "query.f32")
    (folder / "meta.txt").write_text(f"{len(base)} {base.shape[1]} {len(query)}\n")


if __name__ == "__main__":
    folder, what, extra = sys.argv[1:4]
    write(folder, *mixture(int(what), int(extra)))

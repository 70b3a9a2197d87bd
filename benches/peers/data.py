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
    region = rng.integers(64, size=2048)
    mid = normalise(top[region] + noise(2048, 0.85))
    town = rng.integers(2048, size=65536)
    low = normalise(mid[town] + noise(65536, 0.8))
    base = np.empty((rows, dim), np.float32)
    street = np.empty(rows, np.int64)
    for at in range(0, rows, 65536):
        n = min(65536, rows - at)
        street[at : at + n] = rng.integers(65536, size=n)
        base[at : at + n] = normalise(low[street[at : at + n]] + noise(n, 0.75))
    near = base[rng.integers(rows, size=queries)] + noise(queries, 0.5)
    near[1::2] += normalise(noise(1, 1.0)) * 0.6 + noise(queries // 2, 0.5)
    # Places follow the same three levels: regions over the globe, towns within some 500 km, streets 20.
    there = np.random.default_rng(seed + 1)
    shift = lambda n, s: there.standard_normal((n, 3)) * s
    point = normalise(shift(64, 1.0))[region]
    point = normalise(point + shift(2048, 0.08))[town]
    point = normalise(point + shift(65536, 0.003))[street]
    x, y, z = normalise(point + shift(rows, 0.0002)).T
    return base, normalise(near), np.degrees(np.stack([np.arcsin(z), np.arctan2(y, x)], 1))


def geoclip(data, queries=2048, seed=1):
    """The gallery of GeoCLIP through its location encoder (Vivanco Cepeda and others 2023): Equal Earth
    projection, three random Fourier features, four linear layers each, summed, normalised. Queries are
    rows with noise."""
    folder = pathlib.Path(data) / "weights" / "geoclip"
    state = load_tensors(folder / "location_encoder_weights.pth")
    degrees = np.loadtxt(folder / "coordinates_100K.csv", delimiter=",", skiprows=1)
    lat, lng = np.radians(degrees).T
    a1, a2, a3, a4 = 1.340264, -0.081106, 0.000893, 0.003796
    t = np.arcsin(np.sqrt(3) / 2 * np.sin(lat))
    x = 2 * np.sqrt(3) * lng * np.cos(t) / (3 * (9 * a4 * t**8 + 7 * a3 * t**6 + 3 * a2 * t**2 + a1))
    y = a4 * t**9 + a3 * t**7 + a2 * t**3 + a1 * t
    place = (np.stack([x, y], 1) * 66.50336 / 180).astype(np.float32)
    out = np.zeros((len(place), 512), np.float32)
    for part in range(3):
        get = lambda name: state[f"LocEnc{part}.{name}"]
        angle = 2 * np.pi * place @ get("capsule.0.b").T
        h = np.concatenate([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
        for layer in (1, 3, 5):
            h = np.maximum(h @ get(f"capsule.{layer}.weight").T + get(f"capsule.{layer}.bias"), 0)
        out += h @ get("head.0.weight").T + get("head.0.bias")
    base = normalise(out)
    rng = np.random.default_rng(seed)
    near = base[rng.integers(len(base), size=queries)]
    near = near + rng.standard_normal(near.shape, dtype=np.float32) * np.float32(0.5 / 512**0.5)
    return base, normalise(near), degrees


def load_tensors(path):
    """Reads the tensors of a PyTorch file without PyTorch, and without running what is pickled."""
    import collections
    import pickle
    import zipfile

    archive = zipfile.ZipFile(path)
    root = archive.namelist()[0].split("/")[0]

    class Reader(pickle.Unpickler):
        def find_class(self, module, name):
            if name == "_rebuild_tensor_v2":
                return rebuild
            return collections.OrderedDict if name == "OrderedDict" else (lambda *a: None)

        def persistent_load(self, key):
            return np.frombuffer(archive.read(f"{root}/data/{key[2]}"), "<f4")

    def rebuild(values, offset, shape, stride, *_):
        bytes_per = tuple(4 * s for s in stride)
        return np.lib.stride_tricks.as_strided(values[offset:], shape, bytes_per).copy()

    return Reader(archive.open(f"{root}/data.pkl")).load()


def write(folder, base, query, place):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    base.astype("<f4").tofile(folder / "base.f32")
    query.astype("<f4").tofile(folder / "query.f32")
    place.astype("<f8").tofile(folder / "place.f64")
    (folder / "meta.txt").write_text(f"{len(base)} {base.shape[1]} {len(query)}\n")


if __name__ == "__main__":
    folder, what, extra = sys.argv[1:4]
    write(folder, *(geoclip(extra) if what == "geoclip" else mixture(int(what), int(extra))))

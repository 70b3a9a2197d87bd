"""Place recognition between two days with PyTorch, on the pixels that the example wrote.

    cargo run --release --example place_recognition -- --photos photos.csv --weights W \
        --gallery 20251222 --queries 20251225 --crops crops
    python scripts/place_recognition.py photos.csv crops W 20251222 20251225

Needs torch, timm and safetensors. Prints the lines of the example's frozen features and of the whitening learned
from pairs: EfficientNet-Lite0 of timm, generalised mean with exponent 3, cosine, a photo of the gallery within 25 m.
"""

import csv
import math
import pathlib
import sys

import numpy as np
import timm
import torch
from safetensors.torch import load_file


def haversine_m(a, b):
    (la, oa), (lb, ob) = np.radians(a), np.radians(b)
    h = np.sin((lb - la) / 2) ** 2 + np.cos(la) * np.cos(lb) * np.sin((ob - oa) / 2) ** 2
    return 2 * 6_371_008.8 * math.asin(math.sqrt(h))


def learned_from_pairs(features, near, shrinkage=0.8):
    """C^(-1/2) for the mean C of (x - y)(x - y)' over the pairs, shrunk towards its mean eigenvalue."""
    pairs = near & ~np.eye(len(near), dtype=bool)
    x = features - features.mean(0)
    laplacian = np.diag(pairs.sum(1)) - pairs
    within = x.T @ laplacian @ x / (pairs.sum() / 2)
    mean = np.trace(within) / len(within)
    values, axes = np.linalg.eigh((1 - shrinkage) * within + shrinkage * mean * np.eye(len(within)))
    return axes / np.sqrt(values) @ axes.T


def report(name, features, gallery, near_by_query):
    found = {1: 0, 5: 0, 10: 0}
    for q, near in near_by_query.items():
        order = np.argsort(-(features[gallery] @ features[q]), kind="stable")
        ranked = [gallery[i] in near for i in order[:10]]
        for k in found:
            found[k] += any(ranked[:k])
    line = " ".join(f"{100 * found[k] / len(near_by_query):>5.1f}%" for k in found)
    print(f"{name:<28} {line}")


def main(photos, crops, weights, gallery_day, query_day):
    rows = list(csv.DictReader(open(photos)))
    places = [(float(r["latitude"]), float(r["longitude"])) for r in rows]
    model = timm.create_model("tf_efficientnet_lite0")
    model.load_state_dict(load_file(weights))
    model.eval()
    features = []
    with torch.no_grad():
        for first in range(0, len(rows), 16):
            raw = [
                np.frombuffer((pathlib.Path(crops) / f"{i:05}.rgb").read_bytes(), np.uint8)
                for i in range(first, min(first + 16, len(rows)))
            ]
            pixels = np.stack(raw).reshape(-1, 224, 224, 3).astype(np.float32)
            x = torch.from_numpy((pixels - 127.0) / 128.0).permute(0, 3, 1, 2)
            maps = model.forward_features(x).clamp(min=1e-6)
            pooled = maps.pow(3).mean((2, 3)).pow(1 / 3)
            features.append(torch.nn.functional.normalize(pooled))
    features = torch.cat(features).numpy()
    gallery = [i for i, r in enumerate(rows) if r["day"] == gallery_day]
    queries = [i for i, r in enumerate(rows) if r["day"] == query_day]
    near_by_query = {}
    for q in queries:
        near = {g for g in gallery if haversine_m(places[q], places[g]) <= 25}
        if near:
            near_by_query[q] = near
    print(f"{len(gallery)} gallery photos, {len(near_by_query)} queries with a gallery photo within 25 m")
    report("frozen, PyTorch", features, gallery, near_by_query)
    features = features.astype(np.float64)
    near = np.array([[haversine_m(places[a], places[b]) <= 25 for b in gallery] for a in gallery])
    white = (features - features[gallery].mean(0)) @ learned_from_pairs(features[gallery], near)
    white /= np.linalg.norm(white, axis=1, keepdims=True)
    report("learned from pairs, NumPy", white, gallery, near_by_query)


if __name__ == "__main__":
    main(*sys.argv[1:6])

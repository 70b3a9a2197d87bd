"""Place recognition between two days with PyTorch, on the pixels that the example wrote.

    cargo run --release --example place_recognition -- --photos photos.csv --weights W \
        --gallery 20251222 --queries 20251225 --crops crops
    python scripts/place_recognition.py photos.csv crops W 20251222 20251225

Needs torch, timm and safetensors. Prints the line of the example's frozen features: EfficientNet-Lite0 of
timm, generalised mean with exponent 3, cosine, a photo of the gallery within 25 m.
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
    found, count = {1: 0, 5: 0, 10: 0}, 0
    for q in queries:
        near = {g for g in gallery if haversine_m(places[q], places[g]) <= 25}
        if not near:
            continue
        count += 1
        order = np.argsort(-(features[gallery] @ features[q]), kind="stable")
        ranked = [gallery[i] in near for i in order[:10]]
        for k in found:
            found[k] += any(ranked[:k])
    print(f"{len(gallery)} gallery photos, {count} queries with a gallery photo within 25 m")
    line = " ".join(f"{100 * found[k] / count:>5.1f}%" for k in found)
    print(f"{'frozen, PyTorch':<28} {line}")


if __name__ == "__main__":
    main(*sys.argv[1:6])

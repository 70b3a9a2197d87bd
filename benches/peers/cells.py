#!/usr/bin/env python3
"""Measures the Python peers of the cells crate and prints one JSON object a line.

    python cells.py rust.jsonl

`rust.jsonl` holds what the Rust program measured; its lines are printed as they are, and its own
times are compared with scikit-learn and with C++ S2 through the wheel `s2geometry`. Peers that are
not installed are left out with a note on standard error.
"""

import importlib.metadata
import json
import statistics
import sys
import time


def cpu(work, rounds=3):
    seconds = []
    for _ in range(rounds):
        start = time.thread_time()
        work()
        seconds.append(time.thread_time() - start)
    return statistics.median(seconds)


def compared(measure, unit, ours, peer, name):
    print(json.dumps({"measure": measure, "unit": unit, "ours": ours, "peer": peer,
                      "peer_name": name, "ratio": peer / ours, "target": None, "holds": None}))


def main():
    with open(sys.argv[1], encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.startswith("{")]
    for row in rows:
        print(json.dumps(row))
    last = {row["measure"].split(",")[0]: row["ours"] for row in rows}

    try:
        import s2geometry as s2
    except ImportError:
        print("s2geometry is not installed: skipped", file=sys.stderr)
    else:
        import random
        rng = random.Random(1)
        places = [(rng.uniform(-90, 90), rng.uniform(-180, 180)) for _ in range(100_000)]

        def encode():
            for lat, lng in places:
                s2.S2CellId(s2.S2LatLng.FromDegrees(lat, lng)).id()

        version = importlib.metadata.version("s2geometry")
        compared("lat/lng to leaf id, batch", "ns a point", last["lat/lng to leaf id"],
                 cpu(encode) / len(places) * 1e9,
                 f"C++ S2 {version} through its Python wheel, call by call")

    try:
        import numpy as np
        import sklearn
        from sklearn.metrics.pairwise import haversine_distances
    except ImportError:
        print("scikit-learn is not installed: skipped", file=sys.stderr)
    else:
        rng = np.random.default_rng(1)
        a, b = (np.radians(np.stack([rng.uniform(-90, 90, 10_000), rng.uniform(-180, 180, 10_000)], 1))
                for _ in range(2))

        def matrix():
            for start in range(0, len(a), 500):
                haversine_distances(a[start:start + 500], b)

        compared("10 k x 10 k distances in f64", "CPU s", last["10 k x 10 k distances in f64"],
                 cpu(matrix, 1), f"scikit-learn {sklearn.__version__}, haversine_distances")


if __name__ == "__main__":
    main()

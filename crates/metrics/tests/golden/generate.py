"""Writes peers.json: inputs and the values that scikit-learn, scipy and numpy give for them.

Usage: pip install scikit-learn && python3 generate.py > peers.json
The versions used are in the head of the file.
"""

import json

import numpy
import scipy
import sklearn
from scipy import optimize, special, stats
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.neighbors import NearestNeighbors

rng = numpy.random.default_rng(20261121)
EARTH = 6371.0088


def rounded(values, digits=6):
    return [round(float(v), digits) for v in numpy.ravel(values)]


def classification(failures):
    """Class 6 of 7 never occurs, class 5 is predicted only; -1 marks a failure."""
    truth = rng.integers(0, 5, 80)
    predicted = numpy.where(rng.random(80) < 0.5, truth, rng.integers(0, 6, 80))
    if failures:
        predicted[rng.choice(80, 9, replace=False)] = -1
    everything = list(range(7))
    present = sorted(set(truth) | set(predicted) - {-1})

    def scores(labels, average):
        values = metrics.precision_recall_fscore_support(
            truth, predicted, labels=labels, average=average, zero_division=0
        )
        return [v.tolist() if average is None else float(v) for v in values[:3]]

    matrix = metrics.confusion_matrix(truth, predicted, labels=[-1, *everything])[1:, 1:]
    return {
        "classes": 7,
        "truth": truth.tolist(),
        "predicted": predicted.tolist(),
        "accuracy": metrics.accuracy_score(truth, predicted),
        "per_class": scores(everything, None),
        "macro": scores(present, "macro"),
        "macro_all": scores(everything, "macro"),
        "micro": scores(everything, "micro"),
        "weighted": scores(everything, "weighted"),
        "confusion": matrix.tolist(),
    }


def probabilities():
    queries, classes = 60, 5
    truth = rng.integers(0, classes, queries)
    logits = rng.normal(0, 3, (queries, classes))
    logits[numpy.arange(queries), truth] += 4
    logits = numpy.round(logits, 6)
    p = special.softmax(logits, axis=1)
    labels = list(range(classes))

    def nll(t):
        return metrics.log_loss(truth, special.softmax(logits / t, axis=1), labels=labels)

    fit = optimize.minimize_scalar(nll, bounds=(0.1, 20), method="bounded", options={"xatol": 1e-10})
    one_relevant = numpy.eye(classes)[truth]
    return {
        "classes": classes,
        "truth": truth.tolist(),
        "logits": rounded(logits),
        "top_k": [metrics.top_k_accuracy_score(truth, p, k=k, labels=labels) for k in (1, 2, 3, 4)],
        "log_loss": nll(1.0),
        "brier": metrics.brier_score_loss(truth, p, labels=labels, scale_by_half=False),
        "temperature": float(fit.x),
        "nll_after": float(fit.fun),
        "mean_reciprocal_rank": metrics.label_ranking_average_precision_score(one_relevant, p),
    }


def reliability():
    confidence = numpy.round(rng.beta(2, 1.3, 400), 3)
    # Values on the edges of bins: 0, 1 and thirds and fifths that are not exact in binary.
    confidence[:8] = [0.0, 1.0, 0.2, 0.4, 0.6, 0.8, 1 / 3, 2 / 3]
    right = rng.random(400) < confidence**1.4
    accuracy, mean = calibration_curve(right, confidence, n_bins=15, strategy="uniform")
    edges = numpy.linspace(0, 1, 16)
    counts = numpy.bincount(numpy.searchsorted(edges[1:-1], confidence), minlength=15)
    filled = counts[counts > 0] / 400
    return {
        "confidence": confidence.tolist(),
        "right": right.tolist(),
        "expected_error": float(numpy.sum(filled * numpy.abs(accuracy - mean))),
        "maximum_error": float(numpy.max(numpy.abs(accuracy - mean))),
        "counts": counts.tolist(),
    }


def ranking():
    cases = []
    for relevant in (1, 4, 9):
        scores = numpy.round(rng.normal(size=30), 5)
        flags = numpy.zeros(30, bool)
        flags[rng.choice(30, relevant, replace=False)] = True
        cases.append(
            {
                "ranked": flags[numpy.argsort(-scores)].tolist(),
                "average_precision": metrics.average_precision_score(flags, scores),
            }
        )
    tied = rng.integers(0, 6, 40).astype(float)
    return {
        "average_precision": cases,
        "scores": tied.tolist(),
        "pessimistic": stats.rankdata(-tied, method="max").astype(int).tolist(),
        "optimistic": stats.rankdata(-tied, method="min").astype(int).tolist(),
    }


def distances():
    n = 40
    lat = numpy.round(numpy.degrees(numpy.arcsin(rng.uniform(-1, 1, (n, 2)))), 6)
    lng = numpy.round(rng.uniform(-180, 180, (n, 2)), 6)
    a = numpy.radians(numpy.stack([lat[:, 0], lng[:, 0]], 1))
    b = numpy.radians(numpy.stack([lat[:, 1], lng[:, 1]], 1))
    km = numpy.array([metrics.pairwise.haversine_distances(x[None], y[None])[0, 0] for x, y in zip(a, b)]) * EARTH
    percents = [5, 10, 25, 50, 75, 90, 95]
    k = 3

    def knn(points):
        tree = NearestNeighbors(n_neighbors=k + 1, metric="haversine").fit(points)
        return tree.kneighbors(points)[0][:, -1]

    # Places drawn from the northern half only.
    north = numpy.stack([numpy.abs(lat[:, 1]), lng[:, 1]], 1)
    drawn = numpy.radians(north)
    between = metrics.pairwise.haversine_distances(a, drawn)
    true_radius, drawn_radius = knn(a), knn(drawn)
    in_true = between <= true_radius[:, None]
    return {
        "truth": numpy.stack([lat[:, 0], lng[:, 0]], 1).tolist(),
        "predicted": numpy.stack([lat[:, 1], lng[:, 1]], 1).tolist(),
        "km": km.tolist(),
        "mean": float(km.mean()),
        "percents": percents,
        "percentiles": numpy.percentile(km, percents).tolist(),
        "with_five_failures": numpy.percentile(numpy.append(km, [1e300] * 5), [25, 50]).tolist(),
        "prdc_k": k,
        "drawn": north.tolist(),
        "prdc": [
            float(in_true.any(0).mean()),
            float((between <= drawn_radius[None]).any(1).mean()),
            float(in_true.sum() / (k * n)),
            float(in_true.any(1).mean()),
        ],
    }


def significance():
    a = numpy.round(rng.normal(0.4, 1, 14), 4)
    b = numpy.round(rng.normal(0.0, 1, 14), 4)
    exact = stats.permutation_test(
        (a, b), lambda x, y: numpy.mean(x - y), permutation_type="samples", n_resamples=numpy.inf
    )
    coins = [[3, 9], [10, 10], [0, 7], [61, 27], [400, 520], [1, 0], [0, 0], [3000, 2800]]
    sample = numpy.round(rng.gamma(2, 100, 200), 3)
    interval = stats.bootstrap(
        (sample,), numpy.mean, n_resamples=50000, method="percentile", confidence_level=0.9, random_state=1
    ).confidence_interval
    return {
        "a": a.tolist(),
        "b": b.tolist(),
        "permutation_p": float(exact.pvalue),
        "sign": [int((a > b).sum()), int((a < b).sum())],
        "sign_p": float(stats.binomtest(int((a > b).sum()), int((a != b).sum())).pvalue),
        "coins": coins,
        "coin_p": [float(stats.binomtest(x, x + y).pvalue) if x + y else 1.0 for x, y in coins],
        "bootstrap_sample": sample.tolist(),
        "bootstrap_level": 0.9,
        "bootstrap_interval": [float(interval.low), float(interval.high)],
        "standard_error": float(sample.std() / numpy.sqrt(200)),
    }


def selective():
    confidence = rng.permutation(50) / 50
    loss = numpy.round(rng.gamma(1, 100, 50), 3)
    order = numpy.argsort(-confidence)
    steps = numpy.arange(1, 51)
    risk = numpy.cumsum(loss[order]) / steps
    best = numpy.cumsum(numpy.sort(loss)) / steps
    return {
        "confidence": confidence.tolist(),
        "loss": loss.tolist(),
        "risk": risk.tolist(),
        "area": float(risk.mean()),
        "excess_area": float(risk.mean() - best.mean()),
    }


print(
    json.dumps(
        {
            "written_by": "generate.py",
            "versions": {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "numpy": numpy.__version__},
            "classification": [classification(False), classification(True)],
            "probabilities": probabilities(),
            "reliability": reliability(),
            "ranking": ranking(),
            "distances": distances(),
            "significance": significance(),
            "selective": selective(),
        },
        indent=None,
        separators=(",", ":"),
    )
)

"""Writes what PyTorch gives for every loss of `geoloc-losses`: value and gradients, in float64.

    python scripts/loss_goldens.py > crates/losses/tests/golden/losses.json

Needs torch; made with 2.15.0. Losses that torch.nn.functional has are taken from there, the others are
written as their papers have them. Gradients are of what comes before normalisation: rows that stand for
unit vectors go through `F.normalize` first, in the test as here. Inputs are multiples of 1/64, so that
they are the same numbers in f32. `tests/golden/main.rs` reads the file.
"""

import json
import math

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
DRAW = torch.Generator().manual_seed(20261121)
EARTH = 6371.0088
CASES = []


def draw(*shape, scale=1.0):
    return (torch.randn(*shape, generator=DRAW) * scale * 64).round() / 64


def plain(x):
    x = torch.as_tensor(x, dtype=torch.float64)
    return {"shape": list(x.shape), "values": [int(v) if v == int(v) else v for v in x.flatten().tolist()]}


def case(loss, label, inputs, forward, constants=None):
    """`forward` gets the inputs by position; `constants` is what the test needs beside them."""
    leaves = [x.clone().requires_grad_(True) for x in inputs.values()]
    value = forward(*leaves)
    value.backward()
    CASES.append(
        {
            "loss": loss,
            "label": label,
            "inputs": {name: plain(x) for name, x in inputs.items()},
            "constants": {name: plain(x) for name, x in (constants or {}).items()},
            "value": value.item(),
            "gradients": {name: x.grad.flatten().tolist() for name, x in zip(inputs, leaves)},
        }
    )


def unit(places):
    lat, lng = torch.deg2rad(torch.tensor(places)).T
    return torch.stack([lat.cos() * lng.cos(), lat.cos() * lng.sin(), lat.sin()], 1)


def distances_km(a, b, radius=EARTH):
    """Haversine formula, every place of a with every place of b."""
    a, b = torch.deg2rad(torch.tensor(a)), torch.deg2rad(torch.tensor(b))
    dlat = a[:, None, 0] - b[None, :, 0]
    dlng = a[:, None, 1] - b[None, :, 1]
    h = (dlat / 2).sin() ** 2 + a[:, None, 0].cos() * b[None, :, 0].cos() * (dlng / 2).sin() ** 2
    return 2 * radius * h.sqrt().asin()


# Cells


def cells():
    logits, classes = draw(5, 4, scale=2.0), torch.tensor([2, 0, 3, 3, 1])
    for smoothing in [0.0, 0.1]:
        case(
            "cross_entropy",
            f"smoothing {smoothing}",
            {"logits": logits},
            lambda x, s=smoothing: F.cross_entropy(x, classes, label_smoothing=s),
            {"classes": classes, "smoothing": [smoothing]},
        )
    cosine, scale = draw(5, 4, scale=0.3).clamp(-0.9, 0.9), torch.tensor([7.5])
    case(
        "cosine_cross_entropy",
        "scaled cosines",
        {"cosine": cosine, "scale": scale},
        lambda c, s: F.cross_entropy(s * c, classes),
        {"classes": classes},
    )
    counts = torch.tensor([5, 40, 3, 16])
    for label, raw in [
        ("inverse", 1 / counts),
        ("effective", (1 - 0.9) / (1 - 0.9**counts)),
    ]:
        weights = raw / raw.mean()
        case(
            f"balanced_{label}",
            "class weights",
            {"logits": logits},
            lambda x, w=weights: F.cross_entropy(x, classes, weight=w),
            {"classes": classes, "counts": counts, "focus": [0.0]},
        )

    def focal(x):
        """Lin et al. 2017, the weights as above."""
        weights = (1 / counts) / (1 / counts).mean()
        p = x.softmax(1)[torch.arange(5), classes]
        w = weights[classes]
        return (w * (1 - p) ** 2.0 * -p.log()).sum() / w.sum()

    case(
        "balanced_inverse",
        "focal",
        {"logits": logits},
        focal,
        {"classes": classes, "counts": counts, "focus": [2.0]},
    )
    for kind, margin in [("cosine", 0.4), ("angle", 0.5)]:

        def with_margin(c, s, kind=kind, margin=margin):
            """CosFace (Wang et al. 2018), ArcFace (Deng et al. 2019) with its rule beyond 180 degrees."""
            turned = c.acos() + margin
            moved = torch.where(turned > math.pi, c - margin * math.sin(margin), turned.cos())
            moved = c - margin if kind == "cosine" else moved
            own = F.one_hot(classes, 4).bool()
            return F.cross_entropy(s * torch.where(own, moved, c), classes)

        case(
            f"margin_{kind}",
            f"margin {margin}",
            {"cosine": cosine, "scale": scale},
            with_margin,
            {"classes": classes, "margin": [margin]},
        )
    smoothed(draw(3, 3))
    levels()


def smoothed(logits):
    """PIGEON (Haas et al. 2024). Cells are three faces of the S2 cube, with one place each; the first
    photo lies in face 0 and is nearer to the place of face 1."""
    places = [(0.0, -30.0), (5.0, 50.0), (-10.0, -80.0)]
    photos, own, tau = [(2.0, 40.0), (1.0, 60.0), (20.0, -40.0)], [0, 1, 0], 3000.0
    for anchor in ["nearest", "own"]:
        for normalised in [False, True]:
            d = distances_km(photos, places, 6378.137)
            zero = d.amin(1) if anchor == "nearest" else d[torch.arange(3), own]
            y = torch.exp(-(d - zero[:, None]) / tau)
            if normalised:
                y = y / y.sum(1, keepdim=True)
            # With soft targets, torch too leaves out that they sum to 1.
            case(
                f"smoothed_{anchor}",
                "normalised" if normalised else "as it is",
                {"logits": logits},
                lambda x, y=y: F.cross_entropy(x, y),
                {"places": places, "photos": photos, "tau_km": [tau], "normalise": [normalised]},
            )


def levels():
    coarse, fine = draw(4, 2), draw(4, 5)
    classes = torch.tensor([[0, 1], [1, 4], [1, 3], [0, 0]])
    for loss in ["summed_levels", "summed_sets"]:
        case(
            loss,
            "weights 0.5 and 0.3",
            {"coarse": coarse, "fine": fine},
            lambda a, b: 0.5 * F.cross_entropy(a, classes[:, 0]) + 0.3 * F.cross_entropy(b, classes[:, 1]),
            {"classes": classes, "weights": [0.5, 0.3]},
        )
    parents = torch.tensor([0, 0, 0, 1, 1])
    members = torch.stack(
        [torch.stack([parents == parents[c], torch.arange(5) == c]) for c in classes[:, 1].tolist()]
    )

    def ancestors(x):
        """OSV-5M (Astruc et al. 2024): the probability of each ancestor of the right cell."""
        p = (x.softmax(1)[:, None, :] * members).sum(2)
        return F.nll_loss(p.log().reshape(8, 1), torch.zeros(8, dtype=torch.long))

    case("ancestors", "two levels", {"fine": fine}, ancestors, {"members": members.double()})

    offsets, truth = draw(4, 5, 2), draw(4, 2)

    def with_offset(logits, offsets):
        own = offsets[torch.arange(4), classes[:, 1]]
        squared = F.mse_loss(own, truth, reduction="sum") / 4
        return F.cross_entropy(logits, classes[:, 1]) + 0.7 * squared

    case(
        "cell_offset",
        "weight 0.7",
        {"logits": fine, "offsets": offsets},
        with_offset,
        {"classes": classes[:, 1], "truth": truth, "weight": [0.7]},
    )
    scenes, experts = torch.tensor([1, 0, 1, 1]), [draw(4, 5), draw(4, 5)]

    def routed(scene, first, second):
        """ISN (Müller-Budack et al. 2018): an expert sees the photos of its scene alone."""
        terms = [
            F.cross_entropy([first, second][s][i : i + 1], classes[i : i + 1, 1])
            for i, s in enumerate(scenes.tolist())
        ]
        return torch.stack(terms).mean() + 0.4 * F.cross_entropy(scene, scenes)

    case(
        "scene_experts",
        "weight 0.4",
        {"scene": coarse, "first": experts[0], "second": experts[1]},
        routed,
        {"classes": classes[:, 1], "scenes": scenes, "weight": [0.4]},
    )


# Places

TRUTH = [(48.85, 2.35), (-33.87, 151.21), (35.68, -139.69), (-17.0, 179.5)]


def central_angle(a, b):
    return (a * b).sum(1).acos()


def regression():
    scaled = torch.tensor([[0.75, 0.5], [0.328125, 0.890625], [0.6875, 0.140625], [0.40625, 0.015625]])

    def haversine(x):
        lat, lng = (x[:, 0] - 0.5) * math.pi, (x[:, 1] - 0.5) * 2 * math.pi
        v = torch.stack([lat.cos() * lng.cos(), lat.cos() * lng.sin(), lat.sin()], 1)
        return EARTH * central_angle(v, unit(TRUTH)).mean()

    case("haversine", "kilometres", {"scaled": scaled}, haversine, {"truth": TRUTH})
    rows = unit(TRUTH) * 1.5 + draw(4, 3, scale=0.4)
    rows = (rows * 64).round() / 64
    for loss, measure in [
        ("half_squared_chord", lambda u, v: 1 - F.cosine_similarity(u, v)),
        ("angle", central_angle),
        ("score", lambda u, v: 1 - torch.exp(-EARTH * central_angle(u, v) / 1492.7)),
    ]:
        case(
            loss,
            "mean of four",
            {"rows": rows},
            lambda x, measure=measure: measure(F.normalize(x), unit(TRUTH)).mean(),
            {"truth": TRUTH},
        )
    s, logits, classes = torch.tensor([0.25, -0.75]), draw(4, 3), torch.tensor([1, 0, 2, 1])
    terms = lambda x, l: (1 - F.cosine_similarity(F.normalize(x), unit(TRUTH)).mean(), F.cross_entropy(l, classes))

    def uncertain(x, l, s):
        """Kendall, Gal and Cipolla 2018: L / σ² + ln σ of each task."""
        return sum(term / s[i].exp() + s[i].exp().sqrt().log() for i, term in enumerate(terms(x, l)))

    inputs = {"rows": rows, "logits": logits}
    constants = {"truth": TRUTH, "classes": classes}
    case("uncertainty", "two tasks", {**inputs, "log_variances": s}, uncertain, constants)
    case(
        "weighted_sum",
        "two tasks",
        inputs,
        lambda x, l: 0.3 * terms(x, l)[0] + 2.0 * terms(x, l)[1],
        {**constants, "weights": [0.3, 2.0]},
    )


def densities():
    truth = unit(TRUTH)

    def nll(means, kappas, weights):
        """Mardia and Jupp 2000: f(x) = κ / (4π sinh κ) · e^(κ μ·x)."""
        dots = (F.normalize(means, dim=2) * truth[:, None, :]).sum(2)
        sinh = torch.where(kappas < 300, kappas.clamp(max=300).sinh().log(), kappas - math.log(2))
        densities = kappas.log() - math.log(4 * math.pi) - sinh + kappas * dots
        return -torch.logsumexp(weights.log_softmax(1) + densities, 1).mean()

    means = (truth[:, None, :] * 1.25 + draw(4, 3, 3, scale=0.5)) * 64
    means = means.round() / 64
    for label, kappas in [
        ("one density", torch.tensor([[20.0], [3.0], [0.5], [400.0]])),
        ("wide densities", torch.tensor([[0.25], [0.125], [0.015625], [0.28125]])),
        ("three densities", torch.tensor([[20.0, 3.0, 0.25], [5.0, 1.0, 90.0], [2.0, 2.0, 2.0], [0.125, 40.0, 8.0]])),
    ]:
        components = kappas.shape[1]
        case(
            "mixture",
            label,
            {"means": means[:, :components], "kappas": kappas, "weights": draw(4, components)},
            nll,
            {"truth": TRUTH},
        )
    points, velocities, progress = unit(TRUTH), draw(4, 3), torch.tensor([[0.125], [0.5], [0.75], [1.0]])
    kept = torch.tensor([[1.0], [0.0], [1.0], [1.0]])

    def flow(condition, matrix):
        """Chen and Lipman 2024, with a field that is one matrix and a tanh."""
        found = torch.cat([points, progress, condition * kept], 1) @ matrix
        return F.mse_loss(found.tanh(), velocities)

    case(
        "flow_matching",
        "conditions dropped",
        {"condition": draw(4, 2), "matrix": draw(6, 3, scale=0.5)},
        flow,
        {"points": points, "velocities": velocities, "progress": progress, "kept": kept},
    )


# Contrast


def pairs():
    n, scale = 5, torch.tensor([6.5])
    inputs = {"query": draw(n, 4), "aerial": draw(n, 4), "scale": scale}
    near = [(48.0, 2.0), (48.01, 2.0), (-10.0, 30.0), (10.0, 179.999), (10.0, -179.999)]
    for radius in [0.0, 5.0]:
        ignore = (distances_km(near, near) < radius) & ~torch.eye(n, dtype=torch.bool)
        constants = {"truth": near, "radius_km": [radius]}
        rest = ["all pairs", "near pairs left out"][radius > 0]

        def logits(q, a, s):
            return s * F.normalize(q) @ F.normalize(a).T

        for smoothing in [0.0, 0.1]:
            own = torch.arange(n)

            def info_nce(q, a, s, e=smoothing, ignore=ignore):
                """Both directions; smoothing falls on pairs that are not left out."""
                x = logits(q, a, s)
                if not ignore.any():
                    rows = F.cross_entropy(x, own, label_smoothing=e)
                    return (rows + F.cross_entropy(x.T, own, label_smoothing=e)) / 2
                total = 0
                for x in [x, x.T]:
                    for i in range(n):
                        kept = [j for j in range(n) if not ignore[i, j]]
                        log_p = x[i, kept].log_softmax(0)
                        right = log_p[kept.index(i)]
                        total = total - (1 - e) * right - e * log_p.mean()
                return total / (2 * n)

            def decoupled(q, a, s, e=smoothing, ignore=ignore):
                """Yeh et al. 2022, smoothed as Fervers et al. 2024."""
                total = 0
                for x in [logits(q, a, s), logits(q, a, s).T]:
                    for i in range(n):
                        kept = [j for j in range(n) if not ignore[i, j]]
                        others = [j for j in kept if j != i]
                        positive = (1 - e) * x[i, i] + e * x[i, kept].mean()
                        total = total + torch.logsumexp(x[i, others], 0) - positive
                return total / (2 * n)

            settings = {**constants, "smoothing": [smoothing]}
            label = f"{rest}, smoothing {smoothing}"
            case("info_nce", label, inputs, info_nce, settings)
            case("decoupled", label, inputs, decoupled, settings)

        def triplet(q, a, ignore=ignore):
            """Hu et al. 2018, Shi et al. 2019: all triplets, squared distances."""
            d = torch.cdist(F.normalize(q), F.normalize(a)).square()
            both = []
            for d in [d, d.T]:
                terms = [
                    F.softplus(4.0 * (d[i, i] - d[i, j]))
                    for i in range(n)
                    for j in range(n)
                    if i != j and not ignore[i, j]
                ]
                both.append(torch.stack(terms).mean())
            return sum(both) / 2

        two = {"query": inputs["query"], "aerial": inputs["aerial"]}
        case("triplet", rest, two, triplet, {**constants, "alpha": [4.0]})

    queue, around = draw(3, 4), near + [(48.005, 2.0), (60.0, 60.0), (0.0, 0.0)]
    for radius in [0.0, 5.0]:
        ignore = (distances_km(near, around) < radius) & ~torch.eye(n, n + 3, dtype=torch.bool)

        def place_contrast(image, places, s, ignore=ignore):
            """GeoCLIP (Vivanco Cepeda et al. 2023): images against places of batch and queue."""
            x = s * F.normalize(image) @ F.normalize(places).T
            return F.cross_entropy(x.masked_fill(ignore, -math.inf), torch.arange(n))

        case(
            "place_contrast",
            f"radius {radius}",
            {"image": inputs["query"], "places": torch.cat([inputs["aerial"], queue]), "scale": scale},
            place_contrast,
            {"truth": near, "queue": around[n:], "radius_km": [radius]},
        )


def multi_similarity(s, positive, negative, alpha, beta, base, miner, weights=None):
    """Wang et al. 2019 for one anchor with cosines s."""
    least = min((s[j].item() for j in positive), default=math.inf)
    most = max((s[j].item() for j in negative), default=-math.inf)
    if miner is not None:
        negative = [j for j in negative if s[j].item() > least - miner]
        positive = [j for j in positive if s[j].item() < most + miner]
    total = torch.zeros(())
    if positive:
        w = torch.ones(len(s)) if weights is None else weights
        total = total + (w[positive] * torch.exp(-alpha * (s[positive] - base))).sum().log1p() / alpha
    if negative:
        total = total + torch.exp(beta * (s[negative] - base)).sum().log1p() / beta
    return total


def metric():
    n, rows = 7, draw(7, 3)
    labels = [0, 0, 1, 1, 1, 2, 2]
    for label, (alpha, beta, base, miner) in [
        ("no miner", (2.0, 10.0, 0.5, None)),
        ("miner", (2.0, 10.0, 0.5, 0.1)),
        ("as SALAD", (1.0, 50.0, 0.0, 0.1)),
    ]:

        def forward(x, settings=(alpha, beta, base, miner)):
            s, terms = F.normalize(x) @ F.normalize(x).T, []
            for i in range(n):
                positive = [j for j in range(n) if j != i and labels[j] == labels[i]]
                negative = [j for j in range(n) if labels[j] != labels[i]]
                terms.append(multi_similarity(s[i], positive, negative, *settings))
            return torch.stack(terms).mean()

        constants = {"labels": labels, "alpha": [alpha], "beta": [beta], "base": [base]}
        case("multi_similarity", label, {"rows": rows}, forward, {**constants, "miner": [] if miner is None else [miner]})

    places = [(0.0, 0.0), (0.0, 0.01), (0.0, 0.03), (0.0, 0.2), (0.0, 0.205), (40.0, 40.0), (-60.0, 9.0)]
    d = distances_km(places, places)

    def mil_nce(x):
        """Miech et al. 2020; anchors without a positive take no part."""
        s, terms = F.normalize(x) @ F.normalize(x).T / 0.1, []
        for i in range(n):
            positive = [j for j in range(n) if j != i and d[i, j] <= 2.0]
            negative = [j for j in range(n) if d[i, j] >= 5.0]
            if positive:
                p = s[i, positive + negative].softmax(0)[: len(positive)].sum()
                terms.append(-p.log())
        return torch.stack(terms).mean()

    constants = {"places": places, "positive_km": [2.0], "negative_km": [5.0], "temperature": [0.1]}
    case("mil_nce", "by distance", {"rows": rows}, mil_nce, constants)


def triangle():
    """Lindenberger et al. 2025. -1 leaves a pair out, 0 is a negative, above is a positive of that weight."""
    ground_aerial = torch.eye(4)
    ground_aerial[0, 1] = ground_aerial[1, 0] = -1
    prototypes = torch.eye(4, 5)
    prototypes[1, 2], prototypes[2, 4], prototypes[3] = 0.5, -1, -1
    weights = {"ground_prototype": 0.75, "ground_aerial": 1.0, "aerial_prototype": 0.5}

    def edge(kind, a, b, relation, scale):
        s, terms = F.normalize(a) @ F.normalize(b).T, []
        for i in range(len(a)):
            columns = range(len(b))
            positive = [j for j in columns if relation[i, j] > 0]
            negative = [j for j in columns if relation[i, j] == 0]
            if not positive:
                continue
            if kind == "info_nce":
                kept = positive + negative
                share = relation[i, kept].clamp(min=0) / relation[i, positive].sum()
                terms.append(F.cross_entropy(scale * s[i, kept][None], share[None]))
            else:
                terms.append(multi_similarity(s[i], positive, negative, 2.0, 5.0, 0.125, 0.1, relation[i]))
        return torch.stack(terms).mean()

    inputs = {"query": draw(4, 3), "aerial": draw(4, 3), "prototypes": draw(5, 3), "scale": torch.tensor([6.0])}
    for kind in ["info_nce", "multi_similarity"]:

        def forward(q, a, p, scale, kind=kind):
            pair = edge(kind, q, a, ground_aerial, scale) + edge(kind, a, q, ground_aerial.T, scale)
            return (
                weights["ground_aerial"] * pair / 2
                + weights["ground_prototype"] * edge(kind, q, p, prototypes, scale)
                + weights["aerial_prototype"] * edge(kind, a, p, prototypes, scale)
                # Multi-similarity has no scale: its gradient is 0.
                + 0.0 * scale.sum()
            )

        constants = {"pairs": ground_aerial, "relations": prototypes}
        constants |= {name: [w] for name, w in weights.items()}
        case(f"triangular_{kind}", "three edges", inputs, forward, constants)


if __name__ == "__main__":
    cells()
    regression()
    densities()
    pairs()
    metric()
    triangle()
    print("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in CASES) + "\n]")

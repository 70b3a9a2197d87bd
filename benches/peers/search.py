"""Search beside other engines: the same vectors, one thread, CPU time, interleaved, minimum of rounds.

    python search.py PROBE FOLDER [MEASURE ...]

Measures: exact, threads, open, fused, estimate, unsealed, lists, cells, graphs, region, links.

Prints one JSON object a line: measure, ours, peer, peer_name, ratio, recall, target, holds (true, false, or
"invalid" for a ratio that cannot be). Times are seconds per query. Recall is score-aware: an answer counts if its score reaches the true k-th one less
1e-6, since real galleries hold exact ties.
"""

import json
import pathlib
import subprocess
import sys
import time

import faiss
import numpy as np

K = 10
ROUNDS = 4
faiss.omp_set_num_threads(1)


def read(folder):
    n, d, q = map(int, (folder / "meta.txt").read_text().split())
    base = np.fromfile(folder / "base.f32", "<f4").reshape(n, d)
    return base, np.fromfile(folder / "query.f32", "<f4").reshape(q, d)


class Probe:
    """The library's side, in a process of its own."""

    def __init__(self, program, folder):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([program, str(folder)], stdin=pipe, stdout=pipe, text=True)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def clocked(f):
    start = time.thread_time()
    answer = f()
    return time.thread_time() - start, answer


def interleaved(ours, peers, rounds=ROUNDS):
    """Best seconds of each, and their last answers; a peer is (name, function giving (seconds, answer))."""
    best, answers = {}, {}
    for _ in range(rounds):
        for name, f in [("ours", ours), *peers]:
            seconds, answer = f()
            best[name] = min(best.get(name, 1e9), seconds)
            answers[name] = answer
    return best, answers


def report(measure, ours, peer, peer_name, target, recall=None, ratio=None, most=None, **more):
    """`most`: a ratio above it cannot be, so that the line is "invalid"."""
    ratio = peer / ours if ratio is None else ratio
    holds = None if target is None else bool(ratio >= target)
    if most is not None and ratio > most:
        holds = "invalid"
    line = dict(measure=measure, ours=ours, peer=peer, peer_name=peer_name, ratio=round(ratio, 3))
    print(json.dumps(line | dict(recall=recall, target=target, holds=holds) | more), flush=True)


def fastest(rows, recall):
    good = [r for r in rows if r[0] >= recall]
    return min(good, key=lambda r: r[1]) if good else None


class Bench:
    def __init__(self, program, folder):
        self.folder = folder
        self.base, self.query = read(folder)
        self.name = folder.name
        self.probe = Probe(program, folder)
        self.flat = faiss.IndexFlatIP(self.base.shape[1])
        self.flat.add(self.base)
        truth = folder / "truth.npy"
        if not truth.exists():
            np.save(truth, self.flat.search(self.query, K)[0])
        self.kth = np.load(truth)[:, K - 1]

    def recall(self, ids):
        hits = 0
        for i, row in enumerate(ids):
            row = np.asarray([r for r in row if r >= 0][:K], dtype=np.int64)
            hits += int((self.base[row] @ self.query[i] >= self.kth[i] - 1e-6).sum())
        return round(hits / (K * len(ids)), 4)

    def exact(self):
        q, n, d = self.query, *self.base.shape
        half = faiss.IndexScalarQuantizer(d, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        half.train(self.base[:1000])
        half.add(self.base)

        def ours(batch, count, extra=""):
            def run():
                a = self.probe.ask(f"flat {batch} {count} {extra}")
                return a["seconds"], a

            return run

        def engine(index, batch, count):
            def run():
                s, ids = clocked(
                    lambda: np.concatenate(
                        [index.search(q[i : i + batch], K)[1] for i in range(0, count, batch)]
                    )
                )
                return s / count, ids

            return run

        def gemm(count):
            def run():
                def go():
                    s = q[:count] @ self.base.T
                    top = np.argpartition(s, n - K, axis=1)[:, n - K :]
                    return top

                s, ids = clocked(go)
                return s / count, ids

            return run

        self.probe.ask("flat 1 1")
        best, a = interleaved(ours(1, 16), [("faiss flat", engine(self.flat, 1, 16))])
        report(f"{self.name}: exact, batch 1", best["ours"], best["faiss flat"], "faiss IndexFlatIP", 4.5,
               self.recall(a["ours"]["ids"]), reranked_median=a["ours"]["reranked"])
        # As many bytes as the scan reads at least (headers and upper halves of the codes), summed by the same
        # process: medians of short turns, since what memory gives wanders within seconds on a shared machine.
        size = n * (8 + -(-d // 8) * 4)
        turns = [(self.probe.ask("flat 1 4"), self.probe.ask(f"read {size} 4")) for _ in range(40)]
        scanned, read = (size / float(np.median([a["seconds"] for a in side])) for side in zip(*turns))
        report(f"{self.name}: exact, batch 1, bytes/s of those of reading", scanned, read,
               f"sum of words, {turns[0][1]['how']}", 0.85, ratio=scanned / read, most=1.05)
        best, a = interleaved(ours(1, 16, "avx2"), [("faiss flat", engine(self.flat, 1, 16))])
        report(f"{self.name}: exact, batch 1, AVX2 only", best["ours"], best["faiss flat"], "faiss IndexFlatIP", 2.5,
               self.recall(a["ours"]["ids"]))
        peers = [("faiss flat", engine(self.flat, 64, 64)), ("faiss SQ fp16", engine(half, 64, 64)), ("numpy", gemm(64))]
        best, a = interleaved(ours(64, 64), peers, 3)
        name = min((p for p, _ in peers), key=best.get)
        report(f"{self.name}: exact, batch 64", best["ours"], best[name], name, 8.0, self.recall(a["ours"]["ids"]))
        best, a = interleaved(ours(1024, 1024), [("faiss flat", engine(self.flat, 1024, 1024))], 2)
        report(f"{self.name}: exact, batch 1024", best["ours"], best["faiss flat"], "faiss IndexFlatIP", 3.5,
               self.recall(a["ours"]["ids"]))

    def threads(self):
        self.probe.ask("flat 1 1")
        for batch, count in ((1, 64), (1024, 2048)):
            one = min(self.probe.ask(f"flat {batch} {count}")["seconds"] for _ in range(3))
            two = min(self.probe.ask(f"threads {batch} {count}")["seconds"] for _ in range(3))
            report(f"{self.name}: two threads (wall) over one (CPU), batch {batch}", two, one, "one thread", None)

    def lists(self):
        """Approximate engines over their own sweeps; the best at a recall is compared."""
        n, d = self.base.shape
        count = min(1000, len(self.query))
        q = self.query[:count]
        lists = 2048 if n > 200_000 else 512
        own, built = {}, {}
        for codes, reranks in (("four_bit", (10, 20, 40)), ("int8", (10,)), ("one_bit", (150,))):
            built[codes] = self.probe.ask(f"build {codes} {lists}")
            for probes in (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64):
                for rerank in reranks:
                    self.sweep_own(own, codes, probes, rerank, count)
        (self.folder / "own.json").write_text(json.dumps(own["together"]))
        (self.folder / "own.build").write_text(str(built["four_bit"]["seconds"]))
        million = n > 500_000
        for recall in (0.95, 0.99):
            together, alone = (fastest(own[mode], recall) for mode in ("together", "alone"))
            if together and alone:
                report(f"{self.name}: recall@10 >= {recall}, all queries in one call", together[1], alone[1],
                       "one query a call", None, together[0], setting=together[2], alone=alone[2])
        for codes, most in (("int8", 145), ("four_bit", 80), ("one_bit", 32)):
            size = built[codes]["bytes"]
            report(f"{self.name}: bytes a row, {codes}", size, most, "limit at 128 columns", 1.0 if d == 128 else None)
        rows = []
        for name, peer in self.peers().items():
            found = [(r, s, f"{name} {what}") for r, s, what in peer(lists, q)]
            rows += found
            self.beside(0.95, found, None)
            self.beside(0.99, found, None)
        self.beside(0.95, rows, 1.5 if million else None, "the best of faiss IVF and ScaNN")
        self.beside(0.99, rows, None if million else 1.1, "the best of faiss IVF and ScaNN")

    def sweep_own(self, own, codes, probes, rerank, count):
        """All queries in one call, as the peers answer them, and some of them one query a call."""
        for mode, word, size in (("together", " together", count), ("alone", "", count // 4)):
            runs = [self.probe.ask(f"ivf {probes} {rerank} {size}{word}") for _ in range(2)]
            seconds = min(r["seconds"] for r in runs)
            row = (self.recall(runs[0]["ids"]), seconds, f"{codes} np{probes} rr{rerank}")
            own.setdefault(mode, []).append(row)

    def beside(self, recall, rows, target, whom=None):
        """The fastest setting of each side that reaches a recall, all queries in one call."""
        own = json.loads((self.folder / "own.json").read_text())
        what = f"{self.name}: recall@10 >= {recall}" + (f", {whom}" if whom else "")
        a, b = fastest(own, recall), fastest(rows, recall)
        if a and not b:
            # The peer does not get there: compared at the best recall that it has.
            b = max(rows, key=lambda r: (r[0], -r[1]))
            a, what = fastest(own, b[0]), what + " (the peer stays below: at its best)"
        if a and b:
            report(what, a[1], b[1], b[2], target, a[0], setting=a[2], peer_recall=b[0])

    def cells(self):
        """Lists by S2 cells beside lists by k-means: the fewest rows scanned and the time at a recall."""
        lists = 2048 if len(self.base) > 200_000 else 512
        count = min(1000, len(self.query))
        found = {}
        for grouping in ("means", "cells"):
            self.probe.ask(f"build int8 {lists} {grouping}")
            own = {}
            for probes in (2, 4, 8, 16, 32, 64, 128, 256, 512):
                self.sweep_own(own, "int8", probes, 10, count)
            found[grouping] = own["alone"]
        for recall in (0.8, 0.9, 0.95):
            means, cells = (fastest(found[g], recall) for g in ("means", "cells"))
            if means and cells:
                report(f"{self.name}: lists by cells, recall@10 >= {recall}", cells[1], means[1], "lists by k-means",
                       None, cells[0], setting=cells[2], peer_setting=means[2], peer_recall=means[0])
            elif means:
                best = max(found["cells"])
                report(f"{self.name}: lists by cells, recall@10 >= {recall} not reached", best[1], means[1],
                       "lists by k-means", None, best[0], setting=best[2], peer_setting=means[2], peer_recall=means[0])

    def unsealed(self):
        """A batch over rows that are not sealed: one matrix product, beside one query a call."""
        a = [self.probe.ask("unsealed 64") for _ in range(3)]
        one, many = (min(r[key] for r in a) for key in ("alone", "together"))
        report(f"{self.name}: 100,000 unsealed rows, batch 64 by a matrix product", many, one, "one query a call", None)

    def graphs(self):
        """hnswlib with up to 4096 candidates; `links` does the same with twice the links, built longer."""
        count = min(1000, len(self.query))
        rows = [(r, s, f"hnswlib M16 {what}") for r, s, what in self.hnsw(self.query[:count])]
        million = len(self.base) > 500_000
        self.beside(0.95, rows, 2.5 if million else None)
        self.beside(0.99, rows, 1.4 if million else None)
        ours, peer = (float((self.folder / f"{name}.build").read_text()) for name in ("own", "hnswlib16"))
        report(f"{self.name}: build, CPU s", ours, peer, "hnswlib", 10.0)

    def links(self):
        count = min(1000, len(self.query))
        rows = [(r, s, f"hnswlib M32 {what}") for r, s, what in self.hnsw(self.query[:count], 32, 200)]
        self.beside(0.95, rows, None)
        self.beside(0.99, rows, None)

    def hnsw(self, q, m=16, ef_construction=128):
        import hnswlib

        n, d = self.base.shape
        index, file = hnswlib.Index(space="ip", dim=d), self.folder / f"hnswlib{m}.bin"
        if file.exists():
            index.load_index(str(file), max_elements=n)
        else:
            index.init_index(max_elements=n, ef_construction=ef_construction, M=m, random_seed=1)
            index.set_num_threads(1)
            start = time.process_time()
            index.add_items(self.base)
            (self.folder / f"hnswlib{m}.build").write_text(f"{time.process_time() - start:.1f}")
            index.save_index(str(file))
        index.set_num_threads(1)

        def search(ef):
            index.set_ef(ef)
            return index.knn_query(q, K)[0].astype(np.int64)

        rows = []
        for ef in (16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096):
            rows += self.sweep(search, [(ef, f"ef{ef}")])
            if rows[-1][0] >= 0.995:
                break
        return rows

    def sweep(self, search, settings):
        rows = []
        for setting, label in settings:
            s, ids = min((clocked(lambda: search(setting)) for _ in range(3)), key=lambda r: r[0])
            rows.append((self.recall(ids), s / len(ids), label))
        return rows

    def peers(self):
        n, d = self.base.shape
        sweep = self.sweep

        def ivf_flat(lists, q):
            index = faiss.index_factory(d, f"IVF{lists},Flat", faiss.METRIC_INNER_PRODUCT)
            index.train(self.base[:: max(1, n // 131072)])
            index.add(self.base)

            def search(p):
                index.nprobe = p
                return index.search(q, K)[1]

            return sweep(search, [(p, f"np{p}") for p in (4, 6, 8, 12, 16, 24, 32, 64)])

        def ivf_pq(lists, q):
            index = faiss.index_factory(d, f"IVF{lists},PQ{d // 2}x4fs,Refine(Flat)", faiss.METRIC_INNER_PRODUCT)
            index.train(self.base[:: max(1, n // 131072)])
            index.add(self.base)
            inner = faiss.extract_index_ivf(index.base_index)

            def search(setting):
                inner.nprobe, index.k_factor = setting
                return index.search(q, K)[1]

            grid = [((p, r), f"np{p} rr{10 * r}") for p in (8, 12, 16, 24, 32, 48, 64) for r in (1, 2, 4, 10)]
            return sweep(search, grid)

        def scann(lists, q):
            import scann as library

            build = library.scann_ops_pybind.builder(self.base, K, "dot_product")
            build = build.tree(num_leaves=lists, num_leaves_to_search=32, training_sample_size=131072)
            index = build.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(100).build()

            def search(p):
                found = [index.search(x, leaves_to_search=p, pre_reorder_num_neighbors=100)[0] for x in q]
                return np.asarray(found, dtype=np.int64)

            return sweep(search, [(p, f"leaves{p}") for p in (8, 16, 24, 32, 48, 64, 96)])

        return {"faiss IVF,Flat": ivf_flat, "faiss IVF,PQfs": ivf_pq, "ScaNN": scann}

    def region(self):
        """The library's rows are spread over 1000 places by row modulo 1000; a region holds ten of them."""
        n, d = self.base.shape
        keep = (np.arange(n) % 1000 < 10).astype(bool)
        bits = np.packbits(keep, bitorder="little")
        chosen = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        flat = faiss.SearchParameters(sel=chosen)
        count = 16
        ours = lambda: (lambda a: (a["seconds"], a))(self.probe.ask(f"region {count}"))

        def exhaustive():
            s, _ = clocked(lambda: [self.flat.search(self.query[i : i + 1], K, params=flat) for i in range(count)])
            return s / count, None

        best, a = interleaved(ours, [("faiss flat", exhaustive)], 2)
        report(f"{self.name}: region of {a['ours']['kept']} rows, exact", best["ours"], best["faiss flat"],
               "faiss IndexFlatIP with IDSelectorBitmap", 50.0)
        file = self.folder / "hnswlib16.bin"
        if file.exists():
            import hnswlib

            index = hnswlib.Index(space="ip", dim=d)
            index.load_index(str(file), max_elements=n)
            index.set_num_threads(1)
            index.set_ef(64)
            inside = keep.tolist()
            s, found = clocked(lambda: [index.knn_query(self.query[i : i + 1], K, filter=lambda j: inside[j]) for i in range(4)])
            report(f"{self.name}: region of {a['ours']['kept']} rows", best["ours"], s / 4, "hnswlib ef64 with filter", 50.0)

    def open(self):
        self.probe.ask("flat 1 1")
        file = str(self.folder / "faiss.index")
        faiss.write_index(self.flat, file)

        def peer():
            return clocked(lambda: faiss.read_index(file).search(self.query[:1], K)[1])

        ours = lambda: (lambda a: (a["seconds"], a))(self.probe.ask("open"))
        best, a = interleaved(ours, [("faiss", peer)], 4)
        report(f"{self.name}: open to first answer", best["ours"], best["faiss"], "faiss read_index and search", 20.0,
               open_only=a["ours"]["open"])
        pathlib.Path(file).unlink()

    def fused(self):
        n, d = self.base.shape
        m, kappa, count = n // 5, np.float32(0.7), 16
        a, p = faiss.IndexFlatIP(d), faiss.IndexFlatIP(d)
        p.add(self.base[:m])
        a.add(self.base[m : 5 * m])
        parent = np.arange(4 * m) // 4

        def peer():
            def one(x):
                """Best 100 of each part, all their cells scored by both."""
                cells = a.search(x, 100)[1][0]
                more = (p.search(x, 100)[1][0][:, None] * 4 + np.arange(4)).ravel()
                cells = np.union1d(cells, more)
                s = self.base[m + cells] @ x[0] + kappa * (self.base[parent[cells]] @ x[0])
                return cells[np.argsort(-s)[:K]]

            s, ids = clocked(lambda: [one(self.query[i : i + 1]) for i in range(count)])
            return s / count, ids

        ours = lambda: (lambda r: (r["seconds"], r))(self.probe.ask(f"fused {count}"))
        best, answers = interleaved(ours, [("faiss", peer)], 3)
        right = {"ours": 0, "faiss": 0}
        for i in range(count):
            x = self.query[i]
            s = self.base[m : 5 * m] @ x + kappa * (self.base[:m] @ x)[parent]
            kth = np.sort(s)[-K] - 1e-6
            right["ours"] += int((s[np.asarray(answers["ours"]["ids"][i])] >= kth).sum())
            right["faiss"] += int((s[answers["faiss"][i]] >= kth).sum())
        report(f"{self.name}: two parts fused, exact", best["ours"], best["faiss"], "two faiss searches and a merge", 3.0,
               right["ours"] / (K * count), peer_recall=right["faiss"] / (K * count))

    def estimate(self):
        seconds = min(self.probe.ask("estimate 2000")["seconds"] for _ in range(3))
        report(f"{self.name}: 100 hits to suppression to estimate", seconds, 100e-6, "limit", 1.0)


if __name__ == "__main__":
    program, folder, *measures = sys.argv[1:]
    bench = Bench(program, pathlib.Path(folder))
    every = ["exact", "threads", "open", "fused", "estimate", "unsealed", "lists", "cells", "graphs", "region", "links"]
    for measure in measures or every:
        getattr(bench, measure)()

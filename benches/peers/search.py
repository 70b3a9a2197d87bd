"""Search beside other engines: the same vectors, one thread, CPU time, interleaved, minimum of rounds.

    python search.py PROBE FOLDER [MEASURE ...]      measures: exact lists region open fused estimate threads

Prints one JSON object a line: measure, ours, peer, peer_name, ratio, recall, target, holds. Times are
seconds per query. Recall is score-aware: an answer counts if its score reaches the true k-th one less
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


def report(measure, ours, peer, peer_name, target, recall=None, ratio=None, **more):
    ratio = peer / ours if ratio is None else ratio
    holds = None if target is None else bool(ratio >= target)
    line = dict(measure=measure, ours=ours, peer=peer, peer_name=peer_name, ratio=round(ratio, 3))
    print(json.dumps(line | dict(recall=recall, target=target, holds=holds) | more), flush=True)


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

    def bandwidth(self):
        """Bytes a second of one core reading a large array: the best of several sums."""
        array = np.ones(1 << 26, np.float32)
        best = min(clocked(lambda: np.dot(array, array))[0] for _ in range(8))
        # The dot of an array with itself reads it once.
        return array.nbytes / best

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
        rate = n * (8 + -(-d // 8) * 8) / best["ours"]
        read = self.bandwidth()
        report(f"{self.name}: exact, batch 1, bytes/s of measured", rate, read, "read bandwidth", 0.85, ratio=rate / read)
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
        own, built = [], {}
        for codes, reranks in (("four_bit", (10, 20, 40)), ("int8", (10,)), ("one_bit", (100, 200))):
            built[codes] = self.probe.ask(f"build {codes} {lists}")
            for probes in (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96):
                for rerank in reranks:
                    runs = [self.probe.ask(f"ivf {probes} {rerank} {count}") for _ in range(3)]
                    seconds = min(r["seconds"] for r in runs)
                    own.append((self.recall(runs[0]["ids"]), seconds, f"{codes} np{probes} rr{rerank}"))
        peers = {name: f(lists, q) for name, f in self.peers().items()}

        def fastest(rows, recall):
            good = [r for r in rows if r[0] >= recall]
            return min(good, key=lambda r: r[1]) if good else None

        million = n > 500_000
        for recall, names, target in (
            (0.95, ["hnswlib"], 2.5 if million else None),
            (0.95, ["faiss IVF,Flat", "faiss IVF,PQfs", "ScaNN"], 1.5 if million else None),
            (0.99, ["hnswlib"], 1.4 if million else None),
            (0.99, list(peers), None if million else 1.1),
        ):
            rows = [(r, s, f"{name} {what}") for name in names if name in peers for r, s, what in peers[name]]
            a, b = fastest(own, recall), fastest(rows, recall)
            if a and not b:
                # The peer does not get there: its best, with the recall it has.
                b = max(rows, key=lambda r: (r[0], -r[1]), default=None)
            if a and b:
                report(f"{self.name}: recall@10 >= {recall}", a[1], b[1], b[2], target, a[0], setting=a[2], peer_recall=b[0])
        seconds_file = self.folder / "hnswlib.build"
        if seconds_file.exists():
            report(f"{self.name}: build, CPU s", built["four_bit"]["seconds"], float(seconds_file.read_text()), "hnswlib", 10.0)
        for codes, most in (("int8", 145), ("four_bit", 80), ("one_bit", 32)):
            size = built[codes]["bytes"]
            report(f"{self.name}: bytes a row, {codes}", size, most, "limit at 128 columns", 1.0 if d == 128 else None)

    def peers(self):
        n, d = self.base.shape
        best = lambda f, times=3: min((f() for _ in range(times)), key=lambda r: r[0])

        def sweep(search, settings):
            rows = []
            for setting, label in settings:
                s, ids = best(lambda: clocked(lambda: search(setting)))
                rows.append((self.recall(ids), s / len(ids), label))
            return rows

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

        def hnsw(_, q):
            import hnswlib

            index, file = hnswlib.Index(space="ip", dim=d), self.folder / "hnswlib.bin"
            if file.exists():
                index.load_index(str(file), max_elements=n)
            else:
                index.init_index(max_elements=n, ef_construction=128, M=16, random_seed=1)
                index.set_num_threads(1)
                start = time.process_time()
                index.add_items(self.base)
                (self.folder / "hnswlib.build").write_text(f"{time.process_time() - start:.1f}")
                index.save_index(str(file))
            index.set_num_threads(1)

            def search(ef):
                index.set_ef(ef)
                return index.knn_query(q, K)[0].astype(np.int64)

            return sweep(search, [(ef, f"ef{ef}") for ef in (16, 24, 32, 48, 64, 96, 128, 192, 256)])

        def scann(lists, q):
            import scann as library

            build = library.scann_ops_pybind.builder(self.base, K, "dot_product")
            build = build.tree(num_leaves=lists, num_leaves_to_search=32, training_sample_size=131072)
            index = build.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(100).build()

            def search(p):
                found = [index.search(x, leaves_to_search=p, pre_reorder_num_neighbors=100)[0] for x in q]
                return np.asarray(found, dtype=np.int64)

            return sweep(search, [(p, f"leaves{p}") for p in (8, 16, 24, 32, 48, 64, 96)])

        return {"faiss IVF,Flat": ivf_flat, "faiss IVF,PQfs": ivf_pq, "hnswlib": hnsw, "ScaNN": scann}

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
        file = self.folder / "hnswlib.bin"
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
    for measure in measures or ["exact", "threads", "lists", "region", "open", "fused", "estimate"]:
        getattr(bench, measure)()

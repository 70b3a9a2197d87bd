"""Checks on Qdrant's own engine the rules that `QdrantIndex` relies on and its test's stand-in imitates.

    pip install qdrant-edge-py==0.9.0
    python scripts/qdrant_rules.py

The package holds the engine of a shard, without the server. Prints one line a rule; fails if one is broken.
"""

import math
import random
import struct
import tempfile

import qdrant_edge as q

ROWS = 400
random.seed(3)


def signed(number):
    """As `to_signed` of the library: 64 bits without a sign as a signed number of the same order."""
    number ^= 1 << 63
    return number - (1 << 64) if number >= 1 << 63 else number


def rule(text, holds):
    print(f"{'holds' if holds else 'BROKEN'}: {text}")
    if not holds:
        raise SystemExit(1)


def scroll(**request):
    return [point.id for point in shard.scroll(q.ScrollRequest(limit=1, **request))[0]]


def search(conditions, limit=1000):
    request = q.QueryRequest(
        limit=limit,
        query=q.Query.Nearest([1.0, 0.0, 0.0, 0.0]),
        filter=conditions,
        params=q.SearchParams(exact=True),
        with_payload=True,
        with_vector=True,
    )
    return shard.query(request)


vectors = q.EdgeVectorParams(size=4, distance=q.Distance.Dot)
shard = q.EdgeShard.create(tempfile.mkdtemp(), q.EdgeConfig(vectors=vectors))
first = random.getrandbits(63) | 1
# Half of the cells are leaves side by side; the others are anywhere, the ends included.
cells = [first + 2 * i if i % 2 else random.getrandbits(64) | 1 for i in range(ROWS - 4)]
cells += [1, (1 << 64) - 1, (1 << 63) + 1, (1 << 63) - 1]
ids = [*range(ROWS - 1), (1 << 64) - 1]
rows = {}
for number, cell in zip(ids, cells):
    place = {"lat": random.uniform(-90, 90), "lon": random.uniform(-180, 180)}
    payload = {"cell": signed(cell), "row": signed(number), "location": place}
    rows[number] = ([random.uniform(-2, 2) for _ in range(4)], payload)
points = [q.Point(number, vector, payload) for number, (vector, payload) in rows.items()]
shard.update(q.UpdateOperation.upsert_points(points))

descending = q.OrderBy("row", direction=q.Direction.Desc)
try:
    scroll(order_by=descending)
    rule("ordering needs an index", False)
except Exception as error:
    rule("ordering needs an index", "No range index" in str(error))
for indexed in (False, True):
    if indexed:
        for field in ("cell", "row"):
            shard.update(q.UpdateOperation.create_field_index(field, q.PayloadSchemaType.Integer))
    lost = 0
    for _ in range(300):
        low, high = sorted(signed(cell) for cell in random.sample(cells, 2))
        wide = q.RangeFloat(
            gte=math.nextafter(float(low), -math.inf), lte=math.nextafter(float(high), math.inf)
        )
        found = search(q.Filter(should=[q.FieldCondition("cell", range=wide)]))
        found = {point.id for point in found}
        lost += sum(low <= signed(c) <= high and i not in found for i, c in zip(ids, cells))
    rule(f"a widened range of 64-bit numbers loses no row (index: {indexed})", lost == 0)
rule("the largest 64-bit id is found by ordering", scroll(order_by=descending) == [ids[-1]])
empty = q.Filter(must=[q.IsEmptyCondition("cell")])
rule("no row lacks a cell", scroll(filter=empty) == [])
shard.update(q.UpdateOperation.upsert_points([q.Point(ROWS, [0.0] * 4, {"row": signed(ROWS)})]))
rule("the row without a cell is found", scroll(filter=empty) == [ROWS])
rule("no conditions let everything pass", len(search(q.Filter(should=[]))) == ROWS + 1)
kept = [point for point in search(None) if point.id in rows]
narrow = struct.Struct("f")
same = all([narrow.unpack(narrow.pack(x))[0] for x in rows[p.id][0]] == list(p.vector) for p in kept)
rule("vectors of an inner product come back as they were", same and len(kept) == ROWS)
rule("64-bit numbers come back as they were", all(p.payload["cell"] == rows[p.id][1]["cell"] for p in kept))
far = max(
    abs(p.payload["location"][key] - rows[p.id][1]["location"][key]) for p in kept for key in ("lat", "lon")
)
rule(f"coordinates come back to the last bit or next to it ({far:.1e} degrees)", far < 1e-13)

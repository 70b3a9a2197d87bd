#!/usr/bin/env python3
"""Writes s2_cells.tsv: leaf ids, centres, neighbours and vertices by Google's C++ S2.

    pip install s2geometry==0.14.0
    python make_s2_cells.py > s2_cells.tsv

The wheel holds the C++ library of the same version. Numbers are written as the sixteen
hexadecimal digits of their bits, so that nothing is lost. Longitudes are folded into [-180, 180) first, as `LatLng::new` does.
"""

import importlib.metadata
import math
import random
import struct

import s2geometry as s2

RANDOM = random.Random(20261121)


def bits(x):
    return struct.pack(">d", x).hex()


def fold(lng):
    if -180.0 <= lng < 180.0:
        return lng
    folded = (lng + 180.0) % 360.0 - 180.0
    return -180.0 if folded >= 180.0 else folded


def moved(x, ulps):
    for _ in range(abs(ulps)):
        x = math.nextafter(x, math.inf if ulps > 0 else -math.inf)
    return x


def around(lat, lng):
    """A place and its neighbours in the last place."""
    for a, b in [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (2, 2), (-2, 2), (2, -2), (-2, -2)]:
        yield max(-90.0, min(90.0, moved(lat, a))), moved(lng, b)


def uniform():
    lat = math.degrees(math.asin(RANDOM.uniform(-1.0, 1.0)))
    return lat, RANDOM.uniform(-180.0, 180.0)


def cell_of(lat, lng, level):
    return s2.S2CellId(s2.S2LatLng.FromDegrees(lat, fold(lng))).parent(level)


def degrees(point):
    ll = s2.S2LatLng(point)
    return ll.lat().degrees(), ll.lng().degrees()


def places():
    """(kind, lat, lng) of every row."""
    for lat in (-90.0, 90.0):
        for lng in (-180.0, -135.0, -90.0, -45.0, 0.0, 17.3, 45.0, 90.0, 135.0, 180.0, 540.0):
            for p in around(lat, lng):
                yield ("pole", *p)
    for lat in range(-90, 91, 9):
        for lng in (180.0, -180.0, 179.9999999, -179.9999999, 540.0, -540.0, 360.0):
            for p in around(float(lat), lng):
                yield ("antimeridian", *p)
    # Borders of the faces: meridians of the equatorial faces, and where |z| equals |x| or |y|.
    for k in range(160):
        lng = RANDOM.choice([-135.0, -45.0, 45.0, 135.0])
        lat = RANDOM.uniform(-36.0, 36.0)
        for p in around(lat, lng):
            yield ("face edge", *p)
        lng = RANDOM.uniform(-180.0, 180.0)
        c = max(abs(math.cos(math.radians(lng))), abs(math.sin(math.radians(lng))))
        lat = math.degrees(math.atan(c)) * RANDOM.choice([-1.0, 1.0])
        for p in around(lat, lng):
            yield ("face edge", *p)
    for lat in range(-90, 91, 3):
        for lng in range(-180, 181, 9):
            yield ("whole degrees", float(lat), float(lng))
    for lat, lng in [(-19.0, 45.0), (35.264389682754654, 45.0), (35.26438968275465, -135.0)]:
        for p in around(lat, lng):
            yield ("face corner", *p)
    for _ in range(60):
        cell = s2.S2Cell(cell_of(*uniform(), RANDOM.randrange(31)))
        for k in range(4):
            for p in around(*degrees(cell.GetVertex(k))):
                yield ("cell corner", *p)
            a, b = cell.GetVertex(k), cell.GetVertex((k + 1) % 4)
            mid = s2.Interpolate(a, b, 0.5)
            for p in around(*degrees(mid)):
                yield ("cell edge", *p)
        for p in around(*degrees(cell.GetCenter())):
            yield ("cell centre", *p)
    for _ in range(1500):
        lat, lng = uniform()
        yield ("random", lat, lng)
        yield ("random to 1e-6", round(lat, 6), round(lng, 6))
    for _ in range(200):
        yield ("tiny", RANDOM.uniform(-1.0, 1.0) * 10 ** -RANDOM.uniform(3, 300),
               RANDOM.uniform(-1.0, 1.0) * 10 ** -RANDOM.uniform(3, 300))


def main():
    version = importlib.metadata.version("s2geometry")
    print(f"# C++ S2 {version}, wheel s2geometry {version}, written by make_s2_cells.py")
    print("# leaf: kind, lat, lng, token of the leaf")
    print("# unfolded: lat, lng, token of the leaf without folding the longitude")
    print("# cell: token, level, centre x y z, tokens of 4 edge neighbours, vertices 4 x (x y z),")
    print("#       exact area (steradian)")
    for kind, lat, lng in places():
        leaf = s2.S2CellId(s2.S2LatLng.FromDegrees(lat, fold(lng)))
        print("leaf", kind, bits(lat), bits(lng), leaf.ToToken(), sep="\t")
    for _ in range(100):
        lat = RANDOM.uniform(-90.0, 90.0)
        for lng in (180.0, 540.0, -540.0, 359.5, RANDOM.uniform(180.0, 1000.0)):
            leaf = s2.S2CellId(s2.S2LatLng.FromDegrees(lat, lng))
            print("unfolded", bits(lat), bits(lng), leaf.ToToken(), sep="\t")
    for k in range(400):
        cell = cell_of(*uniform(), k % 31)
        if k % 5 == 0:
            # Cells at the border and the corners of faces.
            at = RANDOM.choice([0, (1 << 60) - 1, 1 << 58])
            cell = s2.S2CellId.FromFacePosLevel(k % 6, at, k % 31)
        token = cell.ToToken()
        centre = s2.S2Point_ToRaw(cell.ToPoint())
        neighbors = [n.ToToken() for n in cell.GetEdgeNeighbors()]
        full = s2.S2Cell(cell)
        vertices = [x for v in range(4) for x in s2.S2Point_ToRaw(full.GetVertex(v))]
        numbers = [bits(x) for x in centre] + neighbors
        numbers += [bits(x) for x in vertices] + [bits(full.ExactArea())]
        print("cell", token, cell.level(), *numbers, sep="\t")


if __name__ == "__main__":
    main()

"""Writes land-110m.txt from the TopoJSON file land-110m.json of npm package world-atlas 2.0.2.

Usage: python3 land_outlines.py land-110m.json > land-110m.txt

The licence of the package is in LICENSE-world-atlas.

The topology is stitched across the antimeridian for drawing on a globe. A flat map needs rings that stay inside
[-180, 180]: each ring is unwrapped, the one that goes round the pole (Antarctica) is closed along -90 degrees,
and every ring is clipped to the three copies of the world that it may touch.
"""

import json
import sys


def decode_arcs(topology):
    sx, sy = topology["transform"]["scale"]
    tx, ty = topology["transform"]["translate"]
    arcs = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * sx + tx, y * sy + ty))
        arcs.append(points)
    return arcs


def ring_points(arcs, indices):
    ring = []
    for index in indices:
        points = arcs[index] if index >= 0 else arcs[~index][::-1]
        ring.extend(points[1:] if ring else points)
    return ring


def unwrap(ring):
    out = [ring[0]]
    for lng, lat in ring[1:]:
        last = out[-1][0]
        while lng - last > 180:
            lng -= 360
        while lng - last < -180:
            lng += 360
        out.append((lng, lat))
    return out


def clip(ring, border, keep_below):
    """One side of a meridian, after Sutherland and Hodgman (1974)."""
    out = []
    for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1]):
        a_in, b_in = (ax <= border, bx <= border) if keep_below else (ax >= border, bx >= border)
        if a_in:
            out.append((ax, ay))
        if a_in != b_in:
            t = (border - ax) / (bx - ax)
            out.append((border, ay + t * (by - ay)))
    return out


def flat_rings(ring):
    ring = unwrap(ring)
    turn = ring[-1][0] - ring[0][0]
    if abs(turn) > 180:
        # The ring goes round the south pole: repeat it once, then close it along the pole.
        ring = ring + [(x + turn, y) for x, y in ring[1:]]
        ring = ring + [(ring[-1][0], -90.0), (ring[0][0], -90.0)]
    for shift in (-720, -360, 0, 360, 720):
        moved = [(x + shift, y) for x, y in ring]
        part = clip(clip(moved, 180.0, True), -180.0, False)
        if len(part) >= 3:
            yield part


def main():
    topology = json.load(open(sys.argv[1], encoding="utf-8"))
    arcs = decode_arcs(topology)
    print("# Land outlines, Natural Earth 1:110m (public domain), from land-110m.json of npm package")
    print("# world-atlas 2.0.2 (ISC). Written by land_outlines.py. One ring a line: lat lng lat lng ... in 0.1 degree.")
    for geometry in topology["objects"]["land"]["geometries"]:
        for polygon in geometry["arcs"]:
            for indices in polygon:
                seen = set()
                for part in flat_rings(ring_points(arcs, indices)):
                    points = []
                    for lng, lat in part:
                        point = (round(lat * 10), round(lng * 10))
                        if not points or points[-1] != point:
                            points.append(point)
                    key = frozenset(points)
                    if len(points) >= 4 and key not in seen:
                        seen.add(key)
                        print(" ".join(f"{lat} {lng}" for lat, lng in points))


main()

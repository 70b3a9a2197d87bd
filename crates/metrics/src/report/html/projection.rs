//! The Equal Earth projection and the outlines of the land on it.

use std::fmt::Write;

use geoloc_geo_cells::LatLng;

/// Land outlines, Natural Earth 1:110m, public domain; the head of the file tells how it was made.
const LAND: &str = include_str!("../../../assets/land-110m.txt");

/// Width of the drawing.
pub(super) const WIDTH: f64 = 1000.0;

/// Height of the drawing: the projection is 2.7066 by 1.3173 radii wide and high on each side of its centre.
pub(super) const HEIGHT: f64 = WIDTH * 1.317_362_759_157_4 / 2.706_629_983_696;

/// A place on the drawing, x to the right and y down.
pub(super) fn project(place: LatLng) -> (f64, f64) {
    project_degrees(place.lat(), place.lng())
}

/// Equal Earth (Šavrič, Patterson and Jenny 2018, equations 1 and 2) in units of the drawing.
///
/// Takes bare degrees since the longitude may be +180, the right edge, which a place is never on.
pub(super) fn project_degrees(lat: f64, lng: f64) -> (f64, f64) {
    const A: [f64; 4] = [1.340_264, -0.081_106, 0.000_893, 0.003_796];
    let root3 = 3.0_f64.sqrt();
    let theta = (root3 / 2.0 * lat.to_radians().sin()).asin();
    let t2 = theta * theta;
    let t6 = t2 * t2 * t2;
    let slope = A[0] + 3.0 * A[1] * t2 + t6 * (7.0 * A[2] + 9.0 * A[3] * t2);
    let x = 2.0 * root3 * lng.to_radians() * theta.cos() / (3.0 * slope);
    let y = theta * (A[0] + A[1] * t2 + t6 * (A[2] + A[3] * t2));
    let scale = WIDTH / 2.0 / 2.706_629_983_696;
    (WIDTH / 2.0 + x * scale, HEIGHT / 2.0 - y * scale)
}

/// The land as the data of an SVG path in tenths of a drawing unit.
pub(super) fn land_path() -> String {
    let mut out = String::with_capacity(40_000);
    for line in LAND.lines().filter(|l| !l.starts_with('#')) {
        let numbers: Vec<f64> = line
            .split_ascii_whitespace()
            .filter_map(|n| n.parse().ok())
            .collect();
        let points = numbers.chunks_exact(2).filter_map(|pair| match pair {
            &[lat, lng] => Some(tenths(project_degrees(lat / 10.0, lng / 10.0))),
            _ => None,
        });
        push_ring(&mut out, points);
    }
    out
}

/// The outline of the whole map as the data of an SVG path in tenths of a drawing unit.
pub(super) fn frame_path() -> String {
    let right = (-90..=90).map(|lat| (f64::from(lat), 180.0));
    let left = (-90..=90).rev().map(|lat| (f64::from(lat), -180.0));
    let mut out = String::new();
    push_ring(
        &mut out,
        right
            .chain(left)
            .map(|(lat, lng)| tenths(project_degrees(lat, lng))),
    );
    out
}

/// Meridians and parallels every 30 degrees as the data of an SVG path in tenths of a drawing unit.
pub(super) fn graticule_path() -> String {
    let mut out = String::new();
    for lng in (-150..=150).step_by(30) {
        let points = (-90..=90).step_by(5);
        push_line(
            &mut out,
            points.map(|lat| tenths(project_degrees(f64::from(lat), f64::from(lng)))),
        );
    }
    for lat in (-60..=60).step_by(30) {
        push_line(
            &mut out,
            [-180.0, 180.0].map(|lng| tenths(project_degrees(f64::from(lat), lng))),
        );
    }
    out
}

fn tenths((x, y): (f64, f64)) -> (i32, i32) {
    ((x * 10.0).round() as i32, (y * 10.0).round() as i32)
}

fn push_ring(out: &mut String, points: impl IntoIterator<Item = (i32, i32)>) {
    push_line(out, points);
    out.push('z');
}

/// Appends a polyline with relative coordinates, leaving out points that do not move.
fn push_line(out: &mut String, points: impl IntoIterator<Item = (i32, i32)>) {
    let mut last: Option<(i32, i32)> = None;
    for (x, y) in points {
        let _ = match last {
            None => write!(out, "M{x} {y}l"),
            Some((px, py)) if (px, py) == (x, y) => Ok(()),
            Some((px, py)) => write!(out, "{} {} ", x - px, y - py),
        };
        last = Some((x, y));
    }
}

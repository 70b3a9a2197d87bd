//! The world map of predicted and true places.

use std::fmt::Write;

use geoloc_geo_cells::LatLng;

use super::projection::{
    HEIGHT, WIDTH, frame_path, graticule_path, land_path, project, project_degrees,
};
use super::text::{escape, grouped, km};
use crate::{MethodReport, Prediction, Report, Role};

/// Maps drawn at most, one a method.
const MAPS: usize = 5;
/// Queries drawn with a line and a tooltip, at most.
const LINES: usize = 240;
/// Queries drawn as dots, at most.
const DOTS: usize = 5000;
/// Upper ends in km of the error bands that colour the lines; the last band is open.
const BANDS_KM: [f64; 4] = [25.0, 200.0, 750.0, 2500.0];

/// One map a method, chosen by tabs; nothing where there are no predictions.
pub(super) fn maps(report: &Report) -> String {
    let mut methods: Vec<(usize, &MethodReport)> = report.methods.iter().enumerate().collect();
    methods.retain(|(_, m)| !m.predictions.is_empty());
    methods.sort_by_key(|(_, m)| m.role != Role::Method);
    methods.truncate(MAPS);
    if methods.is_empty() {
        return String::new();
    }
    let mut out = format!(
        "<svg class=\"defs\" aria-hidden=\"true\"><defs><g id=\"world\" transform=\"scale(.1)\">\
         <path class=\"sea\" d=\"{}\"/><path class=\"grid\" d=\"{}\"/><path class=\"land\" d=\"{}\"/></g></defs></svg>\
         <div class=\"tabs\">",
        frame_path(),
        graticule_path(),
        land_path()
    );
    for (place, (index, method)) in methods.iter().enumerate() {
        let checked = if place == 0 { " checked" } else { "" };
        let _ = write!(
            out,
            "<input type=\"radio\" name=\"map\" id=\"map{index}\"{checked}><label for=\"map{index}\">{}</label>",
            escape(&method.name)
        );
    }
    for (_, method) in &methods {
        let _ = write!(out, "<figure class=\"tab\">{}</figure>", map(method));
    }
    out.push_str("</div>");
    out
}

/// The map of one method with its legend.
fn map(method: &MethodReport) -> String {
    let located: Vec<&Prediction> = method
        .predictions
        .iter()
        .filter(|p| p.predicted.is_some())
        .collect();
    let (left, top, width, height) = view(&method.predictions);
    // Marks keep their size on the page whatever part of the world is shown.
    let unit = width / WIDTH;
    let shown = spread(&located);
    let mut out = format!(
        "<svg class=\"map\" viewBox=\"{left:.1} {top:.1} {width:.1} {height:.1}\" role=\"img\" \
         aria-label=\"Map of true and predicted places\"><use href=\"#world\"/>"
    );
    let step = method.predictions.len().div_ceil(DOTS).max(1);
    let thinned = || method.predictions.iter().step_by(step);
    let _ = write!(
        out,
        "<path class=\"dots truth\" d=\"{}\"/><path class=\"dots guess\" d=\"{}\"/>",
        dots(thinned().map(|p| p.truth)),
        dots(thinned().filter_map(|p| p.predicted))
    );
    for band in 0..=BANDS_KM.len() {
        let lines: String = shown
            .iter()
            .filter(|p| band_of(p) == band)
            .filter_map(|p| p.predicted.map(|place| arc(p.truth, place)))
            .collect();
        let _ = write!(out, "<path class=\"arc e{band}\" d=\"{lines}\"/>");
    }
    for p in &shown {
        let title = format!(
            "<title>{}: {}</title>",
            escape(&p.id),
            p.distance_km.map_or_else(String::new, km)
        );
        let (x, y) = project(p.truth);
        let r = 2.4 * unit;
        let _ = write!(
            out,
            "<circle class=\"mark truth\" cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"{r:.3}\">{title}</circle>"
        );
        if let Some((x, y)) = p.predicted.map(project) {
            let band = band_of(p);
            let _ = write!(
                out,
                "<circle class=\"mark e{band}\" cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"{r:.3}\">{title}</circle>"
            );
        }
    }
    out.push_str("</svg>");
    out.push_str(&legend(method, shown.len(), step));
    out
}

fn legend(method: &MethodReport, shown: usize, step: usize) -> String {
    let mut out = String::from(
        "<figcaption><span class=\"key\"><i class=\"ring\"></i>true place</span><span class=\"key\"><i class=\"disc\"></i>\
         predicted place and line, by error:</span>",
    );
    let mut low = 0.0;
    for (band, high) in BANDS_KM.iter().enumerate() {
        let _ = write!(
            out,
            "<span class=\"key\"><i class=\"swatch e{band}\"></i>{low}–{high} km</span>"
        );
        low = *high;
    }
    let _ = write!(
        out,
        "<span class=\"key\"><i class=\"swatch e{}\"></i>over {low} km</span><br>",
        BANDS_KM.len()
    );
    let n = method.predictions.len();
    let failed = method.distance.failures;
    let _ = write!(
        out,
        "Lines for {} of {} queries, evenly spread over the ranked errors",
        grouped(shown as u64),
        grouped(n as u64)
    );
    if step > 1 {
        let _ = write!(out, "; small dots for one query in {step}");
    } else {
        out.push_str("; small dots for all");
    }
    if failed > 0 {
        let _ = write!(out, "; {} without an answer", grouped(failed as u64));
    }
    out.push_str(". Equal Earth projection; land: Natural Earth.</figcaption>");
    out
}

/// Left, top, width and height of the part of the drawing to show: the world, or the surroundings of the queries where
/// they and their predictions take up less than half of it.
fn view(predictions: &[Prediction]) -> (f64, f64, f64, f64) {
    let world = (0.0, 0.0, WIDTH, HEIGHT);
    let mut low = (f64::INFINITY, f64::INFINITY);
    let mut high = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    let places = predictions
        .iter()
        .flat_map(|p| [Some(p.truth), p.predicted]);
    for (x, y) in places.flatten().map(project) {
        low = (low.0.min(x), low.1.min(y));
        high = (high.0.max(x), high.1.max(y));
    }
    if !low.0.is_finite() {
        return world;
    }
    // Half as much again as the points take up, at least a fortieth of the world, at the proportions of the world.
    let width = (1.5 * (high.0 - low.0))
        .max(1.5 * (high.1 - low.1) * WIDTH / HEIGHT)
        .max(WIDTH / 40.0);
    if width > WIDTH * 0.6 {
        return world;
    }
    let height = width * HEIGHT / WIDTH;
    let left = f64::midpoint(low.0, high.0) - width / 2.0;
    let top = f64::midpoint(low.1, high.1) - height / 2.0;
    (left, top, width, height)
}

/// At most [`LINES`] of the located queries, evenly spread over the order of their errors.
fn spread<'a>(located: &[&'a Prediction]) -> Vec<&'a Prediction> {
    let mut ordered = located.to_vec();
    ordered.sort_by(|a, b| {
        let km = |p: &Prediction| p.distance_km.unwrap_or(f64::INFINITY);
        km(a).total_cmp(&km(b)).then_with(|| a.id.cmp(&b.id))
    });
    let step = ordered.len() as f64 / LINES as f64;
    if step <= 1.0 {
        return ordered;
    }
    (0..LINES)
        .filter_map(|i| ordered.get(((i as f64 + 0.5) * step) as usize).copied())
        .collect()
}

/// The error band of a prediction.
fn band_of(p: &Prediction) -> usize {
    let km = p.distance_km.unwrap_or(f64::INFINITY);
    BANDS_KM.iter().take_while(|b| km > **b).count()
}

/// A dot for each place, as lines of no length with round ends.
fn dots(places: impl Iterator<Item = LatLng>) -> String {
    let mut out = String::new();
    for (x, y) in places.map(project) {
        let _ = write!(out, "M{x:.1} {y:.1}h0");
    }
    out
}

/// The great circle from `a` to `b`, cut where it crosses the antimeridian; nothing for points that coincide and for
/// antipodes, between which there is no one great circle.
fn arc(a: LatLng, b: LatLng) -> String {
    let (u, v) = (a.to_unit_vector(), b.to_unit_vector());
    let dot: f64 = u.iter().zip(&v).map(|(x, y)| x * y).sum();
    let angle = dot.clamp(-1.0, 1.0).acos();
    if !(1e-6..std::f64::consts::PI - 1e-3).contains(&angle) {
        return String::new();
    }
    let steps = (angle.to_degrees() / 3.0).ceil().max(1.0) as usize;
    let mut out = String::new();
    let mut last: Option<LatLng> = None;
    for i in 0..=steps {
        let t = i as f64 / steps as f64;
        let (wu, wv) = (((1.0 - t) * angle).sin(), (t * angle).sin());
        let [ux, uy, uz] = u;
        let [vx, vy, vz] = v;
        let point = [wu * ux + wv * vx, wu * uy + wv * vy, wu * uz + wv * vz];
        let Some(place) = LatLng::from_vector(point) else {
            continue;
        };
        match last {
            None => push(&mut out, 'M', project(place)),
            Some(before) if (place.lng() - before.lng()).abs() > 180.0 => {
                let side = if before.lng() > 0.0 { 180.0 } else { -180.0 };
                let lat = latitude_at_antimeridian(before, place);
                push(&mut out, 'L', project_degrees(lat, side));
                push(&mut out, 'M', project_degrees(lat, -side));
                push(&mut out, 'L', project(place));
            }
            Some(_) => push(&mut out, 'L', project(place)),
        }
        last = Some(place);
    }
    out
}

/// Latitude in degrees at which the short segment from `a` to `b` crosses the antimeridian, by linear interpolation.
fn latitude_at_antimeridian(a: LatLng, b: LatLng) -> f64 {
    let to_edge = 180.0 - a.lng().abs();
    let total = to_edge + 180.0 - b.lng().abs();
    if total <= 0.0 {
        return a.lat();
    }
    a.lat() + (b.lat() - a.lat()) * to_edge / total
}

fn push(out: &mut String, command: char, (x, y): (f64, f64)) {
    let _ = write!(out, "{command}{x:.1} {y:.1}");
}

#[cfg(test)]
#[path = "map_tests.rs"]
mod tests;

//! Tables of the accuracy by tag.

use std::fmt::Write;

use super::figures::escape_sign;
use super::text::{Unit, escape, grouped};
use crate::{Measure, Report, Slice};

/// Slices shown at most for each tag; the rest is in `report.json`.
const SLICES: usize = 25;

/// Accuracy by tag of every method that has slices; nothing where none has.
pub(super) fn tables(report: &Report) -> String {
    let mut out = String::new();
    for method in &report.methods {
        for by_tag in &method.slices {
            let _ = write!(
                out,
                "<h3>{} by {}</h3><div class=\"scroll\"><table><thead><tr><th>{}</th>",
                escape(&method.name),
                escape(&by_tag.tag),
                escape(&by_tag.tag)
            );
            for radius in method.distance.radii_km() {
                let _ = write!(
                    out,
                    "<th><span>{} {radius} km</span> %</th>",
                    escape_sign(report)
                );
            }
            out.push_str(
                "<th>median km</th><th>GeoScore</th><th>N</th><th>failed</th></tr></thead><tbody>",
            );
            let mut largest: Vec<&Slice> = by_tag.slices.iter().collect();
            largest.sort_by_key(|s| std::cmp::Reverse(s.distance.n));
            for slice in largest.iter().take(SLICES) {
                push_slice(&mut out, slice);
            }
            out.push_str("</tbody></table></div>");
            let hidden = by_tag.slices.len().saturating_sub(SLICES);
            if hidden + by_tag.untagged > 0 {
                let _ = write!(
                    out,
                    "<p class=\"conventions\">{hidden} smaller groups not shown, {} queries without the tag.</p>",
                    grouped(by_tag.untagged as u64)
                );
            }
        }
    }
    out
}

fn push_slice(out: &mut String, slice: &Slice) {
    let d = &slice.distance;
    let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escape(&slice.value));
    for w in &d.within {
        push_value(out, Unit::Share, Some(w.share));
    }
    push_value(out, Unit::Plain, d.median_km);
    push_value(out, Unit::Plain, Some(d.geo_score));
    let (n, failures) = (grouped(d.n as u64), grouped(d.failures as u64));
    let _ = write!(out, "<td>{n}</td><td>{failures}</td></tr>");
}

fn push_value(out: &mut String, unit: Unit, measure: Option<Measure>) {
    let Some(measure) = measure else {
        out.push_str("<td>–</td>");
        return;
    };
    let interval = unit
        .interval(measure)
        .map_or_else(String::new, |i| format!("<small>{i}</small>"));
    let _ = write!(out, "<td>{}{interval}</td>", unit.show(measure.value));
}

//! The headline figures at the top of the page.

use std::fmt::Write;

use super::text::{Unit, escape, grouped};
use crate::{Measure, MethodReport, Report, Role};

/// Methods shown with large figures; the table below has them all.
const SHOWN: usize = 3;

/// One panel of large figures for each of the first methods.
pub(super) fn panels(report: &Report) -> String {
    let mut out = String::new();
    let methods = report.methods.iter().filter(|m| m.role == Role::Method);
    for method in methods.take(SHOWN) {
        let _ = write!(
            out,
            "<section class=\"panel\"><h2>{}</h2><p class=\"soft\">{}</p><div class=\"figures\">",
            escape(&method.name),
            escape(&method.description)
        );
        for (label, value, unit, suffix) in chosen(method, report) {
            let interval = unit
                .interval(value)
                .map_or_else(String::new, |i| format!("<small>{i}</small>"));
            let _ = write!(
                out,
                "<div class=\"figure\"><span>{label}</span><b>{}<i>{suffix}</i></b>{interval}</div>",
                unit.show(value.value)
            );
        }
        let _ = write!(
            out,
            "</div><p class=\"soft\">{} queries, {} failed</p></section>",
            grouped(method.distance.n as u64),
            grouped(method.distance.failures as u64)
        );
    }
    if out.is_empty() {
        return out;
    }
    format!("<div class=\"panels\">{out}</div>")
}

/// The figures that say most about a method: recalls where it ranks a gallery, distances otherwise.
fn chosen(method: &MethodReport, report: &Report) -> Vec<(String, Measure, Unit, &'static str)> {
    let mut figures = Vec::new();
    if let Some(retrieval) = &method.retrieval {
        let recalls = &retrieval.recall;
        let last = recalls.len().saturating_sub(1);
        for (i, recall) in recalls.iter().enumerate() {
            if i == 0 || i == last {
                figures.push((format!("R@{}", recall.k), recall.share, Unit::Share, " %"));
            }
        }
    } else {
        let within = &method.distance.within;
        let middle = within.len() / 2;
        for w in within.iter().skip(middle).take(2) {
            let label = format!("{} {} km", escape_sign(report), w.radius_km);
            figures.push((label, w.share, Unit::Share, " %"));
        }
    }
    if let Some(median) = method.distance.median_km {
        figures.push(("median error".to_owned(), median, Unit::Plain, " km"));
    }
    let score = method.distance.geo_score;
    figures.push(("GeoScore".to_owned(), score, Unit::Plain, ""));
    figures
}

/// The comparison sign of the conventions, escaped.
pub(super) fn escape_sign(report: &Report) -> String {
    match report.conventions.comparison {
        crate::Comparison::Within => "≤".to_owned(),
        crate::Comparison::Below => "&lt;".to_owned(),
    }
}

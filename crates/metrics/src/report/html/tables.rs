//! The tables of methods, rankings, further figures and settings.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::figures::escape_sign;
use super::text::{Unit, escape, grouped, number};
use crate::{Measure, MethodReport, Report, Role};

/// Reads the number of a column from a method.
type Read<'a> = Box<dyn Fn(&MethodReport) -> Option<Measure> + 'a>;

/// A column: heading, unit, whether more is better, and how to read it from a method.
struct Column<'a> {
    heading: String,
    unit: Unit,
    more_is_better: bool,
    read: Read<'a>,
}

/// Accuracy by distance of every method.
pub(super) fn distances(report: &Report) -> String {
    let sign = escape_sign(report);
    let mut radii: Vec<f64> = Vec::new();
    for radius in report.methods.iter().flat_map(|m| m.distance.radii_km()) {
        if !radii.iter().any(|r| r.total_cmp(&radius).is_eq()) {
            radii.push(radius);
        }
    }
    let mut columns: Vec<Column> = radii
        .iter()
        .map(|&radius| Column {
            heading: format!("<span>{sign} {radius} km</span> %"),
            unit: Unit::Share,
            more_is_better: true,
            read: Box::new(move |m| {
                let mut within = m.distance.within.iter();
                let found = within.find(|w| w.radius_km.total_cmp(&radius).is_eq());
                found.map(|w| w.share)
            }),
        })
        .collect();
    columns.push(Column {
        heading: "median km".to_owned(),
        unit: Unit::Plain,
        more_is_better: false,
        read: Box::new(|m| m.distance.median_km),
    });
    columns.push(Column {
        heading: "mean km".to_owned(),
        unit: Unit::Plain,
        more_is_better: false,
        read: Box::new(|m| m.distance.mean_km),
    });
    columns.push(Column {
        heading: "GeoScore".to_owned(),
        unit: Unit::Plain,
        more_is_better: true,
        read: Box::new(|m| Some(m.distance.geo_score)),
    });
    if report.methods.iter().any(|m| m.classes.is_some()) {
        columns.push(Column {
            heading: "class accuracy %".to_owned(),
            unit: Unit::Share,
            more_is_better: true,
            read: Box::new(|m| m.classes.as_ref().map(|c| c.accuracy)),
        });
        columns.push(Column {
            heading: "macro F1 %".to_owned(),
            unit: Unit::Share,
            more_is_better: true,
            read: Box::new(|m| {
                let value = m.classes.as_ref()?.macro_f1;
                Some(Measure {
                    value,
                    interval: None,
                })
            }),
        });
    }
    let methods: Vec<&MethodReport> = report.methods.iter().collect();
    table(&methods, &columns, |m| {
        (m.distance.n, m.distance.failures, None)
    })
}

/// Accuracy by rank of the methods that rank a gallery; nothing where there are none.
pub(super) fn rankings(report: &Report) -> String {
    let methods: Vec<&MethodReport> = report
        .methods
        .iter()
        .filter(|m| m.retrieval.is_some())
        .collect();
    let ks: BTreeSet<usize> = methods
        .iter()
        .filter_map(|m| m.retrieval.as_ref())
        .flat_map(|r| r.recall.iter().map(|r| r.k))
        .collect();
    let mut columns: Vec<Column> = ks
        .into_iter()
        .map(|k| Column {
            heading: format!("R@{k} %"),
            unit: Unit::Share,
            more_is_better: true,
            read: Box::new(move |m: &MethodReport| {
                let recall = &m.retrieval.as_ref()?.recall;
                recall.iter().find(|r| r.k == k).map(|r| r.share)
            }),
        })
        .collect();
    columns.push(Column {
        heading: "R@1 % of the gallery, %".to_owned(),
        unit: Unit::Share,
        more_is_better: true,
        read: Box::new(|m| m.retrieval.as_ref().map(|r| r.recall_1_percent.share)),
    });
    columns.push(Column {
        heading: "mean reciprocal rank".to_owned(),
        unit: Unit::Plain,
        more_is_better: true,
        read: Box::new(|m| m.retrieval.as_ref().map(|r| r.mean_reciprocal_rank)),
    });
    if methods.is_empty() {
        return String::new();
    }
    table(&methods, &columns, |m| {
        m.retrieval
            .as_ref()
            .map_or((0, 0, None), |r| (r.n, r.failures, Some(r.gallery)))
    })
}

/// A table of methods; the best value of a column among the methods and baselines is set in bold.
fn table(
    methods: &[&MethodReport],
    columns: &[Column],
    counts: impl Fn(&MethodReport) -> (usize, usize, Option<usize>),
) -> String {
    let with_gallery = methods.iter().any(|m| counts(m).2.is_some());
    let mut out = String::from("<div class=\"scroll\"><table><thead><tr><th>method</th>");
    for column in columns {
        let _ = write!(out, "<th>{}</th>", column.heading);
    }
    out.push_str("<th>N</th><th>failed</th>");
    if with_gallery {
        out.push_str("<th>gallery</th>");
    }
    out.push_str("</tr></thead><tbody>");
    for method in methods {
        let (class, tag) = match method.role {
            Role::Method => ("method", ""),
            Role::Baseline => ("aside", "<em>baseline</em>"),
            Role::Ceiling => ("aside", "<em>ceiling</em>"),
        };
        let _ = write!(
            out,
            "<tr class=\"{class}\"><th scope=\"row\">{}{tag}</th>",
            escape(&method.name)
        );
        for column in columns {
            out.push_str(&cell(methods, column, method));
        }
        let (n, failures, gallery) = counts(method);
        let _ = write!(
            out,
            "<td>{}</td><td>{}</td>",
            grouped(n as u64),
            grouped(failures as u64)
        );
        if let Some(gallery) = gallery {
            let _ = write!(out, "<td>{}</td>", grouped(gallery as u64));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    out
}

fn cell(methods: &[&MethodReport], column: &Column, method: &MethodReport) -> String {
    let Some(measure) = (column.read)(method) else {
        return "<td>–</td>".to_owned();
    };
    let beaten = |other: &MethodReport| {
        other.role != Role::Ceiling
            && (column.read)(other).is_some_and(|o| {
                if column.more_is_better {
                    o.value > measure.value
                } else {
                    o.value < measure.value
                }
            })
    };
    let compared = methods.iter().filter(|m| m.role != Role::Ceiling).count() > 1;
    let best = compared && method.role != Role::Ceiling && !methods.iter().any(|m| beaten(m));
    let class = if best { " class=\"best\"" } else { "" };
    let interval = column
        .unit
        .interval(measure)
        .map_or_else(String::new, |i| format!("<small>{i}</small>"));
    format!(
        "<td{class}>{}{interval}</td>",
        column.unit.show(measure.value)
    )
}

/// Numbers that some methods carry beyond the tables above; nothing where none does.
pub(super) fn further(report: &Report) -> String {
    let mut out = String::new();
    for method in report.methods.iter().filter(|m| !m.extra.is_empty()) {
        let _ = write!(out, "<div><h3>{}</h3><dl>", escape(&method.name));
        for (name, value) in &method.extra {
            let _ = write!(out, "<dt>{}</dt><dd>{}</dd>", escape(name), number(*value));
        }
        out.push_str("</dl></div>");
    }
    if out.is_empty() {
        return out;
    }
    format!("<div class=\"columns\">{out}</div>")
}

/// The settings of the run; nothing where none are recorded.
pub(super) fn settings(report: &Report) -> String {
    if report.settings.is_empty() {
        return String::new();
    }
    let mut out = String::from("<dl>");
    for (key, value) in &report.settings {
        let _ = write!(out, "<dt>{}</dt><dd>{}</dd>", escape(key), escape(value));
    }
    out.push_str("</dl>");
    out
}

//! What the stated radii and probabilities are worth.

use std::fmt::Write;

use plotters::prelude::*;

use super::drawing::{Axes, POINTS, SERIES, draw, legend, percent_tick, plot, series};
use super::text::{Unit, escape, grouped, number, percent};
use crate::report::certainty::risk_coverage;
use crate::{MethodReport, Report, ReportError, RiskCoverage};

/// Share of misses over coverage, and how often the stated radii hold; nothing where no method states either.
pub(super) fn charts(report: &Report) -> Result<String, ReportError> {
    let mut out = curves(report)?;
    let mut texts: Vec<String> = report.methods.iter().filter_map(text).collect();
    let more = texts.len().saturating_sub(SERIES);
    texts.truncate(SERIES);
    let mut texts = texts.concat();
    if more > 0 {
        let _ = write!(
            texts,
            "<p class=\"soft\">{more} more are in report.json.</p>"
        );
    }
    if !texts.is_empty() {
        let _ = write!(out, "<div class=\"chart text\">{texts}</div>");
    }
    if out.is_empty() {
        return Ok(out);
    }
    Ok(format!("<div class=\"charts\">{out}</div>"))
}

fn curves(report: &Report) -> Result<String, ReportError> {
    let mut drawn: Vec<(usize, &MethodReport, RiskCoverage)> = Vec::new();
    let mut radius = None;
    for (index, method) in report.methods.iter().enumerate() {
        let Some(certainty) = &method.certainty else {
            continue;
        };
        let curve = risk_coverage(
            &method.predictions,
            certainty.miss_radius_km,
            &report.conventions,
        );
        let curve = curve.map_err(|source| ReportError::Metric {
            method: method.name.clone(),
            source,
        })?;
        // Curves of another radius than the first would not be comparable in one chart.
        let first = *radius.get_or_insert(certainty.miss_radius_km);
        if drawn.len() == SERIES {
            break;
        }
        if let Some(curve) = curve.filter(|_| first.total_cmp(&certainty.miss_radius_km).is_eq()) {
            drawn.push((index, method, curve));
        }
    }
    let (Some(radius), false) = (radius, drawn.is_empty()) else {
        return Ok(String::new());
    };
    let svg = draw("risk and coverage", (640, 400), |root| {
        let axes = Axes {
            x: (0.0..100.0, 6, "answered, surest first", &percent_tick),
            y: (0.0..100.0, 6, &percent_tick),
        };
        let mut chart = plot(root, axes)?;
        for (index, _, curve) in &drawn {
            let n = curve.risk.len();
            let step = n.div_ceil(POINTS).max(1);
            let points = curve.risk.iter().enumerate();
            let points = points.filter(|(i, _)| i % step == 0 || i + 1 == n);
            let points = points.map(|(i, r)| (100.0 * (i + 1) as f64 / n as f64, 100.0 * r));
            chart.draw_series(LineSeries::new(points, series(*index).stroke_width(3)))?;
        }
        Ok(())
    })?;
    let names = drawn.iter().map(|(index, m, _)| (*index, m.name.as_str()));
    Ok(format!(
        "<figure class=\"chart\"><h3>Share of misses (beyond {radius} km) among the surest answers</h3>{svg}\
         <figcaption>{}<br>A curve that rises shows that the probabilities tell good answers from bad ones.</figcaption></figure>",
        legend(names)
    ))
}

/// One method in words.
fn text(method: &MethodReport) -> Option<String> {
    let certainty = method.certainty.as_ref()?;
    let mut out = format!("<h3>{}</h3><dl>", escape(&method.name));
    if let Some(holds) = certainty.radius50_holds {
        let interval = Unit::Share
            .interval(holds)
            .map_or_else(String::new, |i| format!(" ({i})"));
        let _ = write!(
            out,
            "<dt>truth within the radius said to hold 50 %</dt><dd>{} %{interval} of {} queries</dd>",
            percent(holds.value),
            grouped(certainty.radius50_n as u64)
        );
    }
    if let (Some(area), Some(excess)) = (certainty.risk_coverage_area, certainty.excess_area) {
        let _ = write!(
            out,
            "<dt>area under the curve of misses</dt><dd>{}, {} above the best order</dd>",
            number(area),
            number(excess)
        );
    }
    out.push_str("</dl>");
    Some(out)
}

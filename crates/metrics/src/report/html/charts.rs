//! Error distributions.

use std::fmt::Write;

use plotters::prelude::*;

use super::drawing::{
    Axes, GRID, POINTS, SERIES, draw, legend, percent_tick, plot, power_of_ten, series,
};
use super::text::{escape, grouped};
use crate::{MethodReport, Report, ReportError};

/// The axis of errors starts at 1 km; smaller errors are drawn there.
const LOG10_FARTHEST: f64 = 4.302; // 20,045 km, just over half of the circumference of the Earth

/// The share of queries located within each distance, all methods in one chart.
pub(super) fn cumulative(report: &Report) -> Result<String, ReportError> {
    const NAME: &str = "cumulative error";
    let methods: Vec<&MethodReport> = report.methods.iter().take(SERIES).collect();
    if methods.is_empty() {
        return Ok(String::new());
    }
    let mut radii: Vec<f64> = methods.iter().flat_map(|m| m.distance.radii_km()).collect();
    radii.retain(|r| *r > 1.0 && r.log10() < LOG10_FARTHEST);
    radii.sort_unstable_by(f64::total_cmp);
    radii.dedup();
    let svg = draw(NAME, (640, 400), |root| {
        let axes = Axes {
            x: (0.0..LOG10_FARTHEST, 5, "error, km", &power_of_ten),
            y: (0.0..100.0, 6, &percent_tick),
        };
        let mut chart = plot(root, axes)?;
        for radius in &radii {
            let x = radius.log10();
            chart.draw_series(DashedLineSeries::new(
                [(x, 0.0), (x, 100.0)],
                3,
                4,
                GRID.into(),
            ))?;
        }
        for (index, method) in methods.iter().enumerate() {
            chart.draw_series(LineSeries::new(
                cumulative_points(method),
                series(index).stroke_width(3),
            ))?;
        }
        Ok(())
    })?;
    let names = methods.iter().map(|m| m.name.as_str()).enumerate();
    let mut legend = legend(names);
    let more = report.methods.len().saturating_sub(SERIES);
    if more > 0 {
        let _ = write!(legend, "<span class=\"key\">and {more} not drawn</span>");
    }
    Ok(format!(
        "<figure class=\"chart\"><h3>Share of queries within each error</h3>{svg}<figcaption>{legend}<br>Dashed: the radii of the table. Failures never arrive; errors \
         under 1 km are drawn at 1 km.</figcaption></figure>"
    ))
}

/// Corners of the cumulative curve, thinned where there are many queries.
fn cumulative_points(method: &MethodReport) -> Vec<(f64, f64)> {
    let sorted = sorted_log_errors(method);
    let n = method.predictions.len().max(1) as f64;
    let step = sorted.len().div_ceil(POINTS).max(1);
    let mut points = vec![(0.0, 0.0)];
    for (i, x) in sorted.iter().enumerate() {
        if i % step == 0 || i + 1 == sorted.len() {
            points.push((*x, 100.0 * i as f64 / n));
            points.push((*x, 100.0 * (i + 1) as f64 / n));
        }
    }
    points.push((LOG10_FARTHEST, 100.0 * sorted.len() as f64 / n));
    points
}

/// log10 of the errors in km, ascending, at least 0.
fn sorted_log_errors(method: &MethodReport) -> Vec<f64> {
    let mut errors: Vec<f64> = method
        .predictions
        .iter()
        .filter_map(|p| p.distance_km)
        .filter(|d| d.is_finite())
        .map(|d| d.max(1.0).log10().min(LOG10_FARTHEST))
        .collect();
    errors.sort_unstable_by(f64::total_cmp);
    errors
}

/// A histogram of the errors for each method.
pub(super) fn histograms(report: &Report) -> Result<String, ReportError> {
    let mut out = String::new();
    for (index, method) in report.methods.iter().take(SERIES).enumerate() {
        out.push_str(&histogram(index, method)?);
    }
    Ok(out)
}

fn histogram(index: usize, method: &MethodReport) -> Result<String, ReportError> {
    const NAME: &str = "histogram of errors";
    const BINS: usize = 22;
    let width = LOG10_FARTHEST / BINS as f64;
    let mut bins = [0_usize; BINS];
    for x in sorted_log_errors(method) {
        let bin = ((x / width) as usize).min(BINS - 1);
        if let Some(count) = bins.get_mut(bin) {
            *count += 1;
        }
    }
    let n = method.predictions.len().max(1) as f64;
    let percent = |count: usize| 100.0 * count as f64 / n;
    let most = bins.iter().fold(0, |most, &count| most.max(count));
    let top = percent(most).max(1.0) * 1.1;
    let svg = draw(NAME, (420, 230), |root| {
        let axes = Axes {
            x: (0.0..LOG10_FARTHEST, 5, "error, km", &power_of_ten),
            y: (0.0..top, 4, &percent_tick),
        };
        let mut chart = plot(root, axes)?;
        chart.draw_series(bins.iter().enumerate().map(|(bin, &count)| {
            let (low, high) = (bin as f64 * width, (bin + 1) as f64 * width);
            let mut bar =
                Rectangle::new([(low, 0.0), (high, percent(count))], series(index).filled());
            bar.set_margin(0, 0, 1, 1);
            bar
        }))?;
        Ok(())
    })?;
    let failures = method.distance.failures;
    let failed = if failures > 0 {
        format!(", {} failed", grouped(failures as u64))
    } else {
        String::new()
    };
    Ok(format!(
        "<figure class=\"chart\"><h3>{}</h3>{svg}<figcaption>{} queries{failed}</figcaption></figure>",
        escape(&method.name),
        grouped(method.distance.n as u64)
    ))
}

#[cfg(test)]
#[path = "charts_tests.rs"]
mod tests;

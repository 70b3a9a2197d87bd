//! Loss curves.

use std::fmt::Write;

use plotters::prelude::*;

use super::drawing::{Axes, POINTS, draw, plot, series, whole};
use super::text::{escape, tick};
use crate::{Curve, ReportError};

/// Larger losses, of a training that blew up, are left out of the picture; `report.json` has them.
const LARGEST: f64 = 1e12;

/// One chart for each loss curve.
pub(super) fn charts(curves: &[Curve]) -> Result<String, ReportError> {
    let mut out = String::new();
    for curve in curves {
        out.push_str(&loss(curve)?);
    }
    if out.is_empty() {
        return Ok(out);
    }
    Ok(format!("<div class=\"charts\">{out}</div>"))
}

fn loss(curve: &Curve) -> Result<String, ReportError> {
    const NAME: &str = "loss";
    let read = |loss: fn(&crate::CurvePoint) -> Option<f64>| -> Vec<(f64, f64)> {
        let points = curve.points.iter();
        points
            .filter_map(|p| {
                loss(p)
                    .filter(|l| l.abs() < LARGEST)
                    .map(|l| (p.step as f64, l))
            })
            .collect()
    };
    let train = read(|p| p.train_loss);
    let validation = read(|p| p.validation_loss);
    let all = || train.iter().chain(&validation);
    let Some(last) = all().map(|p| p.0).max_by(f64::total_cmp) else {
        return Ok(String::new());
    };
    let first = all().map(|p| p.0).fold(last, f64::min);
    let low = all().map(|p| p.1).fold(f64::INFINITY, f64::min);
    let high = all().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
    let room = ((high - low) * 0.06).max(high.abs() * 1e-3).max(1e-9);
    let window = (train.len() / 40).max(1);
    let svg = draw(NAME, (640, 340), |root| {
        let x_range = first..last.max(first + 1.0);
        let axes = Axes {
            x: (x_range, 6, "step", &whole),
            y: (low - room..high + room, 6, &tick),
        };
        let mut chart = plot(root, axes)?;
        if window > 1 {
            chart.draw_series(LineSeries::new(
                thinned(&train),
                series(0).mix(0.3).stroke_width(1),
            ))?;
        }
        let smooth = running_mean(&train, window);
        chart.draw_series(LineSeries::new(thinned(&smooth), series(0).stroke_width(3)))?;
        chart.draw_series(LineSeries::new(
            thinned(&validation),
            series(1).stroke_width(3),
        ))?;
        if validation.len() <= 40 {
            chart.draw_series(
                validation
                    .iter()
                    .map(|p| Circle::new(*p, 4, series(1).filled())),
            )?;
        }
        Ok(())
    })?;
    let mut legend = String::new();
    if !train.is_empty() {
        legend.push_str("<span class=\"key\"><i class=\"swatch c0\"></i>training");
        if window > 1 {
            let _ = write!(legend, ", mean of {window} (thin: as recorded)");
        }
        legend.push_str("</span>");
    }
    if !validation.is_empty() {
        legend.push_str("<span class=\"key\"><i class=\"swatch c1\"></i>validation</span>");
    }
    Ok(format!(
        "<figure class=\"chart\"><h3>{}</h3>{svg}<figcaption>{legend}</figcaption></figure>",
        escape(&curve.name)
    ))
}

/// Every k-th point, so that at most about [`POINTS`] remain; the last is kept.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let step = points.len().div_ceil(POINTS).max(1);
    let mut out: Vec<(f64, f64)> = points.iter().step_by(step).copied().collect();
    if let Some(last) = points.last().filter(|l| out.last() != Some(l)) {
        out.push(*last);
    }
    out
}

/// Mean over the last `window` points, fewer at the start.
fn running_mean(points: &[(f64, f64)], window: usize) -> Vec<(f64, f64)> {
    let mut out = Vec::with_capacity(points.len());
    for (i, (x, _)) in points.iter().enumerate() {
        let start = (i + 1).saturating_sub(window);
        let part = &points[start..=i];
        let mean = part.iter().map(|p| p.1).sum::<f64>() / part.len() as f64;
        out.push((*x, mean));
    }
    out
}

#[cfg(test)]
#[path = "losses_tests.rs"]
mod tests;

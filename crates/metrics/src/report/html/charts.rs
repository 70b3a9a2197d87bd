//! Error distributions and loss curves, drawn with `plotters` as SVG.

use std::fmt::Write;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::text::{escape, grouped, tick};
use crate::{Curve, MethodReport, Report, ReportError};

/// Series drawn in one chart at most: as many as the page has colours.
const SERIES: usize = 7;
/// Points of a loss curve drawn at most.
const POINTS: usize = 600;
/// The axis of errors starts at 1 km; smaller errors are drawn there.
const LOG10_FARTHEST: f64 = 4.302; // half of the circumference of the Earth, 20,015 km

/// Placeholder colours: the page replaces them by its own, which follow the light or dark scheme.
const INK: RGBColor = RGBColor(2, 0, 0);
const GRID: RGBColor = RGBColor(2, 0, 1);

fn series(index: usize) -> RGBColor {
    RGBColor(1, 0, (index % SERIES) as u8)
}

/// The share of queries located within each distance, all methods in one chart.
pub(super) fn cumulative(report: &Report) -> Result<String, ReportError> {
    const NAME: &str = "cumulative error";
    let methods: Vec<&MethodReport> = report.methods.iter().take(SERIES).collect();
    if methods.is_empty() {
        return Ok(String::new());
    }
    let mut radii: Vec<f64> = methods.iter().flat_map(|m| m.distance.radii_km()).collect();
    radii.retain(|r| *r > 1.0);
    radii.sort_unstable_by(f64::total_cmp);
    radii.dedup();
    let svg = draw(NAME, (640, 400), |root| {
        let mut chart = axes(root, (0.0..LOG10_FARTHEST, 0.0..100.0))?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(5)
            .y_labels(6)
            .x_label_formatter(&|x| grouped(10.0_f64.powf(*x).round() as u64))
            .y_label_formatter(&|y| format!("{y:.0} %"))
            .x_desc("error, km")
            .axis_style(GRID)
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .label_style(("sans-serif", 15).into_font().color(&INK))
            .draw()?;
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
    let mut legend = String::new();
    for (index, method) in methods.iter().enumerate() {
        let _ = write!(
            legend,
            "<span class=\"key\"><i class=\"swatch c{index}\"></i>{}</span>",
            escape(&method.name)
        );
    }
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
        .map(|d| d.max(1.0).log10())
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
    let top = percent(bins.iter().copied().max().unwrap_or(0)).max(1.0) * 1.1;
    let svg = draw(NAME, (420, 230), |root| {
        let mut chart = axes(root, (0.0..LOG10_FARTHEST, 0.0..top))?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(5)
            .y_labels(4)
            .x_label_formatter(&|x| grouped(10.0_f64.powf(*x).round() as u64))
            .y_label_formatter(&|y| format!("{} %", tick(*y)))
            .x_desc("error, km")
            .axis_style(GRID)
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .label_style(("sans-serif", 15).into_font().color(&INK))
            .draw()?;
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

/// One chart for each loss curve.
pub(super) fn losses(curves: &[Curve]) -> Result<String, ReportError> {
    let mut out = String::new();
    for curve in curves {
        out.push_str(&loss(curve)?);
    }
    Ok(out)
}

fn loss(curve: &Curve) -> Result<String, ReportError> {
    const NAME: &str = "loss";
    let read = |loss: fn(&crate::CurvePoint) -> Option<f64>| -> Vec<(f64, f64)> {
        let points = curve.points.iter();
        points
            .filter_map(|p| {
                loss(p)
                    .filter(|l| l.is_finite())
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
        let mut chart = axes(root, (x_range, low - room..high + room))?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(6)
            .y_labels(6)
            .x_label_formatter(&|x| grouped(x.max(0.0).round() as u64))
            .y_label_formatter(&|y| tick(*y))
            .x_desc("step")
            .axis_style(GRID)
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .label_style(("sans-serif", 15).into_font().color(&INK))
            .draw()?;
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
        let part = points.get(start..=i).unwrap_or_default();
        let mean = part.iter().map(|p| p.1).sum::<f64>() / part.len().max(1) as f64;
        out.push((*x, mean));
    }
    out
}

type DrawError = Box<dyn std::error::Error>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'b, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Span = std::ops::Range<f64>;

/// A plot area with room for labels.
fn axes<'a, 'b>(root: &'b Area<'a>, (x, y): (Span, Span)) -> Result<Chart<'a, 'b>, DrawError> {
    let chart = ChartBuilder::on(root)
        .margin(8)
        .margin_right(24)
        .x_label_area_size(54)
        .y_label_area_size(66)
        .build_cartesian_2d(x, y)?;
    Ok(chart)
}

/// Runs `paint` on an SVG of that size in pixels and makes the result follow the style of the page.
fn draw(
    chart: &'static str,
    size: (u32, u32),
    paint: impl FnOnce(&Area) -> Result<(), DrawError>,
) -> Result<String, ReportError> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let painted = paint(&root).and_then(|()| Ok(root.present()?));
        painted.map_err(|e| ReportError::Chart {
            chart,
            reason: e.to_string(),
        })?;
    }
    Ok(styled(&svg, size))
}

/// Replaces the placeholder colours and the fixed size of a drawing.
fn styled(svg: &str, (width, height): (u32, u32)) -> String {
    let mut out = svg
        .replace("\"#020000\"", "\"var(--soft)\"")
        .replace("\"#020001\"", "\"var(--rule)\"")
        .replacen(&format!("width=\"{width}\" height=\"{height}\" "), "", 1);
    for index in 0..SERIES {
        out = out.replace(
            &format!("\"#01000{index}\""),
            &format!("\"var(--c{index})\""),
        );
    }
    out
}

#[cfg(test)]
#[path = "charts_tests.rs"]
mod tests;

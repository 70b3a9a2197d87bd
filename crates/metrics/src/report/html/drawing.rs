//! What the charts share: `plotters` on SVG, in the colours of the page.

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::text::{escape, grouped, tick};
use crate::ReportError;

/// Series drawn in one chart at most: as many as the page has colours.
pub(super) const SERIES: usize = 7;
/// Points of a curve drawn at most, about.
pub(super) const POINTS: usize = 600;

/// Placeholder colours: the page replaces them by its own, which follow the light or dark scheme.
const INK: RGBColor = RGBColor(2, 0, 0);
/// Grid lines and axes.
pub(super) const GRID: RGBColor = RGBColor(2, 0, 1);

/// The colour of a series.
pub(super) fn series(index: usize) -> RGBColor {
    RGBColor(1, 0, (index % SERIES) as u8)
}

pub(super) type DrawError = Box<dyn std::error::Error>;
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Chart<'a, 'b> =
    ChartContext<'b, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
pub(super) type Span = std::ops::Range<f64>;

/// The two axes of a chart.
pub(super) struct Axes<'f> {
    /// Range, number of labels, name and labels of the horizontal axis.
    pub(super) x: (Span, usize, &'f str, &'f dyn Fn(f64) -> String),
    /// Range, number of labels and labels of the vertical axis.
    pub(super) y: (Span, usize, &'f dyn Fn(f64) -> String),
}

/// A plot area with grid and labels.
pub(super) fn plot<'a, 'b>(root: &'b Area<'a>, axes: Axes) -> Result<Chart<'a, 'b>, DrawError> {
    let (x, x_labels, x_name, x_tick) = axes.x;
    let (y, y_labels, y_tick) = axes.y;
    let mut chart = ChartBuilder::on(root)
        .margin(8)
        .margin_right(24)
        .x_label_area_size(54)
        .y_label_area_size(66)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(x_labels)
        .y_labels(y_labels)
        .x_label_formatter(&|x| x_tick(*x))
        .y_label_formatter(&|y| y_tick(*y))
        .x_desc(x_name)
        .axis_style(GRID)
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .label_style(("sans-serif", 15).into_font().color(&INK))
        .draw()?;
    Ok(chart)
}

/// The label of a number of queries or steps.
pub(super) fn whole(x: f64) -> String {
    grouped(x.max(0.0).round() as u64)
}

/// The label of a distance on an axis of log10 km.
pub(super) fn power_of_ten(x: f64) -> String {
    whole(10.0_f64.powf(x))
}

/// The label of a number in percent.
pub(super) fn percent_tick(y: f64) -> String {
    format!("{} %", tick(y))
}

/// The legend of the first methods of a report, in the colours of their series.
pub(super) fn legend<'a>(names: impl IntoIterator<Item = (usize, &'a str)>) -> String {
    let keys = names.into_iter().map(|(index, name)| {
        let (color, name) = (index % SERIES, escape(name));
        format!("<span class=\"key\"><i class=\"swatch c{color}\"></i>{name}</span>")
    });
    keys.collect()
}

/// Runs `paint` on an SVG of that size in pixels and makes the result follow the style of the page.
pub(super) fn draw(
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

//! The page as a whole.

use std::fmt::Write;

use super::gallery::{Gallery, galleries};
use super::text::escape;
use super::{certainty, charts, comparisons, confusions, figures, losses, map, slices, tables};
use crate::{Report, ReportError};

const STYLE: &str = include_str!("style.css");

/// The page.
pub(super) fn render(report: &Report, pictures: &[Gallery]) -> Result<String, ReportError> {
    let title = escape(&report.title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\
         <title>{title}</title><style>{STYLE}</style></head><body><main>\
         <header><h1>{title}</h1>"
    );
    if !report.summary.is_empty() {
        let _ = write!(out, "<p>{}</p>", escape(&report.summary));
    }
    out.push_str("</header>");
    out.push_str(&figures::panels(report));
    if !report.methods.is_empty() {
        section(&mut out, "Accuracy by distance", &tables::distances(report));
    }
    section(&mut out, "Accuracy by rank", &tables::rankings(report));
    let _ = write!(
        out,
        "<p class=\"conventions\"><b>Conventions.</b> {}.</p>",
        escape(&report.conventions.to_string())
    );
    section(&mut out, "Where the answers lie", &map::maps(report));
    let errors = charts::cumulative(report)?;
    if !errors.is_empty() {
        let histograms = charts::histograms(report)?;
        let errors = format!("<div class=\"charts errors\">{errors}{histograms}</div>");
        section(&mut out, "Error distribution", &errors);
    }
    section(
        &mut out,
        "Does it know when it is wrong?",
        &certainty::charts(report)?,
    );
    section(
        &mut out,
        "Are the differences real?",
        &comparisons::lists(report),
    );
    section(&mut out, "Accuracy by group", &slices::tables(report));
    section(
        &mut out,
        "Confusion of classes",
        &confusions::matrices(report),
    );
    section(&mut out, "Training", &losses::charts(&report.curves)?);
    section(&mut out, "Single queries", &galleries(pictures)?);
    section(&mut out, "Further figures", &tables::further(report));
    section(&mut out, "Settings", &tables::settings(report));
    section(&mut out, "Notes", &notes(report));
    out.push_str("</main></body></html>\n");
    Ok(out)
}

/// Appends a section unless it is empty.
fn section(out: &mut String, heading: &str, content: &str) {
    if !content.is_empty() {
        let _ = write!(out, "<section><h2>{heading}</h2>{content}</section>");
    }
}

fn notes(report: &Report) -> String {
    if report.notes.is_empty() {
        return String::new();
    }
    let mut out = String::from("<ul>");
    for note in &report.notes {
        let _ = write!(out, "<li>{}</li>", escape(note));
    }
    out.push_str("</ul>");
    out
}

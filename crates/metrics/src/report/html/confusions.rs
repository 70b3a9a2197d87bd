//! Confusion matrices as pictures.

use std::fmt::Write;

use super::text::{escape, grouped};
use crate::{ClassSummary, Report};

/// Matrices drawn at most, one a method.
const MATRICES: usize = 6;
/// Side of a matrix in the units of its picture.
const SIDE: f64 = 300.0;
/// Names are written beside the rows up to this many classes.
const NAMED: usize = 36;

/// One matrix a method with classes; nothing where none has.
pub(super) fn matrices(report: &Report) -> String {
    let with_classes: Vec<(&str, &ClassSummary)> = report
        .methods
        .iter()
        .filter_map(|m| Some((m.name.as_str(), m.classes.as_ref()?)))
        .collect();
    if with_classes.is_empty() {
        return String::new();
    }
    let mut out = String::from("<div class=\"charts\">");
    for (name, classes) in with_classes.iter().take(MATRICES) {
        let _ = write!(
            out,
            "<figure class=\"chart\"><h3>{}</h3>{}<figcaption>True class down, class of the answer \
             across, in the same order; each row is divided by its queries. {} queries, {} without \
             an answer.</figcaption></figure>",
            escape(name),
            matrix(classes),
            grouped(classes.n as u64),
            grouped(classes.failures as u64)
        );
    }
    out.push_str("</div>");
    let hidden = with_classes.len().saturating_sub(MATRICES);
    if hidden > 0 {
        let _ = write!(
            out,
            "<p class=\"conventions\">{hidden} more are in report.json.</p>"
        );
    }
    out
}

fn matrix(summary: &ClassSummary) -> String {
    let classes = summary.classes.len();
    let cell = SIDE / classes.max(1) as f64;
    let named = classes <= NAMED;
    let left = if named { 110.0 } else { 4.0 };
    let mut out = format!(
        "<svg viewBox=\"0 0 {:.0} {:.0}\" role=\"img\" aria-label=\"Confusion matrix\">",
        left + SIDE + 4.0,
        SIDE + 8.0
    );
    let _ = write!(
        out,
        "<rect x=\"{left}\" y=\"4\" width=\"{SIDE}\" height=\"{SIDE}\" fill=\"none\" stroke=\"var(--rule)\"/>"
    );
    let mut support = vec![0_usize; classes];
    for &[truth, _, n] in &summary.counts {
        if let Some(own) = support.get_mut(truth) {
            *own += n;
        }
    }
    for &[truth, answer, n] in &summary.counts {
        let names = (summary.classes.get(truth), summary.classes.get(answer));
        let (Some(truth_name), Some(answer_name)) = names else {
            continue;
        };
        let whole = support[truth].max(1);
        let _ = write!(
            out,
            "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{cell:.2}\" height=\"{cell:.2}\" fill=\"var(--c{})\" \
             fill-opacity=\"{:.3}\"><title>{} as {}: {n} of {whole}</title></rect>",
            left + answer as f64 * cell,
            4.0 + truth as f64 * cell,
            u8::from(truth != answer),
            0.12 + 0.88 * n as f64 / whole as f64,
            escape(truth_name),
            escape(answer_name)
        );
    }
    if named {
        for (row, name) in summary.classes.iter().enumerate() {
            let _ = write!(
                out,
                "<text x=\"{:.1}\" y=\"{:.2}\" text-anchor=\"end\" font-size=\"{:.1}\" fill=\"var(--soft)\">{}</text>",
                left - 5.0,
                4.0 + (row as f64 + 0.5) * cell + 3.0,
                (cell * 0.9).clamp(5.0, 11.0),
                escape(name)
            );
        }
    }
    out.push_str("</svg>");
    out
}

//! Paired comparisons of methods.

use std::fmt::Write;

use super::figures::escape_sign;
use super::text::{Unit, escape, grouped, number};
use crate::Report;

/// Paired comparisons of methods; nothing where there are none.
pub(super) fn lists(report: &Report) -> String {
    if report.comparisons.is_empty() {
        return String::new();
    }
    let mut out = String::from("<div class=\"columns\">");
    for c in &report.comparisons {
        let d = c.geo_score_difference;
        let interval = Unit::Plain
            .interval(d)
            .map_or_else(String::new, |i| format!(" ({i})"));
        let _ = write!(
            out,
            "<div><h3>{} against {}</h3><dl><dt>GeoScore</dt><dd>{}{}{interval}, p {}</dd>\
             <dt>nearer to the truth</dt><dd>{} to {}, p {}</dd>",
            escape(&c.first),
            escape(&c.second),
            if d.value > 0.0 { "+" } else { "" },
            number(d.value),
            p_value(c.geo_score_p_value),
            grouped(c.nearer.first as u64),
            grouped(c.nearer.second as u64),
            p_value(c.nearer.p_value)
        );
        for w in &c.within {
            let _ = write!(
                out,
                "<dt>only one {} {} km</dt><dd>{} to {}, p {}</dd>",
                escape_sign(report),
                w.radius_km,
                grouped(w.test.first as u64),
                grouped(w.test.second as u64),
                p_value(w.test.p_value)
            );
        }
        let _ = write!(
            out,
            "<dt>queries</dt><dd>{}</dd></dl></div>",
            grouped(c.n as u64)
        );
    }
    out.push_str(
        "</div><p class=\"conventions\">p: probability of a difference as large if neither were better, two-sided; \
         permutation test for the score, exact sign test and exact McNemar test for the counts; not corrected for the \
         number of tests.</p>",
    );
    out
}

fn p_value(p: f64) -> String {
    if p < 0.001 {
        "&lt; 0.001".to_owned()
    } else {
        format!("= {p:.3}")
    }
}

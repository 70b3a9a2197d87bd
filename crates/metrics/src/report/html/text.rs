//! Escaping and number formats of the page.

use crate::{Interval, Measure};

/// `text` with the five characters escaped that have a meaning in HTML text and attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Control characters are not allowed in HTML, and none is worth showing.
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

/// A whole number with thin spaces between groups of three digits.
pub(super) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + 8);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202F}');
        }
        out.push(c);
    }
    out
}

/// A number with about three significant digits: `0.423`, `7.31`, `42.0`, `1 234`.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        "–".to_owned()
    } else if size >= 1000.0 {
        let sign = if value < 0.0 { "−" } else { "" };
        format!("{sign}{}", grouped(size.round() as u64))
    } else if size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 1.0 || size <= 0.0 {
        format!("{value:.2}")
    } else if size >= 0.001 {
        format!("{value:.3}")
    } else {
        format!("{value:.1e}")
    }
}

/// A number at a tick of an axis: [`number`] without zeros at the end of its decimals.
pub(super) fn tick(value: f64) -> String {
    let text = number(value);
    if !text.contains('.') || text.contains('e') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A distance: `343 km`, or in metres below one kilometre.
pub(super) fn km(value: f64) -> String {
    if value.is_finite() && value < 1.0 {
        format!("{:.0} m", value * 1000.0)
    } else {
        format!("{} km", number(value))
    }
}

/// A fraction of 1 in percent, without the sign: `43.2`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}

/// How a [`Measure`] is written.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    /// A fraction of 1, shown in percent.
    Share,
    /// Kilometres, or any plain number.
    Plain,
}

impl Unit {
    /// One number in this unit.
    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Share => percent(value),
            Self::Plain => number(value),
        }
    }

    /// The interval of a measure as `41.0 – 45.3`, or nothing.
    pub(super) fn interval(self, measure: Measure) -> Option<String> {
        let Interval { low, high } = measure.interval?;
        let high = high.map_or_else(|| "∞".to_owned(), |h| self.show(h));
        Some(format!("{} – {high}", self.show(low)))
    }
}

//! Quantiles of sorted numbers.

/// The `q`-quantile of ascending `sorted` with linear interpolation between the two nearest order statistics (type 7
/// of Hyndman and Fan 1996; the default of `numpy` and R).
///
/// `total` may exceed `sorted.len()`: the missing items count as +∞, after all others. This is how failures enter the
/// percentiles of an error distribution. Returns `None` for `total == 0`, for `q` outside [0, 1] and where the quantile
/// is infinite.
///
/// # Examples
///
/// ```
/// use geoloc_metrics::quantile_sorted;
///
/// let km = [1.0, 2.0, 4.0];
/// assert_eq!(quantile_sorted(&km, 3, 0.5), Some(2.0));
/// assert_eq!(quantile_sorted(&km, 4, 0.5), Some(3.0)); // one failure
/// assert_eq!(quantile_sorted(&km, 9, 0.5), None); // most failed: the median is infinite
/// ```
#[must_use]
pub fn quantile_sorted(sorted: &[f64], total: usize, q: f64) -> Option<f64> {
    let last = total.checked_sub(1)?;
    if !(0.0..=1.0).contains(&q) {
        return None;
    }
    let position = q * last as f64;
    let below = (position.floor() as usize).min(last);
    let fraction = position - below as f64;
    let low = *sorted.get(below)?;
    if fraction <= 0.0 {
        return Some(low);
    }
    let high = *sorted.get(below + 1)?;
    Some(low + fraction * (high - low))
}

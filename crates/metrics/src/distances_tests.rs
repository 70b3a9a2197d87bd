use geoloc_geo_cells::LatLng;

use crate::{Bootstrap, Comparison, Conventions, DistanceSummary, MetricError};

fn plain() -> Conventions {
    Conventions::default().with_bootstrap(Bootstrap::off())
}

fn summary(distances: &[Option<f64>], conventions: &Conventions) -> DistanceSummary {
    DistanceSummary::from_distances(distances, &[25.0, 200.0], conventions).expect("valid input")
}

#[test]
fn failures_and_nan_stay_in_the_denominator() {
    let s = summary(
        &[
            Some(10.0),
            Some(100.0),
            None,
            Some(f64::NAN),
            Some(f64::INFINITY),
        ],
        &plain(),
    );
    assert_eq!((s.n, s.failures), (5, 3));
    assert_eq!(s.share_within(25.0), Some(0.2));
    assert_eq!(s.share_within(200.0), Some(0.4));
    assert_eq!(s.median_km, None, "the third of five is a failure");
    assert_eq!(s.mean_km.map(|m| m.value), Some(55.0));
}

#[test]
fn comparison_decides_at_the_radius() {
    let at_radius = [Some(25.0)];
    let mut conventions = plain();
    assert_eq!(
        summary(&at_radius, &conventions).share_within(25.0),
        Some(1.0)
    );
    conventions.comparison = Comparison::Below;
    assert_eq!(
        summary(&at_radius, &conventions).share_within(25.0),
        Some(0.0)
    );
}

#[test]
fn all_failed_is_a_result_not_a_panic() {
    let s = summary(&[None, None], &Conventions::default());
    assert_eq!((s.median_km, s.mean_km), (None, None));
    assert!(s.geo_score.value.abs() < f64::MIN_POSITIVE);
    assert_eq!(s.share_within(200.0), Some(0.0));
    assert!(s.percentiles.iter().all(|p| p.km.is_none()));
}

#[test]
fn bad_input_is_named() {
    let empty = DistanceSummary::from_distances(&[], &[25.0], &plain());
    assert_eq!(empty, Err(MetricError::Empty { what: "distances" }));
    let negative = DistanceSummary::from_distances(&[Some(1.0), Some(-1.0)], &[25.0], &plain());
    assert!(matches!(
        negative,
        Err(MetricError::Value {
            what: "distances",
            row: 1,
            ..
        })
    ));
    let radius = DistanceSummary::from_distances(&[Some(1.0)], &[25.0, f64::NAN], &plain());
    assert!(matches!(
        radius,
        Err(MetricError::Value {
            what: "radii",
            row: 1,
            ..
        })
    ));
    let origin = LatLng::new(0.0, 0.0).expect("valid");
    let length = DistanceSummary::from_places(&[origin], &[], &[25.0], &plain());
    assert!(matches!(
        length,
        Err(MetricError::Length {
            found: 0,
            expected: 1,
            ..
        })
    ));
    let level = plain().with_bootstrap(Bootstrap {
        level: 1.0,
        ..Bootstrap::default()
    });
    let level = DistanceSummary::from_distances(&[Some(1.0)], &[25.0], &level);
    assert!(matches!(level, Err(MetricError::Setting { .. })));
}

#[test]
fn interval_of_the_median_opens_where_failures_reach_it() {
    // 6 of 11 located: the median is finite, but many resamples have their median among the failures.
    let distances: Vec<Option<f64>> = (0..11)
        .map(|i| (i < 6).then_some(f64::from(i) + 1.0))
        .collect();
    let s = summary(&distances, &Conventions::default());
    let median = s.median_km.expect("the sixth of eleven is located");
    assert_eq!(Some(median.value), Some(6.0));
    let interval = median.interval.expect("resampled");
    assert_eq!(interval.high, None);
    assert!(interval.low < 6.0);
}

#[test]
fn resampled_statistics_agree_with_direct_computation() {
    // One item: every resample is the set itself, so each interval has no width.
    let s = summary(&[Some(100.0)], &Conventions::default());
    for m in [
        s.median_km,
        s.mean_km,
        Some(s.geo_score),
        s.within.first().map(|w| w.share),
    ] {
        let m = m.expect("present");
        let interval = m.interval.expect("resampled");
        assert_eq!((interval.low, interval.high), (m.value, Some(m.value)));
    }
}

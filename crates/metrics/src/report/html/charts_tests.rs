use super::*;
use crate::{Bootstrap, Conventions, Prediction, Role};
use geoloc_geo_cells::LatLng;

#[test]
fn placeholder_colours_are_all_replaced() {
    let truth = LatLng::new(1.0, 2.0).expect("valid");
    let conventions = Conventions::default().with_bootstrap(Bootstrap::off());
    let mut report = Report::new("t", conventions);
    for i in 0..9 {
        let predictions = vec![Prediction::new(
            "q",
            truth,
            LatLng::new(3.0, f64::from(i)).ok(),
        )];
        let method = MethodReport::evaluate(
            format!("m{i}"),
            Role::Method,
            predictions,
            &[25.0],
            &conventions,
        );
        report
            .push_method(method.expect("valid"))
            .expect("new name");
    }
    let html = cumulative(&report).expect("drawn") + &histograms(&report).expect("drawn");
    assert!(!html.contains("#01000") && !html.contains("#02000"));
    assert!(html.contains("var(--c6)") && html.contains("and 2 not drawn"));
}

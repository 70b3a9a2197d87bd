use super::*;

fn place(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).expect("valid")
}

#[test]
fn arc_over_the_antimeridian_is_cut_at_both_edges() {
    let path = arc(place(0.0, 170.0), place(0.0, -170.0));
    assert_eq!(path.matches('M').count(), 2, "{path}");
    assert!(path.contains("L1000.0 243.4M-0.0 243.4"), "{path}");
}

#[test]
fn arc_elsewhere_is_one_stroke_and_degenerate_arcs_are_empty() {
    assert_eq!(
        arc(place(50.0, 0.0), place(50.0, 90.0))
            .matches('M')
            .count(),
        1
    );
    assert_eq!(arc(place(10.0, 10.0), place(10.0, 10.0)), "");
    assert_eq!(arc(place(10.0, 10.0), place(-10.0, -170.0)), "");
}

#[test]
fn projection_has_the_published_extent() {
    let (right, middle) = project_degrees(0.0, 180.0);
    assert!((right - WIDTH).abs() < 1e-6 && (middle - HEIGHT / 2.0).abs() < 1e-9);
    let (_, top) = project_degrees(90.0, 0.0);
    assert!(top.abs() < 1e-6, "the pole is at the top: {top}");
}

#[test]
fn regional_queries_are_shown_larger_than_the_world() {
    let near: Vec<Prediction> = (0..10)
        .map(|i| Prediction::new(i.to_string(), place(48.0 + f64::from(i), 2.0), None))
        .collect();
    assert!(view(&near).2 < WIDTH / 5.0);
    let far = vec![Prediction::new(
        "a",
        place(0.0, -170.0),
        Some(place(0.0, 170.0)),
    )];
    assert_eq!(view(&far), (0.0, 0.0, WIDTH, HEIGHT));
    assert_eq!(view(&[]), (0.0, 0.0, WIDTH, HEIGHT));
}

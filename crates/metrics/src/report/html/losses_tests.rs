use super::*;

#[test]
fn curves_without_finite_points_are_left_out() {
    let empty = Curve::new("a", []);
    let nan = Curve::new("b", [(0, Some(f64::NAN), None)]);
    let one = Curve::new("c", [(5, Some(1.0), None)]);
    assert_eq!(charts(&[empty, nan]).expect("drawn"), "");
    assert!(charts(&[one]).expect("drawn").contains("<svg"));
}

#[test]
fn running_mean_covers_the_last_points() {
    let points = [(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)];
    assert_eq!(
        running_mean(&points, 2),
        [(0.0, 1.0), (1.0, 2.0), (2.0, 4.0)]
    );
}

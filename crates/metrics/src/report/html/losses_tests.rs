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
fn extreme_steps_and_losses_are_drawn() {
    for (step, loss) in [
        (u64::MAX, 1e11),
        (0, -1e11),
        (7, 0.0),
        (3, 1e-300),
        (1, f64::MAX),
    ] {
        let curve = Curve::new("a", [(0, Some(1.0), Some(2.0)), (step, Some(loss), None)]);
        assert!(charts(&[curve]).expect("drawn").contains("<svg"));
    }
}

#[test]
fn running_mean_covers_the_last_points() {
    let points = [(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)];
    assert_eq!(
        running_mean(&points, 2),
        [(0.0, 1.0), (1.0, 2.0), (2.0, 4.0)]
    );
}

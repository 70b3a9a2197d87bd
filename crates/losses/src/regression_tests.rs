use geoloc_geo_cells::{haversine_km, haversine_km_with};

use super::*;
use crate::gradient_check::{check_gradient, f64s, unit_rows, value};

fn at(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

const PAIRS: [[(f64, f64); 2]; 4] = [
    [(48.8566, 2.3522), (51.5074, -0.1278)],
    [(-17.0, 179.9), (-17.1, -179.9)],
    [(89.0, 10.0), (89.0, -170.0)],
    [(-33.9, 151.2), (40.0, -70.0)],
];

fn pairs() -> (Vec<LatLng>, Vec<LatLng>) {
    let side = |k: usize| PAIRS.iter().map(|p| at(p[k].0, p[k].1)).collect();
    (side(0), side(1))
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

#[test]
fn haversine_loss_is_the_mean_distance_in_km() {
    let device = Device::flex();
    let (a, b) = pairs();
    let output = ScaledCoordinates(ScaledPlaces.encode(&a, &device).unwrap());
    let target = ScaledPlaces.encode(&b, &device).unwrap();
    for radius in [EarthRadius::Mean, EarthRadius::Rounded] {
        let loss = HaversineLoss { radius }.forward(&output, &target);
        let expected = mean(
            a.iter()
                .zip(&b)
                .map(|(&a, &b)| haversine_km_with(a, b, radius)),
        );
        // f32 coordinates are right to 2 m, the mean to a few.
        assert!((value(loss) - expected).abs() < 0.05);
    }
}

#[test]
fn haversine_loss_is_finite_with_its_gradient_at_the_truth_and_at_the_antipode() {
    let device = Device::flex().autodiff();
    for (output, target) in [([0.3f32, 0.4], [0.3f32, 0.4]), ([0.5, 0.25], [0.5, 0.75])] {
        let row = |x: [f32; 2]| Tensor::<2>::from_data([x], &device);
        let x = row(output).require_grad();
        let loss = HaversineLoss::default().forward(&ScaledCoordinates(x.clone()), &row(target));
        let gradients = loss.clone().backward();
        assert!(value(loss).is_finite());
        let gradient = x
            .grad(&gradients)
            .unwrap()
            .try_into_vec_as::<f32>()
            .unwrap();
        assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
    }
}

#[test]
fn the_gradient_of_scaled_coordinates_leads_away_from_the_antimeridian() {
    // At 179.9 E with the truth at 179.9 W, 22 km on: the loss wraps and its gradient points east,
    // out of (0, 1), where no sigmoid can go.
    let device = Device::flex().autodiff();
    let output = ScaledPlaces.encode(&[at(0.0, 179.9)], &device).unwrap();
    let target = ScaledPlaces.encode(&[at(0.0, -179.9)], &device).unwrap();
    let x = output.require_grad();
    let loss = HaversineLoss::default().forward(&ScaledCoordinates(x.clone()), &target);
    let gradients = loss.clone().backward();
    assert!((value(loss) - 22.24).abs() < 0.1);
    let gradient = x
        .grad(&gradients)
        .unwrap()
        .try_into_vec_as::<f32>()
        .unwrap();
    assert!(gradient[1] < -1000.0, "{gradient:?}");
}

#[test]
fn direction_losses_equal_their_definitions() {
    let device = Device::flex();
    let (a, b) = pairs();
    let output = Directions(UnitVectors.encode(&a, &device).unwrap());
    let target = UnitVectors.encode(&b, &device).unwrap();
    let loss = |discrepancy| value(DirectionLoss { discrepancy }.forward(&output, &target));
    let angles = || {
        a.iter()
            .zip(&b)
            .map(|(&a, &b)| haversine_km(a, b) / EARTH_RADIUS_KM)
    };
    let expected = mean(angles().map(|t| 1.0 - t.cos()));
    assert!((loss(Discrepancy::HalfSquaredChord) - expected).abs() < 1e-6);
    assert!((loss(Discrepancy::Angle) - mean(angles())).abs() < 1e-5);
    let lost = |t: f64| 1.0 - (-t * EARTH_RADIUS_KM / 1492.7).exp();
    let score = loss(Discrepancy::Score { scale_km: 1492.7 });
    assert!((score - mean(angles().map(lost))).abs() < 1e-5);
}

#[test]
fn the_chord_of_near_places_is_right_in_f32() {
    // 100 m: acos of the dot product gives 0 or 2.2 km in f32.
    let device = Device::flex();
    let (a, b) = (at(48.0, 2.0), at(48.0009, 2.0));
    let output = Directions(UnitVectors.encode(&[a], &device).unwrap());
    let target = UnitVectors.encode(&[b], &device).unwrap();
    let loss = DirectionLoss {
        discrepancy: Discrepancy::Angle,
    };
    let km = value(loss.forward(&output, &target)) * EARTH_RADIUS_KM;
    assert!((km - haversine_km(a, b)).abs() < 0.002, "{km}");
}

#[test]
fn a_worse_answer_always_has_a_larger_loss() {
    let device = Device::flex();
    let target = UnitVectors.encode(&[at(0.0, 179.0)], &device).unwrap();
    for discrepancy in [
        Discrepancy::HalfSquaredChord,
        Discrepancy::Angle,
        Discrepancy::Score { scale_km: 1492.7 },
    ] {
        let mut last = -1.0;
        for east in [0.0, 1.0, 5.0, 60.0, 120.0, 170.0] {
            let output = UnitVectors
                .encode(&[at(0.0, 179.0 + east)], &device)
                .unwrap();
            let loss = value(DirectionLoss { discrepancy }.forward(&Directions(output), &target));
            assert!(loss > last, "{discrepancy:?} {east}");
            last = loss;
        }
    }
}

#[test]
fn gradients_equal_finite_differences() {
    let (output, target) = (unit_rows(4, 3, 3), unit_rows(4, 3, 4));
    for discrepancy in [
        Discrepancy::HalfSquaredChord,
        Discrepancy::Angle,
        Discrepancy::Score { scale_km: 1492.7 },
    ] {
        check_gradient(&output, [4, 3], |x| {
            let target = f64s(&target, [4, 3], &x.device());
            DirectionLoss { discrepancy }.forward(&Directions(x), &target)
        });
    }
    let (output, target) = ([0.2, 0.4, 0.7, 0.1], [0.25, 0.8, 0.6, 0.3]);
    check_gradient(&output, [2, 2], |x| {
        let target = f64s(&target, [2, 2], &x.device());
        // In units of the radius, so that the tolerance fits.
        HaversineLoss::default().forward(&ScaledCoordinates(x), &target) / 6371.0088
    });
}

use geoloc_geo_cells::{AdaptivePartition, PartitionBuilder, haversine_km};

use super::*;
use crate::gradient_check::{check_gradient, f64s, numbers, value};

fn at(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

/// Cells of level 5 and finer about a place: a photo at the border of a cell is nearer to the
/// mean of the next one.
fn partition() -> (Arc<Partition>, Vec<LatLng>) {
    let photos: Vec<LatLng> = (0..400)
        .map(|k| {
            let t = f64::from(k);
            at(47.0 + 4.0 * (0.37 * t).sin(), 2.0 + 4.0 * (0.113 * t).sin())
        })
        .collect();
    let builder = AdaptivePartition {
        split_above: 40,
        drop_below: 1,
        ..AdaptivePartition::default()
    };
    (Arc::new(builder.build(&photos).unwrap().0), photos)
}

fn rows(encoder: &SmoothedCells, photos: &[LatLng]) -> Vec<Vec<f32>> {
    let target = encoder.encode(photos, &Device::flex()).unwrap();
    let [_, cells] = target.dims();
    let values = target.try_into_vec_as::<f32>().unwrap();
    values.chunks(cells).map(<[f32]>::to_vec).collect()
}

#[test]
fn targets_equal_the_formula() {
    let (partition, photos) = partition();
    let encoder = SmoothedCells {
        radius: EarthRadius::Mean,
        ..SmoothedCells::pigeon(partition.clone())
    };
    let photo = photos[7];
    let d: Vec<f64> = partition
        .locations()
        .iter()
        .map(|g| haversine_km(photo, *g))
        .collect();
    let nearest = d.iter().copied().fold(f64::INFINITY, f64::min);
    for (y, d) in rows(&encoder, &[photo])[0].iter().zip(&d) {
        assert!((f64::from(*y) - (-(d - nearest) / 75.0).exp()).abs() < 1e-6);
    }
}

#[test]
fn the_nearest_anchor_never_exceeds_one_and_the_own_anchor_does() {
    let (partition, photos) = partition();
    let nearest = SmoothedCells::pigeon(partition.clone());
    let own = SmoothedCells {
        anchor: SmoothingAnchor::OwnCell,
        ..nearest.clone()
    };
    let max = |row: &[f32]| row.iter().copied().fold(0.0, f32::max);
    let (mut below, mut above) = (0, 0);
    for ((photo, near), own) in photos
        .iter()
        .zip(rows(&nearest, &photos))
        .zip(rows(&own, &photos))
    {
        let class = partition.index_of(*photo).unwrap();
        assert!((max(&near) - 1.0).abs() < 1e-6);
        assert!((own[class] - 1.0).abs() < 1e-6);
        below += usize::from(near[class] < 1.0);
        above += usize::from(max(&own) > 1.0);
    }
    // The same photos: those whose nearest place belongs to another cell.
    assert!(below > 0 && below < photos.len());
    assert_eq!(below, above);
}

#[test]
fn normalised_targets_sum_to_one_and_the_anchor_cancels() {
    let (partition, photos) = partition();
    let nearest = SmoothedCells::normalized(partition, 75.0);
    let own = SmoothedCells {
        anchor: SmoothingAnchor::OwnCell,
        ..nearest.clone()
    };
    let (a, b) = (rows(&nearest, &photos), rows(&own, &photos));
    assert_eq!(a, b);
    for row in a {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}

#[test]
fn a_place_in_no_cell_fails_only_where_its_cell_is_needed() {
    let (partition, _) = partition();
    let nowhere = at(-60.0, -150.0);
    assert_eq!(partition.index_of(nowhere), None);
    let nearest = SmoothedCells::pigeon(partition.clone());
    assert!(nearest.encode(&[nowhere], &Device::flex()).is_ok());
    let own = SmoothedCells {
        anchor: SmoothingAnchor::OwnCell,
        ..nearest
    };
    assert!(matches!(
        own.encode(&[nowhere], &Device::flex()),
        Err(TargetError::OutsidePartition { index: 0, .. })
    ));
}

#[test]
fn the_loss_equals_the_definition_and_so_does_its_gradient() {
    let (logits, targets) = (numbers(12, 1), numbers(12, 2));
    let targets: Vec<f64> = targets.iter().map(|y| y.abs()).collect();
    let expected: f64 = (0..3)
        .map(|i| {
            let row = &logits[4 * i..4 * i + 4];
            let log_sum = row.iter().map(|l| l.exp()).sum::<f64>().ln();
            (0..4)
                .map(|j| targets[4 * i + j] * (log_sum - row[j]))
                .sum::<f64>()
        })
        .sum::<f64>()
        / 3.0;
    let loss = |logits: Tensor<2>| {
        let target = f64s(&targets, [3, 4], &logits.device());
        SoftCrossEntropy.forward(&CellLogits(logits), &target)
    };
    let plain = Device::flex();
    assert!((value(loss(f64s(&logits, [3, 4], &plain))) - expected).abs() < 1e-12);
    check_gradient(&logits, [3, 4], loss);
}

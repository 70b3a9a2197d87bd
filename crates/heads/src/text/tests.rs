use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{CellLogits, DecodeError};
use geoloc_geo_cells::{LatLng, NamedPlaces, Partition, PartitionBuilder};

use super::*;

/// Cells on a line, 1, 2 and 30 degrees apart.
fn partition() -> Partition {
    let places = [0.0, 1.0, 3.0, 33.0].map(|lng| LatLng::new(0.0, lng).unwrap());
    let named = places.iter().enumerate().map(|(k, p)| (k.to_string(), *p));
    NamedPlaces::new(named.collect()).build(&[]).unwrap().0
}

fn photos() -> Vec<(Vec<String>, usize)> {
    [
        ("eiffel tower", 0),
        ("Eiffel night", 0),
        ("tower bridge", 2),
        ("night", 2),
        ("bridge", 3),
    ]
    .map(|(text, cell)| (words(text), cell))
    .to_vec()
}

fn fit(config: TextPriorConfig) -> TextPrior {
    let photos = photos();
    let pairs = photos.iter().map(|(words, cell)| (words.as_slice(), *cell));
    TextPrior::fit(config, &partition(), pairs).unwrap()
}

#[test]
fn words_are_lower_case_and_come_once() {
    assert_eq!(words("Köln: the DOM, dom-2!"), ["köln", "the", "dom", "2"]);
    assert!(words(" -- ").is_empty());
}

#[test]
fn equals_the_definition() {
    let config = TextPriorConfig {
        dirichlet: 3.0,
        neighbours: 1,
        neighbour_share: 0.2,
    };
    let prior = fit(config);
    let totals = [4.0, 0.0, 3.0, 1.0];
    // Of 8 words 2 each are eiffel, tower, night and bridge.
    let dirichlet = |counts: [f64; 4]| -> Vec<f64> {
        let pairs = counts.iter().zip(totals);
        pairs
            .map(|(n, total)| (n + 3.0 * 0.25) / (total + 3.0))
            .collect()
    };
    // The nearest cells of 0, 1, 2, 3 are 1, 0, 1, 2.
    let mix = |p: Vec<f64>| {
        let nearest = [1, 0, 1, 2];
        (0..4)
            .map(move |k| 0.8 * p[k] + 0.2 * p[nearest[k]])
            .collect::<Vec<_>>()
    };
    let eiffel = mix(dirichlet([2.0, 0.0, 0.0, 0.0]));
    let bridge = mix(dirichlet([0.0, 0.0, 1.0, 1.0]));
    let found = prior.log_likelihood(&words("bridge eiffel unheard"));
    for k in 0..4 {
        let expected = eiffel[k].ln() + bridge[k].ln();
        assert!((found[k] - expected).abs() < 1e-12, "{k}");
    }
    // The model of each cell is a distribution over the known words.
    for k in 0..4 {
        let known = ["eiffel", "tower", "night", "bridge"];
        let sum: f64 = known
            .iter()
            .map(|w| prior.log_likelihood(&[(*w).to_owned()])[k].exp())
            .sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
    }
    assert_eq!(prior.log_likelihood(&words("unheard")), [0.0; 4]);
    assert!(prior.knows("tower") && !prior.knows("unheard"));
    // A cell without photos is lifted by its neighbour.
    assert!(found[1] > prior.log_likelihood(&words("bridge bridge night"))[1]);
}

#[test]
fn words_turn_an_image_that_is_undecided() {
    let prior = fit(TextPriorConfig {
        dirichlet: 1.0,
        ..TextPriorConfig::default()
    });
    let device = Device::flex();
    let image = || {
        let logits = vec![0.0f32, -5.0, 0.1, 0.0, 0.0, -5.0, 0.1, 0.0];
        CellLogits(Tensor::from_data(TensorData::new(logits, [2, 4]), &device))
    };
    let fused = prior
        .fuse(image(), &[words("eiffel"), vec![]], 1.0)
        .unwrap();
    let values = fused.0.try_into_vec_as::<f32>().unwrap();
    let best = |row: &[f32]| (0..4).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
    assert_eq!((best(&values[..4]), best(&values[4..])), (0, 2));
    // No words: the image as it was.
    assert_eq!(values[4..], [0.0, -5.0, 0.1, 0.0]);
    assert_eq!(
        prior.fuse(image(), &[vec![]], 1.0).err(),
        Some(DecodeError::Width {
            expected: 2,
            found: 1
        })
    );
}

#[test]
fn bad_input_is_named() {
    let one = [(words("a b"), 4)];
    let pairs = || one.iter().map(|(words, cell)| (words.as_slice(), *cell));
    let config = TextPriorConfig::default();
    let expected = TextPriorError::Cell {
        photo: 0,
        cell: 4,
        cells: 4,
    };
    let found = TextPrior::fit(config, &partition(), pairs());
    assert_eq!(found, Err(expected));
    let bad = TextPriorConfig {
        neighbour_share: 1.0,
        ..config
    };
    assert!(matches!(
        TextPrior::fit(bad, &partition(), []),
        Err(TextPriorError::Config {
            field: "neighbour_share",
            ..
        })
    ));
    // Without any photo nothing is known.
    let empty = TextPrior::fit(config, &partition(), []).unwrap();
    assert_eq!(empty.log_likelihood(&words("eiffel")), [0.0; 4]);
}

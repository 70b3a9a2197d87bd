use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{CellLogits, DecodeError, Decoder, Embedding, TwoTasks};
use geoloc_geo_cells::{Estimate, LatLng, NamedPlaces, Partition, PartitionBuilder, haversine_km};

use super::*;

fn at(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

fn partition() -> Arc<Partition> {
    let places = [at(48.0, 2.0), at(-33.0, 151.0), at(10.0, 30.0)];
    let named = places.iter().enumerate().map(|(k, p)| (k.to_string(), *p));
    Arc::new(NamedPlaces::new(named.collect()).build(&[]).unwrap().0)
}

/// In the first cell three photos along a line of 0.7 km steps, a lone one that is most similar to
/// (1, 0), and one that is like nothing; in the second cell one photo; none in the third.
fn photos() -> Vec<(Vec<f32>, LatLng)> {
    let photo = |x: f32, y: f32, lat, lng| (vec![x, y], at(lat, lng));
    vec![
        photo(9.0, 3.0, 48.1, 2.0),
        photo(0.9, 0.31, 48.1063, 2.0),
        photo(9.0, 3.2, 48.1126, 2.0),
        photo(5.0, 0.0, 48.5, 2.5),
        photo(-1.0, 0.2, 48.9, 2.9),
        photo(0.0, 2.0, -33.5, 151.5),
    ]
}

fn output(probabilities: [f32; 3], query: [f32; 2]) -> TwoTasks<CellLogits, Embedding> {
    let device = Device::flex();
    let logits = TensorData::new(probabilities.map(f32::ln).to_vec(), [1, 3]);
    TwoTasks {
        first: CellLogits(Tensor::from_data(logits, &device)),
        second: Embedding(Tensor::from_data(
            TensorData::new(query.to_vec(), [1, 2]),
            &device,
        )),
        log_variances: Tensor::zeros([2], &device),
    }
}

fn answer(decoder: &SearchWithinCell, probabilities: [f32; 3]) -> Estimate {
    let output = output(probabilities, [1.0, 0.0]);
    decoder.decode(output).unwrap().remove(0).unwrap()
}

#[test]
fn the_largest_cluster_of_similar_photos_is_the_answer() {
    let mut decoder = SearchWithinCell::new(partition(), &photos()).unwrap();
    // The ends of the line are 1.4 km apart and hang together over its middle.
    let found = answer(&decoder, [0.7, 0.2, 0.1]);
    assert!(haversine_km(found.location, at(48.1063, 2.0)) < 0.01);
    // A cell without photos keeps its own place.
    let others = [(at(-33.5, 151.5), 0.2), (at(10.0, 30.0), 0.1)];
    for (candidate, (place, probability)) in found.candidates[1..].iter().zip(others) {
        assert!(haversine_km(candidate.location, place) < 1e-6);
        assert!((candidate.probability - probability).abs() < 1e-6);
    }

    // Shorter links leave four lone photos, of which the most similar one is the answer.
    decoder.link_km = 0.5;
    assert!(haversine_km(answer(&decoder, [0.7, 0.2, 0.1]).location, at(48.5, 2.5)) < 1e-6);
    // One neighbour is the most similar photo.
    decoder.link_km = 1.0;
    decoder.neighbours = 1;
    assert!(haversine_km(answer(&decoder, [0.7, 0.2, 0.1]).location, at(48.5, 2.5)) < 1e-6);
    // The most probable cell is answered, whatever looks alike elsewhere.
    assert!(haversine_km(answer(&decoder, [0.1, 0.8, 0.1]).location, at(-33.5, 151.5)) < 1e-6);
    // Cells past those that are answered keep their own places and are no candidates.
    decoder.cells = 1;
    assert_eq!(answer(&decoder, [0.7, 0.2, 0.1]).candidates.len(), 1);
}

#[test]
fn embeddings_that_cannot_be_searched_are_named() {
    let with = |embedding: Vec<f32>| {
        let mut photos = photos();
        photos[4].0 = embedding;
        SearchWithinCell::new(partition(), &photos).unwrap_err()
    };
    let width = ReferencePhotoError::Width {
        photo: 4,
        expected: 2,
        found: 3,
    };
    assert_eq!(with(vec![1.0; 3]), width);
    let direction = ReferencePhotoError::Direction { photo: 4 };
    assert_eq!(with(vec![0.0; 2]), direction);
    assert_eq!(with(vec![f32::NAN, 1.0]), direction);
    let none = vec![(Vec::new(), at(0.0, 0.0))];
    assert!(SearchWithinCell::new(partition(), &none).is_err());

    let decoder = SearchWithinCell::new(partition(), &photos()).unwrap();
    let found = decoder.decode(output([0.5, 0.3, 0.2], [f32::NAN, 0.0]));
    assert_eq!(found.unwrap()[0], Err(DecodeError::NotFinite { index: 0 }));
    let wide = TwoTasks {
        second: Embedding(Tensor::zeros([1, 5], &Device::flex())),
        ..output([0.5, 0.3, 0.2], [1.0, 0.0])
    };
    assert!(matches!(
        decoder.decode(wide),
        Err(DecodeError::Width { .. })
    ));
    // Without any photo the cells answer.
    let empty = SearchWithinCell::new(partition(), &[]).unwrap();
    assert_eq!(answer(&empty, [0.7, 0.2, 0.1]).location, at(48.0, 2.0));
}

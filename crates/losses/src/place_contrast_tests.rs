use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use geoloc_core::{
    Embedding, Encoder, FeatureSpec, Features, GeoModel, Head, PlaceContrastBatch,
    PlaceContrastModel, PlaceContrastTraining, PlaceEncoder, contract,
};

use super::*;
use crate::gradient_check::{check_gradient, f64s, numbers, unit_rows, value};

fn at(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

#[test]
fn places_are_drawn_from_all_but_those_of_the_batch() {
    let places: Vec<LatLng> = (0..40)
        .map(|i| at(f64::from(i), 2.0 * f64::from(i)))
        .collect();
    let own = &places[..8];
    let drawn = draw_places(&places, own, 3000, 7);
    assert_eq!(drawn.len(), 3000);
    assert!(drawn.iter().all(|place| !own.contains(place)));
    // Each of the other 32 about 94 times.
    for other in &places[8..] {
        let count = drawn.iter().filter(|place| *place == other).count();
        assert!((50..150).contains(&count), "{count}");
    }
    assert_eq!(drawn, draw_places(&places, own, 3000, 7));
    assert_ne!(drawn, draw_places(&places, own, 3000, 8));
    // Nothing but the batch itself, and nothing at all.
    assert!(draw_places(own, own, 5, 1).is_empty());
    assert!(draw_places(&[], own, 5, 1).is_empty());
}

#[test]
fn equals_the_definition_and_so_do_gradients() {
    let (images, places) = (unit_rows(2, 3, 61), unit_rows(5, 3, 62));
    let logit = |i: usize, j: usize| {
        8.0 * (0..3)
            .map(|k| images[3 * i + k] * places[3 * j + k])
            .sum::<f64>()
    };
    let expected = |ignored: &[(usize, usize)]| -> f64 {
        (0..2)
            .map(|i| {
                let kept = (0..5).filter(|&j| !ignored.contains(&(i, j)));
                (kept.map(|j| logit(i, j).exp()).sum::<f64>().ln() - logit(i, i)) / 2.0
            })
            .sum()
    };
    let output = |image: Tensor<2>, places: Tensor<2>| PlaceEmbeddings {
        scale: f64s(&[8.0], [1], &image.device()),
        image,
        places,
    };
    let device = Device::flex();
    let both = || {
        output(
            f64s(&images, [2, 3], &device),
            f64s(&places, [5, 3], &device),
        )
    };
    let none = PlaceMask { ignore: None };
    let found = value(PlaceContrast.forward(&both(), &none));
    assert!((found - expected(&[])).abs() < 1e-12);
    // Image 0 ignores place 1 of the batch and place 3, the second of the queue.
    let truth = [at(0.0, 0.0), at(0.1, 0.0)];
    let queue = [at(50.0, 0.0), at(0.0, 0.3), at(-50.0, 0.0)];
    let mask = PlaceMasks { radius_km: 34.0 }.mask(&truth, &queue, &device);
    let found = value(PlaceContrast.forward(&both(), &mask));
    assert!((found - expected(&[(0, 1), (0, 3), (1, 0)])).abs() < 1e-12);
    assert!(
        PlaceMasks::default()
            .mask(&truth, &queue, &device)
            .ignore
            .is_none()
    );
    check_gradient(&images, [2, 3], |x| {
        let places = f64s(&places, [5, 3], &x.device());
        PlaceContrast.forward(&output(x, places), &none)
    });
    check_gradient(&places, [5, 3], |x| {
        let images = f64s(&images, [2, 3], &x.device());
        PlaceContrast.forward(&output(images, x), &none)
    });
}

#[derive(Module, Debug)]
struct Given {
    width: usize,
}

impl Encoder for Given {
    type Input = Tensor<2>;

    fn encode(&self, input: Tensor<2>) -> Features {
        Features::pooled(input)
    }

    fn spec(&self) -> FeatureSpec {
        FeatureSpec::pooled(self.width)
    }
}

#[derive(Module, Debug)]
struct Project {
    linear: Linear,
}

impl Head for Project {
    type Output = Embedding;

    fn forward(&self, features: Features) -> Embedding {
        let x = self.linear.forward(features.pooled);
        Embedding(x.clone() / x.square().sum_dim(1).sqrt())
    }
}

impl PlaceEncoder for Project {
    fn embed_places(&self, places: &[LatLng], device: &Device) -> Tensor<2> {
        let values: Vec<f32> = places
            .iter()
            .flat_map(|p| p.to_unit_vector())
            .map(|x| x as f32)
            .collect();
        let x = Tensor::from_data(TensorData::new(values, [places.len(), 3]), device);
        self.linear.forward(x)
    }
}

#[test]
fn gradients_reach_images_places_and_scale_with_a_queue_of_any_length() {
    let device = Device::flex().autodiff();
    device.seed(3);
    let project = |input| Project {
        linear: LinearConfig::new(input, 4).init(&device),
    };
    let image = GeoModel {
        encoder: Given { width: 5 },
        head: project(5),
    };
    let training = PlaceContrastTraining {
        model: PlaceContrastModel::new(image, project(3), 1.0 / 0.07, &device),
        criterion: PlaceContrast,
    };
    for queue in [0, 1, 5] {
        let input: Vec<f32> = numbers(10, 7).iter().map(|x| *x as f32).collect();
        let batch = PlaceContrastBatch {
            input: Tensor::<2>::from_data(TensorData::new(input, [2, 5]), &device),
            target: PlaceMask { ignore: None },
            truth: vec![at(10.0, 20.0), at(-30.0, 50.0)],
            queue: (0..queue).map(|k| at(f64::from(k), 0.0)).collect(),
        };
        contract::check_learner(&training, batch).unwrap();
    }
}

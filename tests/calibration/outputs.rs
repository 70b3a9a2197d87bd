//! Outputs of models that state true probabilities.

use geoloc::burn::tensor::{Device, Tensor, TensorData};
use geoloc::core::{
    CellFrames, CellLogits, CellOffsets, DecodeError, GeoclassLogits, HierarchicalLogits,
    SceneExperts, SphericalMixture, mix, uniform, uniform_direction,
};
use geoloc::geo_cells::{Estimate, GeoclassSets, Hierarchy, LatLng};

use crate::methods::separable::{World, normal};
use crate::simulated::{ITEMS, Simulation, draw, softmax};

/// Answers with the true places.
pub(crate) struct Answers {
    pub(crate) estimates: Vec<Result<Estimate, DecodeError>>,
    pub(crate) truth: Vec<LatLng>,
}

pub(crate) fn matrix(rows: &[Vec<f32>], device: &Device) -> Tensor<2> {
    let shape = [rows.len(), rows[0].len()];
    Tensor::from_data(TensorData::new(rows.concat(), shape), device)
}

pub(crate) fn cell_logits(simulation: &Simulation, device: &Device) -> CellLogits {
    CellLogits(matrix(&simulation.logits, device))
}

/// Random logits of the coarse levels, and those of the finest level that make up the rest.
pub(crate) fn hierarchical(
    hierarchy: &Hierarchy,
    simulation: &Simulation,
    device: &Device,
) -> HierarchicalLogits {
    let finest = hierarchy.depth() - 1;
    let mut rest = simulation.logits.clone();
    let mut levels = Vec::new();
    for (level, partition) in hierarchy.partitions().take(finest).enumerate() {
        let ancestors = hierarchy.ancestors(level).unwrap();
        let mut rows = Vec::new();
        for (item, rest) in rest.iter_mut().enumerate() {
            let seed = mix(mix(41, level as u64), item as u64);
            let number = |k| normal(mix(seed, k)) as f32;
            let row: Vec<f32> = (0..partition.len() as u64).map(number).collect();
            for (fine, &ancestor) in rest.iter_mut().zip(ancestors) {
                *fine -= row[ancestor as usize];
            }
            rows.push(row);
        }
        levels.push(matrix(&rows, device));
    }
    levels.push(matrix(&rest, device));
    HierarchicalLogits(levels)
}

/// Logits of sets, and fine cells drawn from the product of their probabilities.
pub(crate) struct TupleSimulation {
    logits: Vec<Vec<Vec<f32>>>,
    pub(crate) truth: Vec<LatLng>,
}

impl TupleSimulation {
    pub(crate) fn new(world: &World, sets: &GeoclassSets, certain: bool) -> Self {
        let fine = sets.fine();
        let members = Simulation::new(world, fine, certain).members;
        let sizes: Vec<usize> = (0..sets.set_count())
            .map(|set| sets.set(set).unwrap().len())
            .collect();
        let mut logits = vec![Vec::new(); sizes.len()];
        let mut truth = Vec::new();
        for item in 0..ITEMS {
            let seed = mix(43, item);
            let right = sets
                .tuple((mix(seed, 1) % fine.len() as u64) as usize)
                .unwrap();
            let spread = [0.5, 1.5, 3.0][item as usize % 3];
            for (set, &size) in sizes.iter().enumerate() {
                let number = |class: usize| {
                    if certain {
                        20.0 * f32::from(u8::from(right[set] as usize == class))
                    } else {
                        (spread * normal(mix(mix(seed, 2 + set as u64), class as u64))) as f32
                    }
                };
                logits[set].push((0..size).map(number).collect::<Vec<f32>>());
            }
            let joint: Vec<f64> = (0..fine.len())
                .map(|f| {
                    let tuple = sets.tuple(f).unwrap().iter().zip(&logits);
                    let terms = tuple.map(|(&class, set)| set[item as usize][class as usize]);
                    terms.map(f64::from).sum()
                })
                .collect();
            let photos = &members[draw(&softmax(&joint), mix(seed, 90))];
            truth.push(photos[(mix(seed, 91) % photos.len() as u64) as usize]);
        }
        Self { logits, truth }
    }

    pub(crate) fn output(&self, device: &Device) -> GeoclassLogits {
        GeoclassLogits(
            self.logits
                .iter()
                .map(|rows| matrix(rows, device))
                .collect(),
        )
    }
}

/// The expert of the scene has the logits, the other one anything.
pub(crate) fn experts(simulation: &Simulation, device: &Device) -> SceneExperts<CellLogits> {
    let n = simulation.logits[0].len();
    let scene = |item: usize| item % 2;
    let rows = |expert: usize| -> Vec<Vec<f32>> {
        let row = |(item, own): (usize, &Vec<f32>)| {
            if scene(item) == expert {
                return own.clone();
            }
            let number = |k| 9.0 * normal(mix(mix(47, item as u64), k)) as f32;
            (0..n as u64).map(number).collect()
        };
        simulation.logits.iter().enumerate().map(row).collect()
    };
    let scenes = (0..simulation.logits.len()).map(|item| match scene(item) {
        0 => vec![3.0, 0.0],
        _ => vec![0.0, 3.0],
    });
    SceneExperts {
        scenes: CellLogits(matrix(&scenes.collect::<Vec<_>>(), device)),
        experts: vec![
            CellLogits(matrix(&rows(0), device)),
            CellLogits(matrix(&rows(1), device)),
        ],
    }
}

/// Offsets that take off a share of the way from the place of a cell to a photo in it: of the true cell
/// to the truth, of the others to any of theirs.
pub(crate) fn moved(
    frames: &CellFrames,
    simulation: &Simulation,
    share: f64,
    device: &Device,
) -> CellOffsets {
    let cells = frames.partition().len();
    let items = simulation.logits.len();
    let mut offsets = Vec::with_capacity(items * cells * 2);
    for item in 0..items {
        for class in 0..cells {
            let photos = &simulation.members[class];
            let at = mix(mix(53, item as u64), class as u64) % photos.len().max(1) as u64;
            let to = if simulation.classes[item] == class {
                Some(simulation.truth[item])
            } else {
                photos.get(at as usize).copied()
            };
            let offset = to
                .and_then(|to| frames.offset(class, to))
                .unwrap_or([0.0; 2]);
            offsets.extend(offset.map(|x| (share * x) as f32));
        }
    }
    CellOffsets {
        logits: matrix(&simulation.logits, device),
        offsets: Tensor::from_data(TensorData::new(offsets, [items, cells, 2]), device),
    }
}

/// A place drawn from a von Mises-Fisher density.
fn drawn_about(mean: [f64; 3], kappa: f64, seed: u64) -> LatLng {
    let u = uniform(mix(seed, 1));
    let cosine = 1.0 + (u + (1.0 - u) * (-2.0 * kappa).exp()).ln() / kappa;
    let sine = (1.0 - cosine * cosine).max(0.0).sqrt();
    // Any direction across the mean.
    let other = uniform_direction(mix(seed, 2));
    let along: f64 = (0..3).map(|k| other[k] * mean[k]).sum();
    let across: [f64; 3] = std::array::from_fn(|k| other[k] - along * mean[k]);
    let length = across.iter().map(|x| x * x).sum::<f64>().sqrt();
    let at = std::array::from_fn(|k| cosine * mean[k] + sine * across[k] / length);
    LatLng::from_vector(at).unwrap()
}

/// Mixtures of three components, and places drawn from them.
pub(crate) fn mixture(certain: bool, device: &Device) -> (SphericalMixture, Vec<LatLng>) {
    const COMPONENTS: u64 = 3;
    let (mut weights, mut means, mut kappas) = (Vec::new(), Vec::new(), Vec::new());
    let mut truth = Vec::new();
    for item in 0..ITEMS {
        let seed = mix(59, item);
        let logits: Vec<f64> = (0..COMPONENTS)
            .map(|k| {
                if certain {
                    20.0 * f64::from(u8::from(k == 0))
                } else {
                    2.0 * normal(mix(seed, k))
                }
            })
            .collect();
        let p = softmax(&logits);
        let mean = |k: u64| uniform_direction(mix(seed, 20 + k));
        let kappa = |k: u64| {
            if certain {
                1e5
            } else {
                (4.0 + 6.0 * uniform(mix(seed, 30 + k))).exp()
            }
        };
        let own = draw(&p, mix(seed, 40)) as u64;
        truth.push(drawn_about(mean(own), kappa(own), mix(seed, 41)));
        weights.push(p.iter().map(|p| p.ln() as f32).collect::<Vec<f32>>());
        means.extend((0..COMPONENTS).flat_map(mean).map(|x| x as f32));
        kappas.push(
            (0..COMPONENTS)
                .map(|k| kappa(k) as f32)
                .collect::<Vec<f32>>(),
        );
    }
    let shape = [ITEMS as usize, COMPONENTS as usize, 3];
    let output = SphericalMixture {
        log_weights: matrix(&weights, device),
        means: Tensor::from_data(TensorData::new(means, shape), device),
        kappas: matrix(&kappas, device),
    };
    (output, truth)
}

/// Densities of two hills, and draws from them.
pub(crate) struct Draws {
    certain: bool,
}

impl Draws {
    pub(crate) fn new(certain: bool) -> Self {
        Self { certain }
    }

    fn one(&self, item: usize, number: u64) -> LatLng {
        let seed = mix(61, item as u64);
        let first = uniform(mix(mix(seed, 5), number)) < 0.7 || self.certain;
        let mean = uniform_direction(mix(seed, u64::from(first)));
        let kappa = match (self.certain, first) {
            (true, _) => 1e5,
            (false, true) => 2000.0,
            (false, false) => 300.0,
        };
        drawn_about(mean, kappa, mix(mix(seed, 6), number))
    }

    pub(crate) fn samples(&self, item: usize, count: u64) -> Vec<LatLng> {
        (1..=count).map(|number| self.one(item, number)).collect()
    }

    pub(crate) fn truth(&self, item: usize) -> LatLng {
        self.one(item, 0)
    }
}

/// The logits as vectors of unit length, and their lengths: the scales that make them logits again.
pub(crate) fn queries(simulation: &Simulation) -> (Vec<Vec<f32>>, Vec<f64>) {
    simulation
        .logits
        .iter()
        .map(|row| {
            let length = row
                .iter()
                .map(|x| f64::from(*x).powi(2))
                .sum::<f64>()
                .sqrt();
            let unit = row.iter().map(|x| (f64::from(*x) / length) as f32);
            (unit.collect(), length)
        })
        .unzip()
}

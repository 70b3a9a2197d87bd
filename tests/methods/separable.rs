//! Features that tell places apart, for heads alone: no encoder is trained.

use std::sync::Arc;

use geoloc::approach::{PhotoLabel, PhotoTargets};
use geoloc::burn::tensor::{Device, Tensor, TensorData};
use geoloc::core::{BatchError, BatchSource, Features, GeoBatch, mix, uniform};
use geoloc::geo_cells::{EARTH_RADIUS_KM, LatLng, haversine_km};

use super::label_space::LabelSpaces;

/// Places far from each other, all over the sphere.
pub(crate) const SITES: usize = 60;
/// Training photos of each.
pub(crate) const PHOTOS: usize = 30;
/// Photos lie evenly in the disc of this radius about their site, in km; sites are 2,900 km apart.
pub(crate) const JITTER_KM: f64 = 40.0;
/// Length of a feature: half of it tells the site, half is different for every photo.
pub(crate) const WIDTH: usize = 128;
/// By so much the half that tells nothing is larger than the other one, for methods that choose among
/// places; methods that answer coordinates get little of it.
pub(crate) const NUISANCE: f64 = 3.0;
pub(crate) const LITTLE_NUISANCE: f64 = 0.1;
/// Photos of a batch, and how many of them follow each other at one site.
pub(crate) const BATCH: usize = 64;
pub(crate) const TOGETHER: u64 = 4;

/// A standard normal number.
pub(crate) fn normal(seed: u64) -> f64 {
    let [a, b] = [1, 2].map(|k| uniform(mix(seed, k)));
    (-2.0 * a.max(1e-300).ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

/// A world in which features tell places.
pub(crate) struct World {
    pub(crate) sites: Vec<LatLng>,
    /// Training places, those of a site together.
    pub(crate) places: Arc<[LatLng]>,
    pub(crate) spaces: LabelSpaces,
    /// Size of the half of the features that tells nothing.
    nuisance: f64,
}

impl World {
    pub(crate) fn new(nuisance: f64) -> Self {
        // A spiral from pole to pole, every place as far from its neighbours as any other.
        let golden = std::f64::consts::PI * (3.0 - 5f64.sqrt());
        let sites: Vec<LatLng> = (0..SITES)
            .map(|k| {
                let z = 1.0 - (2.0 * k as f64 + 1.0) / SITES as f64;
                let lng = (golden * k as f64).to_degrees() % 360.0 - 180.0;
                LatLng::new(z.asin().to_degrees(), lng).unwrap()
            })
            .collect();
        let places: Arc<[LatLng]> = (0..(SITES * PHOTOS) as u64)
            .map(|row| near(sites[row as usize / PHOTOS], mix(11, row)))
            .collect();
        let spaces = LabelSpaces::new(&places, &sites, [300, 31, 31], [60, 62]);
        Self {
            sites,
            places,
            spaces,
            nuisance,
        }
    }

    /// The place and features of photo number `photo` of a site; numbers from [`PHOTOS`] on are held
    /// out.
    pub(crate) fn photo(&self, site: usize, photo: usize) -> (LatLng, Vec<f32>) {
        let seed = mix(mix(13, site as u64), photo as u64);
        let place = match photo {
            p if p < PHOTOS => self.places[site * PHOTOS + p],
            _ => near(self.sites[site], seed),
        };
        let features = (0..WIDTH as u64).map(|k| {
            let tells = k < WIDTH as u64 / 2;
            let value = if tells {
                normal(mix(mix(17, site as u64), k)) + 0.2 * normal(mix(seed, k))
            } else {
                self.nuisance * normal(mix(seed, k))
            };
            value as f32
        });
        (place, features.collect())
    }

    /// The features of photos, `[photos, WIDTH]`, and their places.
    pub(crate) fn photos(
        &self,
        rows: impl Iterator<Item = (usize, usize)>,
        device: &Device,
    ) -> (Vec<LatLng>, Features) {
        let (places, features): (Vec<LatLng>, Vec<Vec<f32>>) =
            rows.map(|(site, photo)| self.photo(site, photo)).unzip();
        let data = TensorData::new(features.concat(), [places.len(), WIDTH]);
        (places, Features::pooled(Tensor::from_data(data, device)))
    }

    /// All training photos.
    pub(crate) fn training(&self, device: &Device) -> (Vec<LatLng>, Features) {
        let rows = (0..SITES * PHOTOS).map(|row| (row / PHOTOS, row % PHOTOS));
        self.photos(rows, device)
    }

    /// Five photos held out of each site.
    pub(crate) fn held_out(&self, device: &Device) -> (Vec<LatLng>, Features) {
        let rows = (0..SITES * 5).map(|row| (row / 5, PHOTOS + row % 5));
        self.photos(rows, device)
    }

    /// What is known of a photo at a place.
    pub(crate) fn label(&self, location: LatLng) -> PhotoLabel {
        let cell = self.spaces.cells.index_of(location);
        PhotoLabel {
            location,
            class: self.spaces.named.index_of(location),
            scene: cell.map(|cell| cell % 2),
        }
    }

    /// Median distance of the training places from the best constant answer.
    pub(crate) fn constant_km(&self) -> f64 {
        let median = |at: LatLng| {
            let mut km: Vec<f64> = self.sites.iter().map(|&s| haversine_km(at, s)).collect();
            km.sort_by(f64::total_cmp);
            km[km.len() / 2]
        };
        let all = self.sites.iter().map(|&site| median(site));
        all.fold(f64::INFINITY, f64::min)
    }
}

/// A place drawn evenly from the disc about another.
fn near(site: LatLng, seed: u64) -> LatLng {
    let v = site.to_unit_vector();
    // Two directions across that of the site, and a point of the disc between them.
    let [sin, cos] = [site.lng(), site.lng() + 90.0].map(|lng| lng.to_radians().sin());
    let (east, z) = ([-sin, cos, 0.0], v[2]);
    let north = [-z * cos, -z * sin, (1.0 - z * z).max(0.0).sqrt()];
    let radius = JITTER_KM / EARTH_RADIUS_KM * uniform(mix(seed, 71)).sqrt();
    let (s, c) = (std::f64::consts::TAU * uniform(mix(seed, 72))).sin_cos();
    let moved = std::array::from_fn(|k| v[k] + radius * (c * east[k] + s * north[k]));
    LatLng::from_vector(moved).unwrap()
}

/// Batches of training photos.
pub(crate) struct Separable<'a, T> {
    pub(crate) world: &'a World,
    pub(crate) targets: T,
}

/// The photos of batch `step`: site and number.
pub(crate) fn drawn(step: u64) -> impl Iterator<Item = (usize, usize)> {
    (0..BATCH as u64).map(move |k| {
        let site = mix(mix(19, step), k / TOGETHER) % SITES as u64;
        let photo = mix(mix(23, step), k) % PHOTOS as u64;
        (site as usize, photo as usize)
    })
}

impl<T: PhotoTargets> BatchSource for Separable<'_, T> {
    type Batch = GeoBatch<Features, T::Target>;

    fn batch(&self, step: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        let (truth, input) = self.world.photos(drawn(step), device);
        let labels: Vec<PhotoLabel> = truth.iter().map(|&at| self.world.label(at)).collect();
        let target = self.targets.encode(&labels, step, device);
        let target = target.map_err(|e| BatchError {
            step,
            source: e.into(),
        })?;
        Ok(GeoBatch {
            input,
            target,
            truth,
        })
    }
}

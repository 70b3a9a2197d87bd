//! What all approaches share: places, partitions and queries.

use std::sync::Arc;

use super::CompareConfig;
use crate::datasets::WorldSplitConfig;
use crate::geo_cells::{
    AdaptivePartition, GeoclassSetConfig, GeoclassSets, Hierarchy, LatLng, Level, NamedPlaces,
    NestedPartition, Partition, PartitionBuilder,
};
use crate::metrics::Prediction;
use crate::world::{WorldError, WorldTask};

/// Tags of every prediction.
pub(super) mod tags {
    /// The city nearest to the true place.
    pub(in super::super) const CITY: &str = "city";
    /// The city nearest to the answer.
    pub(in super::super) const ANSWER: &str = "city of the answer";
    /// Whether the true place is near the antimeridian.
    pub(in super::super) const LONGITUDE: &str = "longitude";
}

/// Tiles for settings of decoders.
const VALIDATION: u64 = 400;

/// Within so many degrees of the antimeridian a place counts as near it.
const NEAR_ANTIMERIDIAN: f64 = 30.0;

/// Which tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// Training places, unchanged tiles.
    Gallery,
    /// Held out between the training tiles.
    Seen,
    /// Drawn as the training tiles are.
    Random,
    /// Longitudes without training tiles.
    Unseen,
    /// Drawn as the training tiles are, for settings of decoders: never judged.
    Validation,
}

/// Places, partitions and queries.
pub(super) struct Ground {
    pub(super) task: WorldTask,
    /// Training places that partitions are made from.
    pub(super) places: Vec<LatLng>,
    pub(super) cells: Arc<Partition>,
    pub(super) fine: Arc<Partition>,
    pub(super) cities: Arc<Partition>,
    pub(super) hierarchy: Arc<Hierarchy>,
    pub(super) sets: Arc<GeoclassSets>,
    gallery: usize,
    seen: Vec<LatLng>,
    random: Vec<LatLng>,
    unseen: Vec<LatLng>,
    validation: Vec<LatLng>,
}

impl Ground {
    pub(super) fn new(config: &CompareConfig) -> Result<Self, WorldError> {
        let split = WorldSplitConfig {
            seen_spacing_km: config.seen_spacing_km,
            ..WorldSplitConfig::default()
        };
        let task = WorldTask::with_split(split, config.pixels)?;
        let places: Vec<LatLng> = (0..config.places)
            .map(|i| task.split().sample_train(config.seed, i))
            .collect();
        // Of a stream of its own: the training tiles are those of the seed.
        let random = (0..config.random as u64)
            .map(|i| task.split().sample_train(!config.seed, i))
            .collect();
        let validation = (0..VALIDATION)
            .map(|i| {
                task.split()
                    .sample_train(!config.seed, config.random as u64 + i)
            })
            .collect();
        let adaptive = |share: f64| {
            let split_above = config.threshold(share);
            AdaptivePartition {
                split_above,
                drop_below: (split_above / 10).max(1),
                min_level: Level::FACE,
                ..AdaptivePartition::default()
            }
        };
        let build = |share| adaptive(share).build(&places).map(|built| built.0);
        let finest = adaptive(config.fine_share);
        let nested = NestedPartition {
            split_above: [
                4.0 * config.cell_share,
                config.cell_share,
                config.fine_share,
            ]
            .map(|share| config.threshold(share))
            .to_vec(),
            drop_below: finest.drop_below,
            min_level: Level::FACE,
            ..NestedPartition::default()
        };
        let cells = build(config.cell_share)?;
        let sets = GeoclassSets::build(build(config.base_share)?, &geoclasses(cells.len()), &[])?;
        let mut cities = NamedPlaces::new(
            CITIES
                .iter()
                .map(|&(name, lat, lng)| Ok((name.to_owned(), LatLng::new(lat, lng)?)))
                .collect::<Result<_, WorldError>>()?,
        );
        cities.drop_below = 1;
        Ok(Self {
            fine: Arc::new(finest.build(&places)?.0),
            cities: Arc::new(cities.build(&places)?.0),
            hierarchy: Arc::new(nested.build(&places)?.0),
            sets: Arc::new(sets),
            cells: Arc::new(cells),
            gallery: config.gallery.min(places.len()),
            seen: task
                .split()
                .seen_queries(task.split().seen_len(), config.seed)?,
            random,
            unseen: task.split().unseen_queries(config.unseen, config.seed)?,
            validation,
            task,
            places,
        })
    }

    /// The places of a set.
    pub(super) fn set(&self, set: Set) -> &[LatLng] {
        match set {
            // `new` limits the gallery to the places.
            Set::Gallery => &self.places[..self.gallery],
            Set::Seen => &self.seen,
            Set::Random => &self.random,
            Set::Unseen => &self.unseen,
            Set::Validation => &self.validation,
        }
    }

    /// Adds the tags that accuracy is split by.
    pub(super) fn tagged(&self, mut prediction: Prediction) -> Prediction {
        let city = |place| self.cities.nearest(place).and_then(|c| self.cities.name(c));
        if let Some(name) = city(prediction.truth) {
            prediction = prediction.with_tag(tags::CITY, name);
        }
        if let Some(name) = prediction.predicted.and_then(city) {
            prediction = prediction.with_tag(tags::ANSWER, name);
        }
        let near = prediction.truth.lng().abs() > 180.0 - NEAR_ANTIMERIDIAN;
        let band = if near {
            "within 30° of the antimeridian"
        } else {
            "elsewhere"
        };
        prediction.with_tag(tags::LONGITUDE, band)
    }
}

/// Five sets of `classes` classes that differ in what is merged first and with what.
fn geoclasses(classes: usize) -> Vec<GeoclassSetConfig> {
    // Points and cells in the score of a node; distance and points in the weight of an edge.
    [
        [1.0, 0.0, 1.0, 0.0],
        [0.0, 1.0, 1.0, 0.0],
        [1.0, 0.0, 0.0, 1.0],
        [0.5, 0.5, 0.5, 0.5],
        [0.0, 1.0, 0.3, 0.7],
    ]
    .map(
        |[node_points, node_cells, edge_distance, edge_points]| GeoclassSetConfig {
            classes,
            node_points,
            node_cells,
            edge_distance,
            edge_points,
            ..GeoclassSetConfig::default()
        },
    )
    .to_vec()
}

/// Large cities that stand for the regions about them: on this benchmark a tile belongs to the
/// nearest one. Those in whose region nothing trains are no classes.
const CITIES: [(&str, f64, f64); 48] = [
    ("Anchorage", 61.2, -149.9),
    ("Vancouver", 49.3, -123.1),
    ("Los Angeles", 34.1, -118.2),
    ("Denver", 39.7, -105.0),
    ("Houston", 29.8, -95.4),
    ("Chicago", 41.9, -87.6),
    ("New York", 40.7, -74.0),
    ("Yellowknife", 62.5, -114.4),
    ("Iqaluit", 63.7, -68.5),
    ("Mexico City", 19.4, -99.1),
    ("Bogotá", 4.7, -74.1),
    ("Lima", -12.0, -77.0),
    ("Manaus", -3.1, -60.0),
    ("Recife", -8.1, -34.9),
    ("São Paulo", -23.6, -46.6),
    ("Buenos Aires", -34.6, -58.4),
    ("Comodoro Rivadavia", -45.9, -67.5),
    ("Reykjavík", 64.1, -21.9),
    ("London", 51.5, -0.1),
    ("Madrid", 40.4, -3.7),
    ("Stockholm", 59.3, 18.1),
    ("Istanbul", 41.0, 29.0),
    ("Moscow", 55.8, 37.6),
    ("Casablanca", 33.6, -7.6),
    ("Dakar", 14.7, -17.5),
    ("Lagos", 6.5, 3.4),
    ("Tripoli", 32.9, 13.2),
    ("Khartoum", 15.6, 32.5),
    ("Nairobi", -1.3, 36.8),
    ("Kinshasa", -4.3, 15.3),
    ("Johannesburg", -26.2, 28.0),
    ("Antananarivo", -18.9, 47.5),
    ("Riyadh", 24.7, 46.7),
    ("Tehran", 35.7, 51.4),
    ("Karachi", 24.9, 67.0),
    ("Delhi", 28.6, 77.2),
    ("Almaty", 43.2, 76.9),
    ("Yekaterinburg", 56.8, 60.6),
    ("Norilsk", 69.3, 88.2),
    ("Irkutsk", 52.3, 104.3),
    ("Yakutsk", 62.0, 129.7),
    ("Anadyr", 64.7, 177.5),
    ("Lhasa", 29.7, 91.1),
    ("Beijing", 39.9, 116.4),
    ("Bangkok", 13.8, 100.5),
    ("Jakarta", -6.2, 106.8),
    ("Perth", -32.0, 115.9),
    ("Sydney", -33.9, 151.2),
];

//! How close held-out data come to the training data.

use std::collections::BTreeSet;
use std::path::PathBuf;

use geoloc_geo_cells::LatLng;
use serde::{Deserialize, Serialize};

use crate::Sample;
use crate::nearest::NearestPlace;
use crate::resolved_path::PathResolver;

/// What training and held-out samples share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeakAudit {
    /// Training samples.
    pub train: usize,
    /// Held-out samples.
    pub held_out: usize,
    /// Distance from each held-out sample to the nearest training sample in km, ascending; empty
    /// if either side is.
    pub nearest_km: Vec<f64>,
    /// Ids on both sides, sorted.
    pub shared_ids: Vec<String>,
    /// Values of the group tag on both sides, sorted.
    pub shared_groups: Vec<String>,
    /// Files on both sides, sorted: also those whose paths are spelled in different ways, or go through
    /// a link to their folder.
    #[serde(default)]
    pub shared_files: Vec<PathBuf>,
}

impl LeakAudit {
    /// Compares held-out with training samples; `group` names the tag (user, sequence, city) whose
    /// values should not occur on both sides.
    #[must_use]
    pub fn new<'a>(
        train: impl IntoIterator<Item = &'a Sample>,
        held_out: impl IntoIterator<Item = &'a Sample>,
        group: Option<&str>,
    ) -> Self {
        let train: Vec<&Sample> = train.into_iter().collect();
        let held_out: Vec<&Sample> = held_out.into_iter().collect();
        let ids = |side: &[&'a Sample]| side.iter().map(|s| s.id.as_str()).collect();
        let groups = |side: &[&'a Sample]| match group {
            Some(tag) => side.iter().filter_map(|s| s.tag(tag)).collect(),
            None => BTreeSet::new(),
        };
        let mut resolver = PathResolver::default();
        let mut files = |side: &[&'a Sample]| -> BTreeSet<PathBuf> {
            side.iter().map(|s| resolver.resolve(&s.path)).collect()
        };
        let (learned, held) = (files(&train), files(&held_out));
        Self {
            shared_files: learned.intersection(&held).cloned().collect(),
            train: train.len(),
            held_out: held_out.len(),
            nearest_km: nearest_km(
                train.iter().map(|s| s.location),
                held_out.iter().map(|s| s.location),
            ),
            shared_ids: shared(&ids(&train), &ids(&held_out)),
            shared_groups: shared(&groups(&train), &groups(&held_out)),
        }
    }

    /// How many held-out samples lie closer than `km` to a training sample.
    #[must_use]
    pub fn closer_than(&self, km: f64) -> usize {
        self.nearest_km.partition_point(|&d| d < km)
    }

    /// The distance that `share` (0 to 1) of the held-out samples stay below, nearest rank; none
    /// without distances.
    #[must_use]
    pub fn quantile_km(&self, share: f64) -> Option<f64> {
        let last = self.nearest_km.len().checked_sub(1)?;
        let rank = (share.clamp(0.0, 1.0) * last as f64).round() as usize;
        self.nearest_km.get(rank.min(last)).copied()
    }
}

/// Distance from each held-out place to the nearest training place in km, ascending.
#[must_use]
pub fn nearest_km(
    train: impl IntoIterator<Item = LatLng>,
    held_out: impl IntoIterator<Item = LatLng>,
) -> Vec<f64> {
    let tree = NearestPlace::new(train);
    let mut out: Vec<f64> = held_out
        .into_iter()
        .filter_map(|p| tree.distance_km(p))
        .collect();
    out.sort_by(f64::total_cmp);
    out
}

fn shared(a: &BTreeSet<&str>, b: &BTreeSet<&str>) -> Vec<String> {
    a.intersection(b).map(ToString::to_string).collect()
}

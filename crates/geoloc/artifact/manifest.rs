//! The part of an artifact that people can read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of the format that this library writes, and the newest that it reads.
///
/// Fields may be added within a version; a change of meaning or a removal raises it.
pub const FORMAT_VERSION: u32 = 1;

/// What an artifact holds and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the format.
    pub format: u32,
    /// Version of this library that wrote it.
    pub geoloc: String,
    /// What it is, in a few words.
    pub title: String,
    /// What it was trained on and how.
    pub training_note: String,
    /// Licence of the weights.
    pub licence: String,
    /// What it is meant for, and what not.
    pub intended_use: String,
    /// The component to use if none is named.
    pub default_component: Option<String>,
    /// Models and what belongs to them.
    pub components: BTreeMap<String, Component>,
    /// Figures measured when it was written.
    pub metrics: BTreeMap<String, f64>,
}

/// One model of an artifact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// What kind of model: `cell-classifier`, `retrieval`, or a name of your own.
    pub kind: String,
    /// Configurations and preprocessing, in the form that the kind defines.
    pub settings: serde_json::Value,
}

impl Manifest {
    /// An empty manifest of the current version.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self {
            format: FORMAT_VERSION,
            geoloc: env!("CARGO_PKG_VERSION").into(),
            title: title.into(),
            training_note: String::new(),
            licence: String::new(),
            intended_use: String::new(),
            default_component: None,
            components: BTreeMap::new(),
            metrics: BTreeMap::new(),
        }
    }
}

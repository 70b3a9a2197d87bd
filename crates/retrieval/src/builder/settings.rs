//! What a build is bound to: its journal records it, and a build is resumed only with the same.

use serde::{Deserialize, Serialize};

use crate::IvfConfig;

/// Which index to build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexKind {
    /// A [`FlatIndex`](crate::FlatIndex).
    Flat,
    /// An [`IvfIndex`](crate::IvfIndex).
    Ivf(IvfConfig),
}

/// The settings of a build and the identity of its input: the first line of the journal.
///
/// # Examples
///
/// ```
/// use geoloc_retrieval::{BuildSettings, IndexKind};
///
/// let settings = BuildSettings::new(128, IndexKind::Flat)
///     .embedding("sha256 of the model")
///     .input("hash of the list of photos");
/// assert_eq!(settings.dim, 128);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BuildSettings {
    /// Dimension of the vectors.
    pub dim: usize,
    /// Which index.
    pub kind: IndexKind,
    /// What makes the vectors, for instance the hash of a model; kept in the index file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<String>,
    /// What the rows are made from, for instance a hash over paths, places, sizes and times of a list.
    /// A build resumes by skipping the rows that it has, so it must see the same input again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
}

impl BuildSettings {
    /// Settings without the name of an embedding and without the identity of an input.
    #[must_use]
    pub fn new(dim: usize, kind: IndexKind) -> Self {
        Self {
            dim,
            kind,
            embedding: None,
            input: None,
        }
    }

    /// Names what makes the vectors.
    #[must_use]
    pub fn embedding(mut self, name: &str) -> Self {
        self.embedding = Some(name.to_owned());
        self
    }

    /// Identifies what the rows are made from.
    #[must_use]
    pub fn input(mut self, identity: &str) -> Self {
        self.input = Some(identity.to_owned());
        self
    }

    /// The first setting in which another build differs: its name, the value there and the value here.
    pub(super) fn difference(&self, found: &Self) -> Option<(&'static str, String, String)> {
        let text = |value: &Option<String>| match value {
            Some(value) => format!("{value:?}"),
            None => "not recorded".to_owned(),
        };
        let of = |settings: &Self| {
            [
                ("dimension", settings.dim.to_string()),
                ("kind", format!("{:?}", settings.kind)),
                ("embedding", text(&settings.embedding)),
                ("input", text(&settings.input)),
            ]
        };
        let pairs = of(found).into_iter().zip(of(self));
        pairs
            .map(|((what, found), (_, asked))| (what, found, asked))
            .find(|(_, found, asked)| found != asked)
    }
}

//! What is compared.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One way to locate a photo: a head, a loss, and one decoder or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Approach {
    /// Softmax over adaptive cells (`PlaNet`); also neighbours in its features (Revisiting IM2GPS).
    Cells,
    /// The same over about as many cells as the combinatorial partition has fine ones.
    FineCells,
    /// Targets smoothed by distance (PIGEON).
    SmoothedCells,
    /// Cosine classifier with a margin (`CosFace`).
    Cosine,
    /// Named places: the city classification of the comparison paper.
    Cities,
    /// Scaled coordinates, haversine loss: the regression of the comparison paper.
    ScaledRegression,
    /// The same with a sigmoid that keeps coordinates within the map.
    SigmoidRegression,
    /// Unit vectors: regression without a seam.
    UnitRegression,
    /// Nested partitions, `f*` (Müller-Budack et al.).
    Hierarchical,
    /// Several overlapping class sets (`CPlaNet`).
    Combinatorial,
    /// Cell and bounded offset (OSV-5M).
    CellOffset,
    /// Mixture of von Mises-Fisher densities.
    Mixture,
    /// Flow matching on the sphere (PLONK).
    Flow,
    /// One expert for each kind of terrain (ISN).
    SceneExperts,
    /// Images against encoded places (`GeoCLIP`).
    PlaceContrast,
}

impl Approach {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 15] = [
        Self::Cells,
        Self::Cities,
        Self::ScaledRegression,
        Self::SigmoidRegression,
        Self::UnitRegression,
        Self::Hierarchical,
        Self::Combinatorial,
        Self::CellOffset,
        Self::PlaceContrast,
        Self::FineCells,
        Self::SmoothedCells,
        Self::Cosine,
        Self::Mixture,
        Self::Flow,
        Self::SceneExperts,
    ];

    /// The name on the command line and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cells => "cells",
            Self::FineCells => "fine-cells",
            Self::SmoothedCells => "smoothed-cells",
            Self::Cosine => "cosine",
            Self::Cities => "cities",
            Self::ScaledRegression => "scaled-regression",
            Self::SigmoidRegression => "sigmoid-regression",
            Self::UnitRegression => "unit-regression",
            Self::Hierarchical => "hierarchical",
            Self::Combinatorial => "combinatorial",
            Self::CellOffset => "cell-offset",
            Self::Mixture => "mixture",
            Self::Flow => "flow",
            Self::SceneExperts => "scene-experts",
            Self::PlaceContrast => "place-contrast",
        }
    }
}

impl Display for Approach {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no approach has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no approach \"{name}\"; there are {}", Approach::ALL.map(Approach::name).join(", "))]
pub struct UnknownApproach {
    /// The name.
    pub name: String,
}

impl FromStr for Approach {
    type Err = UnknownApproach;

    fn from_str(name: &str) -> Result<Self, UnknownApproach> {
        let found = Self::ALL.into_iter().find(|a| a.name() == name);
        found.ok_or_else(|| UnknownApproach { name: name.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_approach_and_others_are_listed() {
        for approach in Approach::ALL {
            assert_eq!(approach.name().parse(), Ok(approach));
            let json = serde_json::to_string(&approach).unwrap();
            assert_eq!(json, format!("\"{approach}\""));
        }
        let error = "planet".parse::<Approach>().unwrap_err().to_string();
        assert!(error.contains("\"planet\"") && error.contains("cells, cities"));
    }
}

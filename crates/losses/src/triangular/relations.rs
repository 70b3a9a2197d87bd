//! Who belongs to whom: photos, aerial tiles and prototypes of a batch.

use burn::tensor::{Bool, Device, Tensor, TensorData};
use geoloc_geo_cells::{LatLng, haversine_km};

/// Which columns attract a row and which repel it; a pair that does neither is left out.
#[derive(Clone, Debug)]
pub struct CrossRelations {
    /// `[rows, columns]`: weight of a positive pair in (0, 1], 0 for all others.
    pub weights: Tensor<2>,
    /// `[rows, columns]`: true for a negative pair, never where the weight is positive.
    pub negative: Tensor<2, Bool>,
}

impl CrossRelations {
    /// From `relation(row, column)`: a positive weight, 0 for a negative pair, `None` to leave the
    /// pair out.
    #[must_use]
    pub fn from_fn(
        rows: usize,
        columns: usize,
        relation: impl Fn(usize, usize) -> Option<f32>,
        device: &Device,
    ) -> Self {
        let mut weights = Vec::with_capacity(rows * columns);
        let mut negative = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            for column in 0..columns {
                let found = relation(row, column);
                // Pairs without a relation have no weight.
                weights.push(found.unwrap_or(0.0));
                negative.push(found.is_some_and(|w| w <= 0.0));
            }
        }
        Self {
            weights: Tensor::from_data(TensorData::new(weights, [rows, columns]), device),
            negative: Tensor::from_data(TensorData::new(negative, [rows, columns]), device),
        }
    }

    /// Rows and columns exchanged.
    #[must_use]
    pub fn transpose(&self) -> Self {
        Self {
            weights: self.weights.clone().transpose(),
            negative: self.negative.clone().transpose(),
        }
    }
}

/// The relations of a batch of the hybrid model.
#[derive(Clone, Debug)]
pub struct TriangleRelations {
    /// Photo `i` against aerial tile `j`, `[batch, batch]`.
    pub ground_aerial: CrossRelations,
    /// Photo or aerial tile `i` against prototype `j`, `[batch, cells]`.
    pub prototypes: CrossRelations,
}

/// Makes the relations from places.
#[derive(Clone, Debug, PartialEq)]
pub struct TriangleTargets {
    /// Centres of the cells that have a prototype, in the order of the table.
    pub prototypes: Vec<LatLng>,
    /// An aerial tile nearer to the photo than this is no negative, in km.
    pub mask_km: f64,
    /// A prototype whose centre is nearer to the photo than this is no negative, in km.
    pub prototype_mask_km: f64,
    /// Prototypes of other cells within this distance attract with weight `e^(-d / τ)`, in km:
    /// (reach, τ). `None` for the own cell alone.
    pub neighbours_km: Option<(f64, f64)>,
}

impl TriangleTargets {
    /// The relations of photos at `photos`, whose aerial tiles are centred at `tiles` and whose
    /// prototypes are `own`: `None` for a photo that belongs to no prototype, which then takes no
    /// part in the edges to prototypes.
    ///
    /// The three have one item a photo.
    #[must_use]
    pub fn relations(
        &self,
        photos: &[LatLng],
        tiles: &[LatLng],
        own: &[Option<usize>],
        device: &Device,
    ) -> TriangleRelations {
        let km = |a: Option<&LatLng>, b: Option<&LatLng>| match (a, b) {
            (Some(&a), Some(&b)) => haversine_km(a, b),
            _ => f64::INFINITY,
        };
        let pair = |i: usize, j: usize| {
            if i == j {
                return Some(1.0);
            }
            // The photo may lie anywhere in its cell: near means near to either.
            let near = km(photos.get(i), tiles.get(j)).min(km(tiles.get(i), tiles.get(j)));
            (near >= self.mask_km).then_some(0.0)
        };
        let prototype = |i: usize, j: usize| {
            let own = own.get(i).copied().flatten()?;
            if own == j {
                return Some(1.0);
            }
            let d = km(photos.get(i), self.prototypes.get(j));
            match self.neighbours_km {
                Some((reach, tau)) if d <= reach => Some((-d / tau).exp() as f32),
                _ => (d >= self.prototype_mask_km).then_some(0.0),
            }
        };
        let (n, cells) = (photos.len(), self.prototypes.len());
        TriangleRelations {
            ground_aerial: CrossRelations::from_fn(n, n, pair, device),
            prototypes: CrossRelations::from_fn(n, cells, prototype, device),
        }
    }
}

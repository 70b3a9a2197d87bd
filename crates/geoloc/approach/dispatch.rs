//! From a choice to its parts, each in its own type.

use std::sync::Arc;

use super::alignment::{PlaceAlignmentHeadConfig, PlaceAlignmentLoss, PlaceQueue};
use super::decoders::{GalleryOfPhotos, GalleryOfPlaces, OverClasses, OverMovedCells, Ready};
use super::options::CellLoss;
use super::{
    Approach, ApproachConfig, ApproachError, ByClass, ByPlace, ByScene, Ground, WithApproach,
};
use crate::core::{CellFrames, ConfigError};
use crate::geo_cells::{GeoclassSets, Hierarchy, LatLng, Partition};
use crate::heads::cell::{CellDecoder, CellHeadConfig};
use crate::heads::combinatorial::{GeoclassHeadConfig, TupleVoteDecoder};
use crate::heads::cosine::CosineHeadConfig;
use crate::heads::embedding::EmbeddingHeadConfig;
use crate::heads::experts::{ExpertsHeadConfig, RoutedDecoder};
use crate::heads::flow::{FlowDecoder, FlowSampler};
use crate::heads::hierarchical::{HierarchicalDecoder, HierarchicalHeadConfig};
use crate::heads::hybrid::{HybridDecoder, HybridHeadConfig};
use crate::heads::mixture::{MixtureDecoder, MixtureHeadConfig};
use crate::heads::regression::{
    DirectionDecoder, DirectionHeadConfig, ScaledCoordinatesDecoder, ScaledRegressionHeadConfig,
};
use crate::losses::{
    BalancedCrossEntropy, CellClasses, CellOffsetLoss, CellsWithOffsets, ClassWeights,
    CrossEntropy, DirectionLoss, DistanceRelations, FlowMatching, FlowTargets, GeoclassTargets,
    HaversineLoss, HierarchyClasses, Margin, MarginSoftmax, MixtureNll, MultiSimilarity,
    ScaledPlaces, SceneExpertsLoss, SmoothedCells, SoftCrossEntropy, SummedCrossEntropy,
    UnitVectors,
};

/// Ranked places that an answer keeps.
const KEEP: usize = 10;

impl ApproachConfig {
    /// Hands the parts of the approach to `what`. `places` are the training places, which approaches
    /// that compare with other places draw from; a loaded model needs none.
    ///
    /// # Errors
    ///
    /// [`ApproachError`] if the ground is not divided as the approach needs it, or a setting of its
    /// decoder is out of range.
    #[allow(clippy::too_many_lines, reason = "one arm for each approach")]
    pub fn with<W: WithApproach>(
        &self,
        ground: &Ground,
        places: &Arc<[LatLng]>,
        what: W,
    ) -> Result<W::Output, ApproachError> {
        Ok(match self {
            Self::Classifier(options) => {
                let partition = self.cells(ground)?;
                let head = CellHeadConfig {
                    cells: partition.len(),
                    dropout: options.dropout,
                };
                let decoder = OverClasses(CellDecoder::new(partition.clone(), KEEP));
                classifier(head, options.loss, &partition, decoder, what)
            }
            Self::Cosine(options) => {
                let partition = self.cells(ground)?;
                what.call(Approach {
                    head: CosineHeadConfig {
                        cells: partition.len(),
                        scale: options.scale,
                    },
                    loss: MarginSoftmax {
                        margin: Margin::Cosine(options.margin),
                    },
                    targets: ByPlace(CellClasses::new(partition.clone())),
                    decoder: OverClasses(CellDecoder::new(partition, KEEP)),
                })
            }
            Self::Classes(options) => {
                let partition = self.cells(ground)?;
                what.call(Approach {
                    head: CellHeadConfig {
                        cells: partition.len(),
                        dropout: options.dropout,
                    },
                    loss: CrossEntropy {
                        label_smoothing: options.label_smoothing,
                    },
                    targets: ByClass,
                    decoder: OverClasses(CellDecoder::new(partition, KEEP)),
                })
            }
            Self::ScaledRegression(options) => what.call(Approach {
                head: ScaledRegressionHeadConfig {
                    hidden: options.hidden,
                    dropout: options.dropout,
                    hidden_dropout: options.hidden_dropout,
                    sigmoid: options.sigmoid,
                },
                loss: HaversineLoss::default(),
                targets: ByPlace(ScaledPlaces),
                decoder: Ready(ScaledCoordinatesDecoder {
                    spread_km: options.spread_km,
                }),
            }),
            Self::UnitRegression(options) => what.call(Approach {
                head: DirectionHeadConfig {
                    hidden: options.hidden,
                    dropout: options.dropout,
                    hidden_dropout: options.hidden_dropout,
                },
                loss: DirectionLoss {
                    discrepancy: options.discrepancy(),
                },
                targets: ByPlace(UnitVectors),
                decoder: Ready(DirectionDecoder {
                    spread_km: options.spread_km,
                }),
            }),
            Self::Hierarchical(options) => {
                let hierarchy = self.nested(ground)?;
                let decoder = HierarchicalDecoder::new(hierarchy.clone(), KEEP)
                    .with_exponents(&options.exponents)
                    .map_err(|e| self.refused(e))?;
                what.call(Approach {
                    head: HierarchicalHeadConfig {
                        cells: ground.sizes(),
                        dropout: options.dropout,
                    },
                    loss: SummedCrossEntropy {
                        weights: options.weights.clone(),
                    },
                    targets: ByPlace(HierarchyClasses { hierarchy }),
                    decoder: OverClasses(decoder),
                })
            }
            Self::Combinatorial(options) => {
                let sets = self.sets(ground)?;
                let mut classes = ground.sizes();
                classes.pop();
                let decoder = TupleVoteDecoder::new(sets.clone(), options.vote.into(), KEEP)
                    .with_weights(&options.weights)
                    .map_err(|e| self.refused(e))?;
                what.call(Approach {
                    head: GeoclassHeadConfig {
                        classes,
                        dropout: options.dropout,
                    },
                    loss: SummedCrossEntropy {
                        weights: options.weights.clone(),
                    },
                    targets: ByPlace(GeoclassTargets { sets }),
                    decoder: OverClasses(decoder),
                })
            }
            Self::Hybrid(options) => {
                let partition = self.cells(ground)?;
                let cells = partition.len();
                let frames = CellFrames::new(partition, options.min_reach_km);
                let decoder = HybridDecoder::new(frames.clone(), KEEP)
                    .with_residual(options.residual)
                    .map_err(|e| self.refused(e))?;
                what.call(Approach {
                    head: HybridHeadConfig {
                        cells,
                        dropout: options.dropout,
                        shared: options.shared,
                    },
                    loss: CellOffsetLoss {
                        offset_weight: options.offset_weight,
                    },
                    targets: ByPlace(CellsWithOffsets { frames }),
                    decoder: OverMovedCells(decoder),
                })
            }
            Self::Mixture(options) => what.call(Approach {
                head: MixtureHeadConfig {
                    components: options.components,
                    min_kappa: options.min_kappa,
                    max_kappa: options.max_kappa,
                },
                loss: MixtureNll,
                targets: ByPlace(UnitVectors),
                decoder: Ready(MixtureDecoder {
                    bandwidth_km: options.bandwidth_km,
                    keep: KEEP,
                }),
            }),
            Self::Flow(options) => what.call(Approach {
                head: options.head.clone(),
                loss: FlowMatching,
                targets: ByPlace(FlowTargets {
                    drop: options.drop,
                    ..FlowTargets::default()
                }),
                decoder: Ready(FlowDecoder {
                    sampler: FlowSampler {
                        steps: options.steps,
                        guidance: options.guidance,
                        ..FlowSampler::default()
                    },
                    samples: options.samples,
                    bandwidth_km: options.bandwidth_km,
                    keep: KEEP,
                }),
            }),
            Self::SceneExperts(options) => {
                let partition = self.cells(ground)?;
                let decoder = CellDecoder::new(partition.clone(), KEEP);
                what.call(Approach {
                    head: ExpertsHeadConfig {
                        scenes: options.scenes.len(),
                        expert: CellHeadConfig {
                            cells: partition.len(),
                            dropout: options.dropout,
                        },
                    },
                    loss: SceneExpertsLoss {
                        scene_weight: options.scene_weight,
                    },
                    targets: ByScene(CellClasses::new(partition)),
                    decoder: OverClasses(RoutedDecoder {
                        experts: vec![decoder; options.scenes.len()],
                    }),
                })
            }
            Self::Geoclip(options) => what.call(Approach {
                head: PlaceAlignmentHeadConfig {
                    location: options.location.clone(),
                },
                loss: PlaceAlignmentLoss,
                targets: PlaceQueue {
                    places: places.clone(),
                    length: options.queue,
                    mask_km: options.mask_km,
                },
                decoder: GalleryOfPlaces {
                    most: options.gallery,
                    temperature: 1.0,
                },
            }),
            Self::Retrieval(options) => what.call(Approach {
                head: EmbeddingHeadConfig { dim: options.dim },
                loss: MultiSimilarity::default(),
                targets: ByPlace(DistanceRelations {
                    positive_km: options.positive_km,
                    negative_km: options.negative_km,
                }),
                decoder: GalleryOfPhotos {
                    scale: options.scale,
                    spread_km: options.positive_km,
                },
            }),
        })
    }

    fn cells(&self, ground: &Ground) -> Result<Arc<Partition>, ApproachError> {
        match ground {
            Ground::Cells(partition) => Ok(partition.clone()),
            other => Err(self.wrong(other)),
        }
    }

    fn nested(&self, ground: &Ground) -> Result<Arc<Hierarchy>, ApproachError> {
        match ground {
            Ground::Nested(hierarchy) => Ok(hierarchy.clone()),
            other => Err(self.wrong(other)),
        }
    }

    fn sets(&self, ground: &Ground) -> Result<Arc<GeoclassSets>, ApproachError> {
        match ground {
            Ground::Sets(sets) => Ok(sets.clone()),
            other => Err(self.wrong(other)),
        }
    }

    fn refused(&self, source: ConfigError) -> ApproachError {
        ApproachError::Setting {
            approach: self.name(),
            source,
        }
    }

    fn wrong(&self, ground: &Ground) -> ApproachError {
        ApproachError::Ground {
            approach: self.name(),
            needs: self.ground(),
            found: ground.kind(),
        }
    }
}

/// The classifier with the loss that is chosen.
fn classifier<W: WithApproach>(
    head: CellHeadConfig,
    loss: CellLoss,
    partition: &Arc<Partition>,
    decoder: OverClasses<CellDecoder>,
    what: W,
) -> W::Output {
    let targets = ByPlace(CellClasses::new(partition.clone()));
    match loss {
        CellLoss::CrossEntropy { label_smoothing } => what.call(Approach {
            head,
            loss: CrossEntropy { label_smoothing },
            targets,
            decoder,
        }),
        CellLoss::Smoothed { tau_km } => what.call(Approach {
            head,
            loss: SoftCrossEntropy,
            targets: ByPlace(SmoothedCells::normalized(partition.clone(), tau_km)),
            decoder,
        }),
        CellLoss::Balanced { beta, focus } => what.call(Approach {
            head,
            loss: BalancedCrossEntropy {
                weights: ClassWeights::effective_number(partition.counts(), beta),
                focus,
            },
            targets,
            decoder,
        }),
    }
}

//! Confusion matrix and per-class scores.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::MetricError;
use crate::error::{not_empty, same_length};

/// Counts of true against predicted classes, kept sparse so that hundreds of thousands of cells fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    n: usize,
    failures: usize,
    counts: BTreeMap<(usize, usize), usize>,
    support: BTreeMap<usize, usize>,
    predicted: BTreeMap<usize, usize>,
}

/// Precision, recall and F1, for one class or averaged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// Share of the queries put into the class that belong there; 0 where none was put there.
    pub precision: f64,
    /// Share of the queries of the class that were put there; 0 where the class has none.
    pub recall: f64,
    /// Harmonic mean of the two; 0 where both are 0.
    pub f1: f64,
    /// Number of queries of the class, or of all classes together.
    pub support: usize,
}

/// How scores of classes are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Average {
    /// Unweighted mean over the classes that occur among the truths or the predictions (the default of scikit-learn).
    Macro,
    /// Unweighted mean over all classes, also those that never occur and score 0.
    MacroAll,
    /// From the counts of all classes together.
    Micro,
    /// Mean weighted by support.
    Weighted,
}

impl ConfusionMatrix {
    /// Counts classes below `classes`; a prediction of `None` is a failure: a miss of its true class that no other class
    /// is charged with.
    ///
    /// # Errors
    ///
    /// [`MetricError::Empty`], [`MetricError::Length`], and [`MetricError::Index`] for a class not below `classes`.
    pub fn new(
        truth: &[usize],
        predicted: &[Option<usize>],
        classes: usize,
    ) -> Result<Self, MetricError> {
        not_empty("truth", truth.len())?;
        same_length("predicted", predicted.len(), truth.len())?;
        let mut matrix = Self {
            classes,
            n: truth.len(),
            failures: 0,
            counts: BTreeMap::new(),
            support: BTreeMap::new(),
            predicted: BTreeMap::new(),
        };
        for (row, (&t, &p)) in truth.iter().zip(predicted).enumerate() {
            check_class("truth", row, t, classes)?;
            *matrix.support.entry(t).or_insert(0) += 1;
            let Some(p) = p else {
                matrix.failures += 1;
                continue;
            };
            check_class("predicted", row, p, classes)?;
            *matrix.predicted.entry(p).or_insert(0) += 1;
            *matrix.counts.entry((t, p)).or_insert(0) += 1;
        }
        Ok(matrix)
    }

    /// Number of queries, failures included.
    #[must_use]
    pub fn n(&self) -> usize {
        self.n
    }

    /// Number of queries without a prediction.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.failures
    }

    /// Queries of class `truth` that were put into class `predicted`.
    #[must_use]
    pub fn count(&self, truth: usize, predicted: usize) -> usize {
        // Pairs that did not occur are not kept.
        self.counts.get(&(truth, predicted)).copied().unwrap_or(0)
    }

    /// All counts above zero as `(truth, predicted, count)`, by class.
    pub fn counts(&self) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        self.counts.iter().map(|(&(t, p), &c)| (t, p, c))
    }

    /// The `limit` most frequent confusions `(truth, predicted, count)`; ties by class.
    #[must_use]
    pub fn most_confused(&self, limit: usize) -> Vec<(usize, usize, usize)> {
        let mut wrong: Vec<_> = self.counts().filter(|(t, p, _)| t != p).collect();
        wrong.sort_by_key(|&(t, p, count)| (std::cmp::Reverse(count), t, p));
        wrong.truncate(limit);
        wrong
    }

    /// Share of all queries put into their class; failures are misses.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.hits() as f64 / self.n as f64
    }

    /// Scores of one class; `None` for a class that does not exist.
    #[must_use]
    pub fn class_scores(&self, class: usize) -> Option<ClassScores> {
        if class >= self.classes {
            return None;
        }
        // Classes that did not occur are not kept.
        let total = |totals: &BTreeMap<usize, usize>| totals.get(&class).copied().unwrap_or(0);
        let (support, predicted) = (total(&self.support), total(&self.predicted));
        Some(scores(self.count(class, class), predicted, support))
    }

    /// Scores over all classes.
    #[must_use]
    pub fn average(&self, average: Average) -> ClassScores {
        if average == Average::Micro {
            return scores(self.hits(), self.n - self.failures, self.n);
        }
        let mut occurring: Vec<usize> = self.support.keys().copied().collect();
        occurring.extend(
            self.predicted
                .keys()
                .filter(|c| !self.support.contains_key(c)),
        );
        let weight = match average {
            Average::MacroAll => self.classes as f64,
            Average::Weighted => self.n as f64,
            Average::Macro | Average::Micro => occurring.len() as f64,
        };
        // Classes that never occur score 0 and add nothing to the sums.
        let (mut precision, mut recall, mut f1) = (0.0, 0.0, 0.0);
        for s in occurring.into_iter().filter_map(|c| self.class_scores(c)) {
            let w = if average == Average::Weighted {
                s.support as f64
            } else {
                1.0
            };
            precision += w * s.precision;
            recall += w * s.recall;
            f1 += w * s.f1;
        }
        ClassScores {
            precision: precision / weight,
            recall: recall / weight,
            f1: f1 / weight,
            support: self.n,
        }
    }

    fn hits(&self) -> usize {
        self.counts().filter(|(t, p, _)| t == p).map(|c| c.2).sum()
    }
}

fn check_class(
    what: &'static str,
    row: usize,
    index: usize,
    bound: usize,
) -> Result<(), MetricError> {
    if index < bound {
        return Ok(());
    }
    Err(MetricError::Index {
        what,
        row,
        index,
        bound,
    })
}

/// Precision, recall and F1 from counts, 0 where a denominator is 0.
fn scores(hits: usize, predicted: usize, support: usize) -> ClassScores {
    let ratio = |part: usize, whole: usize| {
        if whole == 0 {
            0.0
        } else {
            part as f64 / whole as f64
        }
    };
    ClassScores {
        precision: ratio(hits, predicted),
        recall: ratio(hits, support),
        f1: ratio(2 * hits, predicted + support),
        support,
    }
}

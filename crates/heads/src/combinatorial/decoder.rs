//! The vote of several classifiers for fine cells.

use std::sync::Arc;

use geoloc_core::{
    ConfigError, DecodeError, Decoder, GeoclassLogits, PlaceMass, TemperatureScaling,
    estimate_about,
};
use geoloc_geo_cells::{Estimate, GeoclassSets};

use crate::rows::{
    Scores, check_temperature, check_weights, items_of, log_softmax, read_rows, softmax_of_scores,
};

/// How the probabilities of a set enter the sum. The paper names the first two without printing
/// their normalisation; both readings of the second are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TupleScore {
    /// As they are (`SimpleSum`).
    #[default]
    SimpleSum,
    /// Divided by their sum over all fine cells, so that every set has the same say (`NormSum`).
    NormSum,
    /// Divided by the largest of the set (`NormSum`, the other reading).
    NormMax,
}

/// Scores each fine cell `f` with `Σ_s w_s P_s(class of f in set s)` and answers the place of the
/// best one: the mean of its training photos.
///
/// A vote ranks and is no probability: classifiers that are certain give a fine cell a tenth of the
/// votes where ten share its class. Probabilities are those of the tuples of classes that occur, with
/// the sets taken as independent, `P(f) ∝ Π_s P_s(class of f in set s)^(w_s / T)` with the
/// temperature `T`.
///
/// Fine cells without training photos get neither. Equal votes go to the cell with more training
/// photos, then to the lower index.
#[derive(Clone, Debug)]
pub struct TupleVoteDecoder {
    sets: Arc<GeoclassSets>,
    weights: Vec<f64>,
    score: TupleScore,
    temperature: f64,
    /// Fine cells with photos, those with more photos first.
    order: Vec<usize>,
    keep: usize,
}

impl TupleVoteDecoder {
    /// Decodes logits over `sets`, keeping the `keep` best fine cells as candidates.
    #[must_use]
    pub fn new(sets: Arc<GeoclassSets>, score: TupleScore, keep: usize) -> Self {
        let counts = sets.fine().counts();
        let mut order: Vec<usize> = (0..counts.len())
            .filter(|&f| sets.fine().count(f) > Some(0))
            .collect();
        order.sort_by_key(|&f| (std::cmp::Reverse(sets.fine().count(f)), f));
        Self {
            weights: vec![1.0; sets.set_count()],
            sets,
            score,
            temperature: 1.0,
            order,
            keep,
        }
    }

    /// One weight a set; those that are missing are 1.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] for more weights than sets, or one that is negative or not finite.
    pub fn with_weights(mut self, weights: &[f64]) -> Result<Self, ConfigError> {
        self.weights = check_weights("weights", weights, self.sets.set_count(), 0.0)?;
        Ok(self)
    }

    /// Divides the logarithms of the products by `temperature`. It changes probabilities and radii,
    /// not the vote.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] unless it is positive and finite.
    pub fn with_temperature(mut self, temperature: f64) -> Result<Self, ConfigError> {
        check_temperature(temperature)?;
        self.temperature = temperature;
        Ok(self)
    }

    /// What the probabilities are the softmax of: for each item one score for each fine cell,
    /// `Σ_s w_s ln P_s`, before the temperature. A temperature is fitted on these. Fine cells
    /// without training photos have negative infinity.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`].
    pub fn joint_logits(&self, output: GeoclassLogits) -> Scores {
        let sets = self.read(output)?;
        Ok(items_of(&sets, |index, item| {
            Ok(self.joint(&log_probabilities(index, item)?))
        }))
    }

    /// One matrix of logits a set on the host.
    fn read(&self, output: GeoclassLogits) -> Result<Vec<Vec<Vec<f32>>>, DecodeError> {
        let (expected, found) = (self.sets.set_count(), output.0.len());
        if expected != found {
            return Err(DecodeError::Width { expected, found });
        }
        let sets = (0..expected).filter_map(|set| self.sets.set(set));
        let pairs = output.0.into_iter().zip(sets);
        pairs
            .map(|(logits, classes)| read_rows(logits, classes.len()))
            .collect()
    }

    /// `Σ_s w_s ln P_s` of each fine cell.
    fn joint(&self, log_p: &[Vec<f64>]) -> Vec<f64> {
        let mut scores = vec![f64::NEG_INFINITY; self.sets.fine().len()];
        for &f in &self.order {
            if let Some(score) = scores.get_mut(f) {
                let terms = self.own(f, log_p).zip(&self.weights);
                *score = terms.map(|(log_p, weight)| weight * log_p).sum();
            }
        }
        scores
    }

    /// The entry of fine cell `f`'s class in the row of each set.
    fn own<'a>(&'a self, f: usize, rows: &'a [Vec<f64>]) -> impl Iterator<Item = f64> + 'a {
        let tuple = self.sets.tuple(f).into_iter().flatten();
        let classes = rows.iter().zip(tuple);
        classes.filter_map(|(row, &class)| row.get(class as usize).copied())
    }

    /// The votes for each fine cell with photos, in the order of `order`.
    fn votes(&self, log_p: &[Vec<f64>]) -> Vec<f64> {
        let p: Vec<Vec<f64>> = log_p
            .iter()
            .map(|row| row.iter().map(|x| x.exp()).collect())
            .collect();
        let mut divisors = vec![1.0; p.len()];
        match self.score {
            TupleScore::SimpleSum => {}
            TupleScore::NormMax => {
                for (divisor, row) in divisors.iter_mut().zip(&p) {
                    *divisor = row.iter().copied().fold(0.0, f64::max);
                }
            }
            TupleScore::NormSum => {
                divisors.fill(0.0);
                for f in 0..self.sets.fine().len() {
                    for (divisor, p) in divisors.iter_mut().zip(self.own(f, &p)) {
                        *divisor += p;
                    }
                }
            }
        }
        let vote = |&f: &usize| {
            let terms = self.own(f, &p).zip(&self.weights).zip(&divisors);
            terms
                .map(|((p, weight), divisor)| weight * p / divisor)
                .sum()
        };
        self.order.iter().map(vote).collect()
    }

    fn decode_item(&self, index: usize, sets: &[&[f32]]) -> Result<Estimate, DecodeError> {
        let not_finite = DecodeError::NotFinite { index };
        let log_p = log_probabilities(index, sets)?;
        let mut best: Option<(f64, usize)> = None;
        for (vote, &f) in self.votes(&log_p).into_iter().zip(&self.order) {
            if best.is_none_or(|(most, _)| vote > most) {
                best = Some((vote, f));
            }
        }
        let fine = self.sets.fine();
        let answer = best.and_then(|(_, f)| fine.location(f));
        let answer = answer.ok_or_else(|| not_finite.clone())?;
        let probabilities = softmax_of_scores(&self.joint(&log_p), self.temperature);
        let masses: Vec<PlaceMass> = self
            .order
            .iter()
            .filter_map(|&f| PlaceMass::of_class(fine, f, probabilities.get(f).copied()?))
            .collect();
        estimate_about(answer, &masses, self.keep).ok_or(not_finite)
    }
}

fn log_probabilities(index: usize, sets: &[&[f32]]) -> Result<Vec<Vec<f64>>, DecodeError> {
    sets.iter().map(|row| log_softmax(index, row)).collect()
}

impl Decoder<GeoclassLogits> for TupleVoteDecoder {
    fn decode(
        &self,
        output: GeoclassLogits,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        let sets = self.read(output)?;
        Ok(items_of(&sets, |index, item| self.decode_item(index, item)))
    }
}

impl TemperatureScaling<GeoclassLogits> for TupleVoteDecoder {
    /// The [joint logits](Self::joint_logits).
    fn scores(&self, output: GeoclassLogits) -> Scores {
        self.joint_logits(output)
    }

    fn at_temperature(self, temperature: f64) -> Result<Self, ConfigError> {
        self.with_temperature(temperature)
    }
}

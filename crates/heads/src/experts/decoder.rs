//! The answer of the expert of the scene.

use geoloc_core::{ConfigError, DecodeError, Decoder, SceneExperts, TemperatureScaling};
use geoloc_geo_cells::Estimate;

use crate::rows::{Scores, check_finite, read_rows};

/// Answers for each photo what the expert of its most probable scene says; of equals the first.
///
/// An error of an expert counts only for the photos that are routed to it. The scene logits may
/// come from another model than the experts.
#[derive(Clone, Debug)]
pub struct RoutedDecoder<D> {
    /// One decoder a scene.
    pub experts: Vec<D>,
}

impl<D> RoutedDecoder<D> {
    /// What `of` an expert gives for each item, from the expert of the item's most probable scene.
    fn routed<O, T: Clone>(
        &self,
        output: SceneExperts<O>,
        of: impl Fn(&D, O) -> Result<Vec<Result<T, DecodeError>>, DecodeError>,
    ) -> Result<Vec<Result<T, DecodeError>>, DecodeError> {
        let expected = self.experts.len();
        let found = output.experts.len();
        if found != expected {
            return Err(DecodeError::Width { expected, found });
        }
        let scenes = read_rows(output.scenes.0, expected)?;
        let answers = self
            .experts
            .iter()
            .zip(output.experts)
            .map(|(decoder, output)| of(decoder, output))
            .collect::<Result<Vec<_>, _>>()?;
        let route = |(index, row): (usize, &Vec<f32>)| {
            check_finite(index, row)?;
            let mut best = (0, f32::NEG_INFINITY);
            for (scene, &logit) in row.iter().enumerate() {
                if logit > best.1 {
                    best = (scene, logit);
                }
            }
            let answer = answers.get(best.0).and_then(|rows| rows.get(index));
            answer.cloned().ok_or(DecodeError::NotFinite { index })?
        };
        Ok(scenes.iter().enumerate().map(route).collect())
    }
}

impl<O: Clone, D: Decoder<O>> Decoder<SceneExperts<O>> for RoutedDecoder<D> {
    fn decode(
        &self,
        output: SceneExperts<O>,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        self.routed(output, D::decode)
    }
}

impl<O: Clone, D: TemperatureScaling<O>> TemperatureScaling<SceneExperts<O>> for RoutedDecoder<D> {
    /// The scores of the expert that answers.
    fn scores(&self, output: SceneExperts<O>) -> Scores {
        self.routed(output, D::scores)
    }

    /// One temperature for all experts.
    fn at_temperature(self, temperature: f64) -> Result<Self, ConfigError> {
        let experts = self.experts.into_iter();
        let experts = experts.map(|expert| expert.at_temperature(temperature));
        Ok(Self {
            experts: experts.collect::<Result<_, _>>()?,
        })
    }
}

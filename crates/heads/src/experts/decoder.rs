//! The answer of the expert of the scene.

use geoloc_core::{DecodeError, Decoder, SceneExperts};
use geoloc_geo_cells::Estimate;

use crate::rows::{check_finite, read_rows};

/// Answers for each photo what the expert of its most probable scene says; of equals the first.
///
/// An error of an expert counts only for the photos that are routed to it. The scene logits may
/// come from another model than the experts.
#[derive(Clone, Debug)]
pub struct RoutedDecoder<D> {
    /// One decoder a scene.
    pub experts: Vec<D>,
}

impl<O: Clone, D: Decoder<O>> Decoder<SceneExperts<O>> for RoutedDecoder<D> {
    fn decode(
        &self,
        output: SceneExperts<O>,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
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
            .map(|(decoder, output)| decoder.decode(output))
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

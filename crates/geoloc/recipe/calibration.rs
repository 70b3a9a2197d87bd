//! The temperature of stated probabilities, found on the validation photos.

use crate::metrics::{CALIBRATION_BINS, MetricError, Reliability, Temperature};

/// From fewer photos than this nothing is concluded.
pub(super) const LEAST_PHOTOS: usize = 20;
/// Temperatures are sought from 1/100 to 100. Near an end there is no minimum: all answers are right, or
/// hardly any.
const MOST: f64 = 90.0;

/// The scores of a photo's candidates, and the positions of those that are right.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scored {
    pub(super) scores: Vec<f64>,
    pub(super) right: Vec<usize>,
}

/// A temperature, and how well probabilities of the most probable candidate agree with how often it
/// is right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Calibration {
    pub(super) temperature: f64,
    /// Expected calibration error at temperature 1.
    pub(super) before: f64,
    /// The same at the temperature.
    pub(super) after: f64,
}

/// Fits the temperature to photos of which each has a right candidate; `None` from too few photos, or if
/// no temperature is best.
pub(super) fn calibrate(photos: &[Scored]) -> Result<Option<Calibration>, MetricError> {
    if photos.len() < LEAST_PHOTOS {
        return Ok(None);
    }
    let queries: Vec<(&[f64], &[usize])> = photos
        .iter()
        .map(|p| (p.scores.as_slice(), p.right.as_slice()))
        .collect();
    let Temperature { temperature, .. } = Temperature::fit_sets(&queries)?;
    if !(1.0 / MOST..=MOST).contains(&temperature) {
        return Ok(None);
    }
    let error = |temperature: f64| {
        let (confidence, right): (Vec<f64>, Vec<bool>) = photos
            .iter()
            .map(|photo| {
                let (best, top) = largest(&photo.scores);
                let masses = photo.scores.iter();
                let sum: f64 = masses.map(|z| ((z - top) / temperature).exp()).sum();
                (1.0 / sum, photo.right.contains(&best))
            })
            .unzip();
        let reliability = Reliability::new(&confidence, &right, CALIBRATION_BINS)?;
        Ok::<f64, MetricError>(reliability.expected_error)
    };
    Ok(Some(Calibration {
        temperature,
        before: error(1.0)?,
        after: error(temperature)?,
    }))
}

/// The first of the largest.
fn largest(row: &[f64]) -> (usize, f64) {
    let rows = row.iter().copied().enumerate();
    rows.fold((0, f64::NEG_INFINITY), |best, next| {
        if next.1 > best.1 { next } else { best }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes; the margin of an answer that is right with probability p is ln(p / (1 - p)), times
    /// `sharp` for a model that is too sure of itself.
    fn model(sharp: f64) -> Vec<Scored> {
        let mut photos = Vec::new();
        for p in [0.6_f64, 0.7, 0.8, 0.9] {
            for k in 0..20_u32 {
                photos.push(Scored {
                    scores: vec![0.0, sharp * (p / (1.0 - p)).ln()],
                    right: vec![usize::from(f64::from(k) < 20.0 * p - 0.5)],
                });
            }
        }
        photos
    }

    #[test]
    fn a_model_that_is_too_sure_gets_the_temperature_that_makes_it_right() {
        for sharp in [0.5, 1.0, 4.0] {
            let found = calibrate(&model(sharp)).unwrap().unwrap();
            assert!(
                (found.temperature - sharp).abs() < 1e-3 * sharp,
                "{found:?}"
            );
            assert!(found.after < 1e-3, "{found:?}");
            if sharp > 1.0 {
                // Said 0.84 to 0.999, right 0.6 to 0.9.
                assert!(found.before > 0.1, "{found:?}");
            }
        }
    }

    #[test]
    fn few_photos_and_answers_without_an_error_give_none() {
        let mut photos = model(4.0);
        assert_eq!(calibrate(&photos[..LEAST_PHOTOS - 1]).unwrap(), None);
        for photo in &mut photos {
            photo.right = vec![1];
        }
        assert_eq!(calibrate(&photos).unwrap(), None);
    }
}

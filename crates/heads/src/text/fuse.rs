//! Words and image together.

use burn::tensor::{Tensor, TensorData};
use geoloc_core::{CellLogits, DecodeError};

use super::TextPrior;

impl TextPrior {
    /// Adds `weight` times the log-likelihood of the words to the logits of the image, one list of
    /// words a row: `p(L | image, words) ∝ p(L | image) p(words | L)^weight`, which holds for weight
    /// 1 if image and words are independent given the cell. Weights below 1 allow for words that
    /// say the same thing twice.
    ///
    /// The result is read by any decoder of cells. For words alone pass the logarithms of the
    /// shares of the cells in the training photos.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Width`] if there are as many logits as the model has not cells, or not as
    /// many lists as rows.
    pub fn fuse(
        &self,
        image: CellLogits,
        words: &[Vec<String>],
        weight: f64,
    ) -> Result<CellLogits, DecodeError> {
        let [rows, found] = image.0.dims();
        for (expected, found) in [(self.cells(), found), (rows, words.len())] {
            if found != expected {
                return Err(DecodeError::Width { expected, found });
            }
        }
        let added: Vec<f32> = words
            .iter()
            .flat_map(|words| self.log_likelihood(words))
            .map(|log| (weight * log) as f32)
            .collect();
        let added = TensorData::new(added, [rows, found]);
        let added = Tensor::<2>::from_data(added, &image.0.device());
        Ok(CellLogits(image.0 + added))
    }
}

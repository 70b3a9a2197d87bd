//! From the table to the device and back.

use burn::tensor::{Tensor, TensorData};

use super::{BatchGradients, Candidates, PrototypeTable, TableError};

/// The loss of a batch as a tensor `[1]` that burn differentiates, and the gradients of the rows for
/// [`PrototypeTable::update`].
///
/// With g the gradient that the table answers, taken as a constant, the tensor is
/// `sum(e g) - sum(e g) + loss`, the second sum a constant as well: its value is the loss, its
/// derivative with respect to the embeddings e is g, and so every parameter of the encoder gets the
/// gradient that a dense table on the device would give it. It may be weighted and added to other
/// losses; the gradients of the rows have to be [weighted](BatchGradients::scale_by) the same then.
///
/// # Shapes
///
/// `embeddings` is `[n, dim]`, of unit length for cosine logits; `targets` has n rows of the table.
///
/// # Errors
///
/// [`TableError`] as [`PrototypeTable::loss`], or if the device refuses to hand over the embeddings.
pub fn prototype_loss(
    embeddings: Tensor<2>,
    table: &PrototypeTable,
    targets: &[usize],
    candidates: &Candidates,
) -> Result<(Tensor<1>, BatchGradients), TableError> {
    let shape = embeddings.dims();
    let values = embeddings.clone().detach().try_into_vec_as::<f32>();
    let values = values.map_err(|e| TableError::Device {
        reason: e.to_string(),
    })?;
    let gradients = table.loss(&values, targets, candidates)?;
    let constant = TensorData::new(gradients.queries.clone(), shape);
    let constant = Tensor::from_data(constant, &embeddings.device());
    let sum = (embeddings * constant).sum();
    let loss = (sum.clone() - sum.detach()).add_scalar(gradients.loss);
    Ok((loss, gradients))
}

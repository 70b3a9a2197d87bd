//! One case of the file, and its numbers as tensors.

use std::collections::BTreeMap;

use burn::tensor::{
    Bool, DType, Device, Gradients, Int, Tensor, TensorCreationOptions, TensorData,
};
use geoloc_geo_cells::LatLng;
use serde::Deserialize;

/// Numbers in row-major order.
#[derive(Deserialize)]
pub(crate) struct Array {
    shape: Vec<usize>,
    values: Vec<f64>,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) loss: String,
    pub(crate) label: String,
    inputs: BTreeMap<String, Array>,
    constants: BTreeMap<String, Array>,
    pub(crate) value: f64,
    pub(crate) gradients: BTreeMap<String, Vec<f64>>,
}

/// A case on a device in one precision. Inputs are flat leaves that gradients are asked of.
pub(crate) struct Given<'a> {
    pub(crate) case: &'a Case,
    options: TensorCreationOptions,
    leaves: BTreeMap<&'a str, Tensor<1>>,
}

impl<'a> Given<'a> {
    pub(crate) fn new(case: &'a Case, options: TensorCreationOptions) -> Self {
        let leaf = |(name, array): (&'a String, &Array)| {
            let data = TensorData::new(array.values.clone(), [array.values.len()]);
            let tensor = Tensor::from_data(data, options.clone());
            (name.as_str(), tensor.require_grad())
        };
        let leaves = case.inputs.iter().map(leaf).collect();
        Self {
            case,
            options,
            leaves,
        }
    }

    pub(crate) fn device(&self) -> &Device {
        &self.options.device
    }

    /// Zeros where the loss does not depend on the input.
    pub(crate) fn gradient(&self, name: &str, gradients: &Gradients) -> Vec<f64> {
        let leaf = &self.leaves[name];
        match leaf.grad(gradients) {
            Some(gradient) => gradient.into_data().convert::<f64>().try_to_vec().unwrap(),
            None => vec![0.0; leaf.dims()[0]],
        }
    }

    /// An input in its shape.
    pub(crate) fn input<const D: usize>(&self, name: &str) -> Tensor<D> {
        let shape: [usize; D] = self.case.inputs[name].shape.as_slice().try_into().unwrap();
        self.leaves[name].clone().reshape(shape)
    }

    /// An input with rows of unit length.
    pub(crate) fn unit<const D: usize>(&self, name: &str) -> Tensor<D> {
        let rows = self.input::<D>(name);
        rows.clone() / rows.square().sum_dim(D - 1).sqrt()
    }

    pub(crate) fn numbers(&self, name: &str) -> &'a [f64] {
        &self.case.constants[name].values
    }

    pub(crate) fn number(&self, name: &str) -> f64 {
        self.numbers(name)[0]
    }

    /// A constant as floats.
    pub(crate) fn floats<const D: usize>(&self, name: &str) -> Tensor<D> {
        Tensor::from_data(self.data(name), self.options.clone())
    }

    /// A constant as classes.
    pub(crate) fn classes<const D: usize>(&self, name: &str) -> Tensor<D, Int> {
        Tensor::from_data(self.data(name).convert::<i64>(), self.device())
    }

    /// A constant as truth values.
    pub(crate) fn mask<const D: usize>(&self, name: &str) -> Tensor<D, Bool> {
        self.floats::<D>(name).greater_scalar(0.5)
    }

    /// A constant as rows of latitude and longitude.
    pub(crate) fn places(&self, name: &str) -> Vec<LatLng> {
        let rows = self.numbers(name).chunks(2);
        rows.map(|row| LatLng::new(row[0], row[1]).unwrap())
            .collect()
    }

    /// A target encoder's f32 in the precision of the case.
    pub(crate) fn cast<const D: usize>(&self, target: Tensor<D>) -> Tensor<D> {
        target.cast(self.options.dtype.unwrap_or(DType::F32))
    }

    fn data(&self, name: &str) -> TensorData {
        let array = &self.case.constants[name];
        TensorData::new(array.values.clone(), array.shape.clone())
    }
}

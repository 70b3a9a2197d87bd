//! The maximum over 3 x 3 values with stride 2 that follows the first convolution.

use burn::nn::pool::MaxPool2d;
use burn::tensor::Tensor;

/// [`MaxPool2d::forward`] of a layer of kernel 3, stride 2 and padding 1. Without gradients it is
/// computed here on the CPU: first along the columns, then along the rows.
pub(super) fn max_pool(layer: &MaxPool2d, x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if let Some(y) = on_flex(&x) {
        return y;
    }
    layer.forward(x)
}

#[cfg(feature = "flex")]
fn on_flex(x: &Tensor<4>) -> Option<Tensor<4>> {
    use burn::backend::Flex;
    use burn::tensor::{DType, Device, TensorData};
    use rayon::prelude::*;

    let device = x.device();
    if device != Device::flex() || device.is_autodiff() || x.dtype() != DType::F32 {
        return None;
    }
    let [batch, channels, height, width] = x.dims();
    let [tall, wide] = [height, width].map(|side| side.div_ceil(2));
    let maps = x.clone().try_into_primitive::<Flex>().ok()?.to_contiguous();
    let maps = maps.as_slice::<f32>()?;
    let mut y = vec![0.0; batch * channels * tall * wide];
    if !y.is_empty() {
        y.par_chunks_exact_mut(tall * wide)
            .zip(maps.par_chunks_exact(height * width))
            .for_each_init(
                || vec![0.0; width],
                |line, (y, map)| {
                    for (row, y) in y.chunks_exact_mut(wide).enumerate() {
                        let lines = (2 * row).saturating_sub(1)..(2 * row + 2).min(height);
                        let mut lines =
                            map[lines.start * width..lines.end * width].chunks_exact(width);
                        // There is one at least: 2 row < height.
                        line.copy_from_slice(lines.next().unwrap_or_default());
                        for other in lines {
                            for (most, value) in line.iter_mut().zip(other) {
                                *most = most.max(*value);
                            }
                        }
                        for (column, y) in y.iter_mut().enumerate() {
                            let values =
                                (2 * column).saturating_sub(1)..(2 * column + 2).min(width);
                            *y = line[values]
                                .iter()
                                .copied()
                                .fold(f32::NEG_INFINITY, f32::max);
                        }
                    }
                },
            );
    }
    let data = TensorData::new(y, [batch, channels, tall, wide]);
    Some(Tensor::from_data(data, &device))
}

#[cfg(test)]
#[cfg(feature = "flex")]
mod tests {
    use burn::nn::PaddingConfig2d;
    use burn::nn::pool::MaxPool2dConfig;
    use burn::tensor::{Device, Tensor, TensorData};

    use super::max_pool;

    #[test]
    fn the_maxima_of_burn() {
        let device = Device::flex();
        let layer = MaxPool2dConfig::new([3, 3])
            .with_strides([2, 2])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init();
        for [height, width] in [[1, 1], [2, 3], [5, 4], [8, 9]] {
            let shape = [2, 3, height, width];
            let count: usize = shape.iter().product();
            let values: Vec<f32> = (0..count).map(|i| (i * 37 % 101) as f32 - 90.0).collect();
            let x = Tensor::<4>::from_data(TensorData::new(values, shape), &device);
            let ours = max_pool(&layer, x.clone()).into_data();
            ours.assert_eq(&layer.forward(x.clone()).into_data(), true);
            let turned = x.swap_dims(2, 3);
            let ours = max_pool(&layer, turned.clone()).into_data();
            ours.assert_eq(&layer.forward(turned).into_data(), true);
        }
    }
}

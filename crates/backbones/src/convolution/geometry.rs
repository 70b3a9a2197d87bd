//! The shape of a convolution.

/// Sizes of a two-dimensional convolution of maps `[batch, inputs, height, width]` with weights
/// `[outputs, inputs / groups, kernel height, kernel width]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Geometry {
    pub batch: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub groups: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    /// Zeros before the first row and the first column.
    pub padding: [usize; 2],
}

impl Geometry {
    /// The sizes for input and weights of these shapes; `None` if the kernel does not fit into the
    /// padded input, the input has no rows or columns, or the channels do not divide into the groups.
    pub(super) fn new(
        [batch, inputs, height, width]: [usize; 4],
        [outputs, depth, kernel_height, kernel_width]: [usize; 4],
        stride: [usize; 2],
        padding: [(usize, usize); 2],
        dilation: [usize; 2],
        groups: usize,
    ) -> Option<Self> {
        let kernel = [kernel_height, kernel_width];
        let input = [height, width];
        let mut output = [0; 2];
        for axis in 0..2 {
            let reach = dilation[axis] * kernel[axis].checked_sub(1)? + 1;
            let padded = input[axis] + padding[axis].0 + padding[axis].1;
            output[axis] = padded.checked_sub(reach)?.checked_div(stride[axis])? + 1;
        }
        let divides = groups > 0 && inputs == depth * groups && outputs.is_multiple_of(groups);
        let whole = divides && !input.contains(&0);
        whole.then_some(Self {
            batch,
            inputs,
            outputs,
            groups,
            input,
            output,
            kernel,
            stride,
            dilation,
            padding: [padding[0].0, padding[1].0],
        })
    }

    /// Whether every channel has a kernel of its own.
    pub(super) fn is_depthwise(&self) -> bool {
        self.groups == self.inputs && self.outputs == self.inputs
    }

    /// Values of an input map.
    pub(super) fn input_plane(&self) -> usize {
        self.input[0] * self.input[1]
    }

    /// Values of an output map.
    pub(super) fn output_plane(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Values of a kernel.
    pub(super) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Input channels of a group.
    pub(super) fn depth(&self) -> usize {
        self.inputs / self.groups
    }

    /// Output channels of a group.
    pub(super) fn width(&self) -> usize {
        self.outputs / self.groups
    }
}

//! Seeds that are pure functions of what they are for.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

pub use geoloc_core::mix;

/// Draws all weights of a module now, in one order: burn draws each at its first use, with whatever
/// the generator of the device has come to by then.
pub fn draw_weights<M: Module>(module: &M) {
    struct Draw;
    impl ModuleVisitor for Draw {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            drop(param.val());
        }
    }
    module.visit(&mut Draw);
}

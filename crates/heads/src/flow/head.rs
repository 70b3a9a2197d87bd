//! The flow head.

use burn::module::Module;
use geoloc_core::{Features, Head, SphericalFlow};

use super::FlowNetwork;

/// Hands the features on to a network that is asked for velocities by loss and decoder.
#[derive(Module, Debug)]
pub struct FlowHead {
    pub(super) network: FlowNetwork,
}

impl Head for FlowHead {
    type Output = SphericalFlow<FlowNetwork>;

    /// # Shapes
    ///
    /// Features `[batch, width]` to a flow for each item; the network in it shares its parameters
    /// with the head.
    fn forward(&self, features: Features) -> Self::Output {
        SphericalFlow {
            field: self.network.clone(),
            condition: features.pooled,
        }
    }
}

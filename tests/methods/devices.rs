//! Where tests compute.

use geoloc::burn::tensor::Device;

/// `flex`; with the feature `ndarray` that backend too; and what `GEOLOC_TEST_DEVICE` names.
///
/// # Panics
///
/// If `GEOLOC_TEST_DEVICE` names a device whose feature is not compiled in, or none.
pub(crate) fn devices() -> Vec<Device> {
    #[allow(unused_mut, reason = "features add devices")]
    let mut devices = vec![Device::flex()];
    #[cfg(feature = "ndarray")]
    devices.push(ndarray());
    let named = std::env::var("GEOLOC_TEST_DEVICE").unwrap_or_default();
    match named.as_str() {
        "" | "flex" => {}
        #[cfg(feature = "ndarray")]
        "ndarray" => {}
        #[cfg(feature = "cuda")]
        "cuda" => devices.push(Device::cuda(Default::default())),
        #[cfg(feature = "wgpu")]
        "wgpu" => devices.push(Device::wgpu(Default::default())),
        other => panic!("GEOLOC_TEST_DEVICE={other}: unknown, or its feature is not compiled in"),
    }
    devices
}

#[cfg(feature = "ndarray")]
fn ndarray() -> Device {
    #[allow(
        deprecated,
        reason = "kept for users of the backend until burn 0.23 removes it"
    )]
    Device::ndarray()
}

use super::*;

#[test]
fn every_instruction_set_gives_the_same_product_bits() {
    let mut state = 7u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    };
    for len in [1, 2, 7, 8, 15, 16, 17, 31, 32, 48, 100, 128, 257] {
        let a: Vec<f32> = (0..len).map(|_| next() * 1e3).collect();
        let b: Vec<f32> = (0..len).map(|_| next() * 1e-3).collect();
        let expected = portable::dot64(&a, &b);
        assert_eq!(dot64(&a, &b).to_bits(), expected.to_bits(), "length {len}");
        #[cfg(target_arch = "x86_64")]
        if Kernel::Avx2.is_available() {
            #[allow(unsafe_code, reason = "calls a function that needs AVX2")]
            // SAFETY: the condition has checked the features.
            let got = unsafe { avx2::dot64(&a, &b) };
            assert_eq!(got.to_bits(), expected.to_bits(), "length {len}");
        }
    }
}

#[test]
fn the_portable_set_is_always_there() {
    assert!(Kernel::available().contains(&Kernel::Portable));
    assert!(Kernel::detect().is_available());
}

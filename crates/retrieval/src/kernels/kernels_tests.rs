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

/// The words between quotes that follow a phrase.
fn quoted<'a>(source: &'a str, after: &str) -> std::collections::BTreeSet<&'a str> {
    let parts = source.split(after).skip(1);
    let lists = parts.filter_map(|part| part.split('"').nth(1));
    lists.flat_map(|list| list.split(',')).collect()
}

#[test]
fn every_file_checks_what_its_functions_enable() {
    // The files of split tiles enable what those of whole ones check.
    for (file, source) in [
        ("avx2", include_str!("avx2.rs")),
        (
            "avx2_split",
            concat!(include_str!("avx2_split.rs"), include_str!("avx2.rs")),
        ),
        (
            "avx512_split",
            concat!(include_str!("avx512_split.rs"), include_str!("avx512.rs")),
        ),
        (
            "neon_split",
            concat!(include_str!("neon_split.rs"), include_str!("neon.rs")),
        ),
        ("avx2_low_bits", include_str!("avx2_low_bits.rs")),
        ("avx512", include_str!("avx512.rs")),
        ("avx512_low_bits", include_str!("avx512_low_bits.rs")),
        ("neon", include_str!("neon.rs")),
    ] {
        let enabled = quoted(source, "target_feature(enable");
        let checked = quoted(source, "_feature_detected!(");
        assert!(!enabled.is_empty());
        assert_eq!(enabled, checked, "{file}");
    }
}

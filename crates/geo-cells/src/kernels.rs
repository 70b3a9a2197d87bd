//! The same code compiled for several instruction sets, chosen at run time.
//!
//! The only unsafe code of the crate: calls of functions compiled for instructions that the
//! processor was asked for first.
#![allow(
    clippy::inline_always,
    reason = "must be compiled anew inside each function with its own instruction set"
)]
#![allow(
    unsafe_code,
    reason = "functions compiled for AVX2 or AVX-512 may only be called where the processor has it"
)]

use crate::distance::{Columns, rows_f32, rows_f64};
use crate::encode::{LANES, decode_block as decode_lanes, encode_block};
use crate::{CellId, LatLng};

/// The instruction set that batch functions use. All give the same ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kernel {
    /// What every processor of the target has.
    Portable,
    /// AVX2 and fused multiply-add, x86-64.
    Avx2,
    /// AVX-512 (F, DQ, VL, BW, CD), x86-64.
    Avx512,
}

impl Kernel {
    /// The widest kernel that this processor can run.
    #[must_use]
    pub fn detect() -> Self {
        *Self::available().last().unwrap_or(&Self::Portable)
    }

    /// The kernels that this processor can run, narrowest first.
    #[must_use]
    pub fn available() -> &'static [Self] {
        let all = &[Self::Portable, Self::Avx2, Self::Avx512];
        let runnable = 1 + usize::from(has_avx2()) + usize::from(has_avx2() && has_avx512());
        &all[..runnable]
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512cd")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx512() -> bool {
    false
}

pub(crate) fn encode(kernel: Kernel, places: &[LatLng], ids: &mut [CellId]) {
    #[cfg(target_arch = "x86_64")]
    {
        if kernel == Kernel::Avx512 && has_avx2() && has_avx512() {
            // SAFETY: the processor has all features that the function is compiled for.
            return unsafe { encode_avx512(places, ids) };
        }
        if kernel == Kernel::Avx2 && has_avx2() {
            // SAFETY: the processor has all features that the function is compiled for.
            return unsafe { encode_avx2(places, ids) };
        }
    }
    let _ = kernel;
    encode_blocks::<false>(places, ids);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512cd,avx2,fma,bmi1,bmi2")]
fn encode_avx512(places: &[LatLng], ids: &mut [CellId]) {
    encode_blocks::<true>(places, ids);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi1,bmi2")]
fn encode_avx2(places: &[LatLng], ids: &mut [CellId]) {
    encode_blocks::<true>(places, ids);
}

#[inline(always)]
fn encode_blocks<const FMA: bool>(places: &[LatLng], ids: &mut [CellId]) {
    let n = places.len().min(ids.len());
    let (places, _) = places.split_at(n);
    let (ids, _) = ids.split_at_mut(n);
    let (blocks, tail) = places.as_chunks::<LANES>();
    let (out_blocks, out_tail) = ids.as_chunks_mut::<LANES>();
    let mut raw = [0_u64; LANES];
    for (block, out) in blocks.iter().zip(out_blocks) {
        encode_block::<FMA>(block, &mut raw);
        for (id, raw) in out.iter_mut().zip(raw) {
            *id = CellId::known(raw);
        }
    }
    for (p, id) in tail.iter().zip(out_tail) {
        *id = CellId::from_lat_lng(*p);
    }
}

/// Calls `visit` with the unit vector of each leaf's centre, in order.
pub(crate) fn decode(kernel: Kernel, leaves: &[CellId], mut visit: impl FnMut([f64; 3])) {
    let (blocks, tail) = leaves.as_chunks::<LANES>();
    let mut out = [[0.0; LANES]; 3];
    for block in blocks {
        decode_block(kernel, block, &mut out);
        let [xs, ys, zs] = &out;
        for ((x, y), z) in xs.iter().zip(ys).zip(zs) {
            visit([*x, *y, *z]);
        }
    }
    for leaf in tail {
        visit(leaf.center_unit_vector());
    }
}

fn decode_block(kernel: Kernel, leaves: &[CellId; LANES], out: &mut [[f64; LANES]; 3]) {
    #[cfg(target_arch = "x86_64")]
    {
        if kernel == Kernel::Avx512 && has_avx2() && has_avx512() {
            // SAFETY: the processor has all features that the function is compiled for.
            return unsafe { decode_avx512(leaves, out) };
        }
        if kernel == Kernel::Avx2 && has_avx2() {
            // SAFETY: the processor has all features that the function is compiled for.
            return unsafe { decode_avx2(leaves, out) };
        }
    }
    let _ = kernel;
    decode_lanes(leaves, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512cd,avx2,fma,bmi1,bmi2")]
fn decode_avx512(leaves: &[CellId; LANES], out: &mut [[f64; LANES]; 3]) {
    decode_lanes(leaves, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi1,bmi2")]
fn decode_avx2(leaves: &[CellId; LANES], out: &mut [[f64; LANES]; 3]) {
    decode_lanes(leaves, out);
}

/// One function for each instruction set and the choice between them.
macro_rules! distances {
    ($name:ident, $avx2:ident, $avx512:ident, $rows:ident, $float:ty) => {
        pub(crate) fn $name(
            kernel: Kernel,
            a: &Columns<$float>,
            b: &Columns<$float>,
            out: &mut [$float],
        ) {
            #[cfg(target_arch = "x86_64")]
            {
                if kernel == Kernel::Avx512 && has_avx2() && has_avx512() {
                    // SAFETY: the processor has all features that the function is compiled for.
                    return unsafe { $avx512(a, b, out) };
                }
                if kernel == Kernel::Avx2 && has_avx2() {
                    // SAFETY: the processor has all features that the function is compiled for.
                    return unsafe { $avx2(a, b, out) };
                }
            }
            let _ = kernel;
            $rows::<false>(a, b, out);
        }

        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512cd,avx2,fma,bmi1,bmi2")]
        fn $avx512(a: &Columns<$float>, b: &Columns<$float>, out: &mut [$float]) {
            $rows::<true>(a, b, out);
        }

        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma,bmi1,bmi2")]
        fn $avx2(a: &Columns<$float>, b: &Columns<$float>, out: &mut [$float]) {
            $rows::<true>(a, b, out);
        }
    };
}

distances!(
    distances_f64,
    distances_f64_avx2,
    distances_f64_avx512,
    rows_f64,
    f64
);
distances!(
    distances_f32,
    distances_f32_avx2,
    distances_f32_avx512,
    rows_f32,
    f32
);

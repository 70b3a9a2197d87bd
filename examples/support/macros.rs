//! Lines of output that do not panic. The standard macros do when a pipe is closed or a disk is full.

#![allow(unused_macros, reason = "each program uses a part of them")]

macro_rules! outln {
    () => { $crate::program::print(format_args!("\n")) };
    ($($text:tt)*) => { $crate::program::print(format_args!("{}\n", format_args!($($text)*))) };
}

macro_rules! out {
    ($($text:tt)*) => { $crate::program::print(format_args!($($text)*)) };
}

macro_rules! errln {
    ($($text:tt)*) => { $crate::program::print_error(format_args!("{}\n", format_args!($($text)*))) };
}

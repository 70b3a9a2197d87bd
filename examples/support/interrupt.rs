//! Ctrl-C: the first one ends a training with a checkpoint, the second one ends the program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit status of a program that a signal ended.
const INTERRUPTED: i32 = 130;

/// A flag that Ctrl-C sets, and a request of the system to end.
pub(crate) fn on_ctrl_c() -> Result<Arc<AtomicBool>, ctrlc::Error> {
    let flag = Arc::new(AtomicBool::new(false));
    let set = flag.clone();
    ctrlc::set_handler(move || {
        if set.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
        errln!("\nending after the current step of the training; once more ends at once");
    })?;
    Ok(flag)
}

//! What the run takes of the machine.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::Failure;

/// Wall and CPU seconds (all threads) since it was made.
pub(crate) struct Clock(Instant, f64);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now(), cpu())
    }

    /// Wall seconds, CPU seconds.
    pub(crate) fn read(&self) -> (f64, f64) {
        (self.0.elapsed().as_secs_f64(), cpu() - self.1)
    }
}

fn cpu() -> f64 {
    let t = clock_gettime(ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

/// Watches the memory of the process five times a second (Linux; zeros elsewhere).
pub(crate) struct MemoryWatch {
    stop: Arc<AtomicBool>,
    anonymous: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl MemoryWatch {
    pub(crate) fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let anonymous = Arc::new(AtomicU64::new(0));
        let (stopped, peak) = (Arc::clone(&stop), Arc::clone(&anonymous));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                peak.fetch_max(status("RssAnon:"), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        Self {
            stop,
            anonymous,
            thread,
        }
    }

    /// Peaks in GB: all resident pages, and those that no file backs. Pages of mapped files stay
    /// resident while there is room and are given up when there is none.
    pub(crate) fn finish(self) -> (f64, f64) {
        self.stop.store(true, Ordering::Relaxed);
        let joined = self.thread.join().is_ok();
        let anonymous = if joined {
            self.anonymous.load(Ordering::Relaxed)
        } else {
            0
        };
        (status("VmHWM:") as f64 * 1e-9, anonymous as f64 * 1e-9)
    }
}

/// A size in /proc/self/status, in bytes.
fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Fails unless the folder's disk has room for that many bytes.
pub(crate) fn check_disk(folder: &Path, bytes: f64) -> Result<(), Failure> {
    let disk = rustix::fs::statvfs(folder)?;
    let free = disk.f_bavail as f64 * disk.f_frsize as f64;
    if free < bytes {
        let (needed, free) = (bytes * 1e-9, free * 1e-9);
        let folder = folder.display();
        return Err(format!("{folder} has {free:.1} GB free, the run takes {needed:.1} GB").into());
    }
    Ok(())
}

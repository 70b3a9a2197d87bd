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

/// Watches the memory of the process twenty times a second, phase by phase (Linux; zeros elsewhere).
pub(crate) struct MemoryWatch {
    stop: Arc<AtomicBool>,
    peaks: Arc<Peaks>,
    thread: JoinHandle<()>,
    phases: Vec<Phase>,
}

/// The largest sizes seen in this phase, in bytes.
#[derive(Default)]
struct Peaks {
    resident: AtomicU64,
    anonymous: AtomicU64,
}

impl Peaks {
    fn look(&self) {
        self.resident.fetch_max(status("VmRSS:"), Ordering::Relaxed);
        self.anonymous
            .fetch_max(status("RssAnon:"), Ordering::Relaxed);
    }
}

/// Peaks of one phase in GB: all resident pages, and those that no file backs.
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) resident: f64,
    pub(crate) anonymous: f64,
}

impl MemoryWatch {
    pub(crate) fn start() -> Self {
        let (stop, peaks) = (Arc::new(AtomicBool::new(false)), Arc::new(Peaks::default()));
        let (stopped, watched) = (Arc::clone(&stop), Arc::clone(&peaks));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                watched.look();
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        Self {
            stop,
            peaks,
            thread,
            phases: Vec::new(),
        }
    }

    /// What ran since the last call was the phase of that name.
    pub(crate) fn ended(&mut self, name: &'static str) {
        self.peaks.look();
        let taken = |peak: &AtomicU64| peak.swap(0, Ordering::Relaxed) as f64 * 1e-9;
        let phase = Phase {
            name,
            resident: taken(&self.peaks.resident),
            anonymous: taken(&self.peaks.anonymous),
        };
        outln!(
            "memory      {:.2} GB resident at the peak of {name}, {:.2} GB of it not backed by a file",
            phase.resident,
            phase.anonymous
        );
        self.phases.push(phase);
    }

    /// The peak in GB that the system has seen over all phases, and the phases. Pages of mapped files stay
    /// resident until the program gives them up or the system wants them.
    pub(crate) fn finish(self) -> (f64, Vec<Phase>) {
        self.stop.store(true, Ordering::Relaxed);
        // A thread that panicked has watched until then.
        let _ = self.thread.join();
        (status("VmHWM:") as f64 * 1e-9, self.phases)
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

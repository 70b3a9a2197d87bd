//! Progress for people, on standard error.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Whether a run shows how it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProgressMode {
    /// A bar with loss, rate and time left on a terminal; a line now and then elsewhere.
    #[default]
    Auto,
    /// Nothing.
    Hidden,
}

/// Time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(15);

pub(crate) struct Progress {
    bar: ProgressBar,
    lines: Option<Instant>,
    name: String,
    started: Instant,
    first: u64,
}

impl Progress {
    pub(crate) fn new(mode: ProgressMode, name: &str, first: u64, steps: u64) -> Self {
        let target = match mode {
            ProgressMode::Auto => ProgressDrawTarget::stderr(),
            ProgressMode::Hidden => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(steps), target);
        let template = "{prefix} {bar:30} {pos}/{len} {msg} {per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        bar.set_position(first);
        bar.reset_eta();
        let lines = (mode == ProgressMode::Auto && bar.is_hidden()).then(Instant::now);
        Self {
            bar,
            lines,
            name: name.to_owned(),
            started: Instant::now(),
            first,
        }
    }

    pub(crate) fn step(&mut self, done: u64, steps: u64, loss: f64, learning_rate: f64) {
        let message = format!("loss {loss:.4} rate {learning_rate:.1e}");
        self.show(done, steps, &message);
    }

    /// So much is done, and there is nothing more to say.
    pub(crate) fn advance(&mut self, done: u64, steps: u64) {
        self.show(done, steps, "");
    }

    fn show(&mut self, done: u64, steps: u64, message: &str) {
        self.bar.set_position(done);
        self.bar.set_message(message.to_owned());
        let Some(last) = self.lines else { return };
        if last.elapsed() >= LINE_EVERY || done == steps {
            self.lines = Some(Instant::now());
            let taken = done.saturating_sub(self.first).max(1) as f64;
            let pace = self.started.elapsed().as_secs_f64() / taken;
            let left = pace * steps.saturating_sub(done) as f64;
            eprintln!("{} {done}/{steps} {message} {left:.0} s left", self.name);
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

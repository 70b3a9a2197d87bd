//! What all programs have in common: lines of output, errors, what was left out, exit statuses.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::error::Error;
use std::fmt::{Arguments, Display};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

/// Anything that ends a program.
pub(crate) type Failure = Box<dyn Error>;

/// What `--help` says of exit statuses; that of wrong arguments is clap's.
pub(crate) const EXIT_STATUS: &str = "Exit status: 0 if all of the input was used, 1 after an error or if \
    none of the input could be used, 2 for wrong arguments, 3 if the program did its work but left a part \
    of the input out.";
/// Exit status of a program that did its work but left a part of the input out.
const PARTIAL: u8 = 3;
/// Exit status of a program that gave no answer for pictures that its model is not made for.
const OUTSIDE: u8 = 4;
/// Reasons that are kept for the last line of JSON.
const KEPT: usize = 5;
/// Lines about rows of a list that are shown.
const SHOWN: usize = 20;

/// How a program ends that met no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All of the input was used.
    Whole,
    /// A part of the input was left out.
    Partial,
    /// The model is not made for a part of the input, and gave no answer for it.
    Outside,
    /// None of the input could be used; what was wrong with it has been said.
    Nothing,
}

/// Runs a program: an error is printed with its causes.
pub(crate) fn program(run: impl FnOnce() -> Result<Ending, Failure>) -> ExitCode {
    match run() {
        Ok(Ending::Whole) => ExitCode::SUCCESS,
        Ok(Ending::Partial) => ExitCode::from(PARTIAL),
        Ok(Ending::Outside) => ExitCode::from(OUTSIDE),
        Ok(Ending::Nothing) => ExitCode::FAILURE,
        Err(e) => {
            errln!("{}", with_causes(e.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes; many messages name their cause themselves.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let message = inner.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = inner.source();
    }
    text
}

/// Puts the name of a file before an error that does not name it.
pub(crate) fn at<E: Error + 'static>(path: &Path) -> impl Fn(E) -> Failure + '_ {
    move |e| {
        let (name, text) = (path.display().to_string(), with_causes(&e));
        if text.contains(&name) {
            text.into()
        } else {
            format!("{name}: {text}").into()
        }
    }
}

/// Inputs that were not used.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    pub(crate) count: usize,
    /// The first few, with why.
    pub(crate) reasons: Vec<String>,
}

impl LeftOut {
    /// Counts one and says so.
    pub(crate) fn add(&mut self, what: impl Display) {
        errln!("{what}");
        self.count_one(what);
    }

    /// Counts all and names the first of them.
    pub(crate) fn add_all<T: Display>(&mut self, all: impl IntoIterator<Item = T>) {
        let before = self.count;
        for what in all {
            if self.count - before < SHOWN {
                errln!("left out: {what}");
            }
            self.count_one(what);
        }
        let more = (self.count - before).saturating_sub(SHOWN);
        if more > 0 {
            errln!("and {more} more");
        }
    }

    fn count_one(&mut self, what: impl Display) {
        self.count += 1;
        if self.reasons.len() < KEPT {
            self.reasons.push(what.to_string());
        }
    }

    /// How the program ends that could use so many inputs.
    pub(crate) fn ending(&self, used: usize) -> Ending {
        match (self.count, used) {
            (0, _) => Ending::Whole,
            (_, 0) => Ending::Nothing,
            _ => Ending::Partial,
        }
    }
}

/// Writes to the standard output and passes it on at once. If nobody reads it any more, the program
/// ends quietly; if it cannot be written, with an error.
pub(crate) fn print(text: Arguments<'_>) {
    let mut to = std::io::stdout().lock();
    if let Err(e) = to.write_fmt(text).and_then(|()| to.flush()) {
        if e.kind() == ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        errln!("standard output: {e}");
        std::process::exit(1);
    }
}

/// Writes to the standard error; there is nowhere to say that it cannot be written.
pub(crate) fn print_error(text: Arguments<'_>) {
    let _ = std::io::stderr().lock().write_fmt(text);
}

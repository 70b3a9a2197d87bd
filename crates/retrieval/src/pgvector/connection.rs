//! The connection to the server: made anew when it is lost, failures told apart.

use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use postgres::error::SqlState;
use postgres::{Client, NoTls};

use crate::error::{EngineError, EngineFailure};

use super::{ENGINE, PgConfig};

/// A connection that several threads use in turn.
pub(super) struct Connection {
    config: PgConfig,
    client: Mutex<Client>,
}

impl Connection {
    pub(super) fn open(config: PgConfig) -> Result<Self, EngineError> {
        let client = Mutex::new(connect(&config)?);
        Ok(Self { config, client })
    }

    pub(super) fn config(&self) -> &PgConfig {
        &self.config
    }

    /// Runs what may run twice: tried again on a new connection if this one was lost.
    pub(super) fn read<T>(
        &self,
        run: impl FnMut(&mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, EngineError> {
        self.run(self.config.retries, run)
    }

    /// Runs what may run only once.
    pub(super) fn write<T>(
        &self,
        run: impl FnMut(&mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, EngineError> {
        self.run(0, run)
    }

    fn run<T>(
        &self,
        retries: u32,
        mut run: impl FnMut(&mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, EngineError> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let mut attempt = || {
            if client.is_closed() {
                *client = connect(&self.config)?;
            }
            run(&mut client).map_err(|error| failed(&error))
        };
        let mut tries = 0;
        loop {
            match attempt() {
                Err(error) if error.failure == EngineFailure::Unreachable && tries < retries => {}
                other => return other,
            }
            std::thread::sleep(Duration::from_millis(100 << tries.min(6)));
            tries += 1;
        }
    }
}

fn connect(config: &PgConfig) -> Result<Client, EngineError> {
    let settings = config.url.parse::<postgres::Config>();
    let mut settings = settings.map_err(|error| refused(describe(&error)))?;
    // The limit of a statement is kept by the server; a server that has vanished is noticed by TCP.
    let limit = config.statement_timeout.as_millis();
    // The URL may have none.
    let given = settings.get_options().unwrap_or_default();
    let options = format!("{given} -c statement_timeout={limit}");
    settings
        .options(options.trim_start())
        .connect_timeout(config.connect_timeout)
        .keepalives_idle(Duration::from_secs(30));
    if !config.statement_timeout.is_zero() {
        settings.tcp_user_timeout(config.statement_timeout + config.connect_timeout);
    }
    settings.connect(NoTls).map_err(|error| failed(&error))
}

/// What a failure means to the caller.
pub(super) fn failed(error: &postgres::Error) -> EngineError {
    let io = || {
        error
            .source()
            .is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
    };
    let failure = match error.code() {
        Some(&SqlState::QUERY_CANCELED) => EngineFailure::TimedOut,
        Some(&SqlState::UNIQUE_VIOLATION) => EngineFailure::Conflict,
        // The server ends, starts, or has no room for one more connection.
        Some(
            &(SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::CANNOT_CONNECT_NOW
            | SqlState::TOO_MANY_CONNECTIONS),
        ) => EngineFailure::Unreachable,
        None if error.is_closed() || io() => EngineFailure::Unreachable,
        _ => EngineFailure::Refused,
    };
    EngineError {
        engine: ENGINE,
        failure,
        detail: describe(error),
    }
}

/// The server's message, or the chain of causes.
fn describe(error: &postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        let mut text = error.to_string();
        if let Some(detail) = error.detail() {
            // Writing to a string does not fail.
            let _ = write!(text, " ({detail})");
        }
        return text;
    }
    let mut text = error.to_string();
    if let Some(cause) = error.source() {
        let _ = write!(text, ": {cause}");
    }
    text
}

pub(super) fn refused(detail: impl Into<String>) -> EngineError {
    EngineError {
        engine: ENGINE,
        failure: EngineFailure::Refused,
        detail: detail.into(),
    }
}

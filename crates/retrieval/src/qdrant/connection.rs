//! Blocking calls to the server: time limits, retries, failures told apart.

use std::error::Error as _;
use std::future::Future;
use std::sync::mpsc;
use std::time::Duration;

use qdrant_client::{Qdrant, QdrantError};
use tokio::runtime::{Builder, Runtime};
use tonic::{Code, Status};

use crate::error::{EngineError, EngineFailure};

use super::{ENGINE, QdrantConfig};

/// A client and the thread that works for it.
pub(super) struct Connection {
    config: QdrantConfig,
    client: Qdrant,
    /// Taken when dropped.
    runtime: Option<Runtime>,
}

impl Connection {
    /// Connects with the first call.
    pub(super) fn new(config: QdrantConfig) -> Result<Self, EngineError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("qdrant")
            .enable_all()
            .build()
            .map_err(|error| refused(error.to_string()))?;
        let mut settings = Qdrant::from_url(&config.url)
            .timeout(config.timeout)
            .connect_timeout(config.connect_timeout)
            .skip_compatibility_check();
        settings.api_key.clone_from(&config.api_key);
        settings.set_pool_size(1);
        let client = Qdrant::new(settings).map_err(|error| failed(&error))?;
        Ok(Self {
            config,
            client,
            runtime: Some(runtime),
        })
    }

    pub(super) fn config(&self) -> &QdrantConfig {
        &self.config
    }

    /// The time limit in whole seconds, for the server to keep as well.
    pub(super) fn seconds(&self) -> u64 {
        self.config.timeout.as_secs().max(1)
    }

    /// Makes a call; tried again if the server was not reached or the connection was lost. All calls of
    /// this engine may be made twice: rows written twice are the same rows.
    pub(super) fn call<R, T, F>(
        &self,
        request: R,
        send: impl Fn(Qdrant, R) -> F,
    ) -> Result<T, EngineError>
    where
        R: Clone,
        T: Send + 'static,
        F: Future<Output = Result<T, QdrantError>> + Send + 'static,
    {
        let mut tries = 0;
        loop {
            match self.once(send(self.client.clone(), request.clone())) {
                Err(error)
                    if error.failure == EngineFailure::Unreachable
                        && tries < self.config.retries => {}
                other => return other,
            }
            std::thread::sleep(Duration::from_millis(100 << tries.min(6)));
            tries += 1;
        }
    }

    /// Runs a call on the thread of the client. The caller only waits for a message, so it may itself be
    /// a task of another runtime.
    fn once<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, QdrantError>> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (sender, receiver) = mpsc::channel();
        let limit = self.config.timeout;
        let Some(runtime) = &self.runtime else {
            return Err(refused("the client has ended"));
        };
        runtime.spawn(async move {
            // The receiver waits until this is sent.
            let _ = sender.send(tokio::time::timeout(limit, call).await);
        });
        match receiver.recv() {
            Ok(Ok(answer)) => answer.map_err(|error| failed(&error)),
            Ok(Err(_)) => Err(timed_out(format!("no answer within {limit:?}"))),
            Err(_) => Err(refused("the call ended without an answer")),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Waiting for the thread would not be allowed inside another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn failed(error: &QdrantError) -> EngineError {
    let status = match error {
        QdrantError::ResponseError { status }
        | QdrantError::ResourceExhaustedError { status, .. } => status,
        QdrantError::Io(_) => return engine_error(EngineFailure::Unreachable, error.to_string()),
        _ => return refused(error.to_string()),
    };
    let detail = format!("{:?}: {}", status.code(), status.message());
    engine_error(meaning(status), detail)
}

/// What a status means to the caller.
fn meaning(status: &Status) -> EngineFailure {
    match status.code() {
        Code::Unavailable => EngineFailure::Unreachable,
        // The client reports a connection that was not made as an internal error of its own, and a
        // broken one as an unknown or internal error with a cause.
        Code::Internal | Code::Unknown
            if status.source().is_some() || status.message().starts_with("Failed to connect") =>
        {
            EngineFailure::Unreachable
        }
        Code::DeadlineExceeded | Code::Cancelled => EngineFailure::TimedOut,
        Code::AlreadyExists => EngineFailure::Conflict,
        _ => EngineFailure::Refused,
    }
}

pub(super) fn refused(detail: impl Into<String>) -> EngineError {
    engine_error(EngineFailure::Refused, detail.into())
}

pub(super) fn timed_out(detail: impl Into<String>) -> EngineError {
    engine_error(EngineFailure::TimedOut, detail.into())
}

fn engine_error(failure: EngineFailure, detail: String) -> EngineError {
    EngineError {
        engine: ENGINE,
        failure,
        detail,
    }
}

//! A small stand-in for a Qdrant server: the calls that the library makes, over real gRPC, with faults on
//! demand. Rules that matter are Qdrant's: numbers are compared as f64, ordering needs an index, an upsert
//! overwrites, a collection is made once.

mod answers;
mod store;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use qdrant_client::qdrant::collections_server::CollectionsServer;
use qdrant_client::qdrant::points_server::PointsServer;
use tokio::runtime::Runtime;
use tonic::Status;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use store::Store;

/// What goes wrong, and what was called.
#[derive(Debug, Default)]
pub struct Faults {
    /// So many calls are answered with "unavailable".
    pub unavailable: AtomicU32,
    /// Every call takes so many milliseconds longer.
    pub delay_ms: AtomicU64,
    /// The upsert of that number, from 1, fails for good; 0 for none.
    pub failing_upsert: AtomicU32,
    /// The collection is being built for so many looks at it.
    pub building: AtomicU32,
    /// So many updates are answered as not carried out yet.
    pub lagging: AtomicU32,
    calls: Mutex<Vec<&'static str>>,
}

impl Faults {
    pub fn calls(&self, name: &str) -> usize {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|call| **call == name).count()
    }

    pub fn count_down(counter: &AtomicU32) -> bool {
        let down = |n: u32| n.checked_sub(1);
        counter
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, down)
            .is_ok()
    }

    async fn enter(&self, name: &'static str) -> Result<(), Status> {
        self.calls.lock().unwrap().push(name);
        let delay = self.delay_ms.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(delay)).await;
        if Self::count_down(&self.unavailable) {
            return Err(Status::unavailable("try again"));
        }
        Ok(())
    }
}

/// The calls of the server.
#[derive(Clone, Default)]
struct Service {
    faults: Arc<Faults>,
    store: Arc<Mutex<Store>>,
}

/// A running server; dropped, it ends.
pub struct Stub {
    service: Service,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Stub {
    pub fn start() -> Self {
        let mut stub = Self {
            service: Service::default(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            runtime: None,
        };
        stub.resume();
        stub
    }

    /// Serves again, at the same address and with the same collections.
    pub fn resume(&mut self) {
        let runtime = Runtime::new().unwrap();
        let inside = runtime.enter();
        let incoming = TcpIncoming::bind(self.address).unwrap();
        self.address = incoming.local_addr().unwrap();
        let server = Server::builder()
            .add_service(CollectionsServer::new(self.service.clone()))
            .add_service(PointsServer::new(self.service.clone()));
        runtime.spawn(server.serve_with_incoming(incoming));
        drop(inside);
        self.runtime = Some(runtime);
    }

    /// Ends, and cuts all connections.
    pub fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn faults(&self) -> &Faults {
        &self.service.faults
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.stop();
    }
}

//! The client: documents over HTTP/1.1, so many at a time, each with a time limit and several attempts.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use async_net::TcpStream;
use backon::{BackoffBuilder, ExponentialBuilder};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HOST;
use hyper::rt::Executor;
use hyper::{Request, StatusCode};
use smol_hyper::rt::FuturesIo;
use thenable::{AbortSignal, Aborted, Emitter, EventLoop, Progress, Promise, Retry, RetryError, with_progress};
use thenable_runtimes::executor::OnLoop;
use thiserror::Error;

/// Why an attempt has failed.
#[derive(Debug, Error)]
pub(crate) enum FetchError {
    /// The server cannot be reached.
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    /// The connection broke off, or this is not HTTP.
    #[error(transparent)]
    Connection(#[from] hyper::Error),
    /// The server has answered, but with an error.
    #[error("the server answers: {0}")]
    Status(StatusCode),
    /// It took too long, or was not wanted any more.
    #[error(transparent)]
    Aborted(#[from] Aborted),
}

impl FetchError {
    /// Whether another attempt may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Connection(_) => true,
            Self::Status(status) => status.is_server_error(),
            Self::Aborted(aborted) => aborted.is_timeout(),
        }
    }
}

/// How documents are fetched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// How many at a time.
    pub(crate) concurrency: usize,
    /// How often one is asked for.
    pub(crate) attempts: usize,
    /// How long an attempt may take.
    pub(crate) timeout: Duration,
}

impl Policy {
    /// The pauses between the attempts: 10 ms, then twice as long each time, but no more than 200 ms; and at random up to
    /// twice that, so that those who failed together do not come back together.
    fn pauses(&self) -> impl Iterator<Item = Duration> + 'static {
        ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(10))
            .with_max_delay(Duration::from_millis(200))
            .with_max_times(self.attempts.saturating_sub(1))
            .with_jitter()
            .build()
    }
}

/// What came of a document: its text, or all the attempts that have failed.
pub(crate) type Fetched = Result<Bytes, RetryError<FetchError>>;

/// Fetches documents from one server. It keeps connections for the next request. A clone is the same client.
#[derive(Clone)]
pub(crate) struct Client(Rc<Inner>);

struct Inner {
    server: SocketAddr,
    policy: Policy,
    executor: OnLoop,
    idle: RefCell<Vec<SendRequest<Empty<Bytes>>>>,
    failures: Emitter<FetchError>,
}

impl Client {
    /// A client of this server, without connections.
    pub(crate) fn new(server: SocketAddr, policy: Policy) -> Self {
        let executor = OnLoop(EventLoop::of_thread().local_spawner());
        Self(Rc::new(Inner { server, policy, executor, idle: RefCell::default(), failures: Emitter::new() }))
    }

    /// Has `listener` called with every attempt that fails.
    pub(crate) fn on_failure(&self, listener: impl Fn(&FetchError) + 'static) {
        self.0.failures.on(listener);
    }

    /// Fetches all these documents. What cannot be had is among the results, which have the order of the paths.
    ///
    /// When `signal` is aborted, what is under way ends, and nothing else begins.
    pub(crate) fn fetch_all(
        &self,
        paths: Vec<String>,
        signal: &AbortSignal,
        progress: impl FnMut(Progress) + 'static,
    ) -> Promise<Vec<Fetched>, Infallible> {
        let (client, signal) = (self.clone(), signal.clone());
        with_progress(progress)
            .map_all(paths, self.0.policy.concurrency, move |path| client.fetch(path, &signal).map(Ok).recover(Err))
    }

    /// Fetches one document, in several attempts if need be. At the end of an attempt's time, or of the whole, its connection is
    /// closed.
    pub(crate) fn fetch(&self, path: String, signal: &AbortSignal) -> Promise<Bytes, RetryError<FetchError>> {
        let (client, failing) = (self.clone(), self.clone());
        Retry::after(self.0.policy.pauses())
            .when(FetchError::is_transient)
            .timeout(self.0.policy.timeout)
            .abortable(signal)
            .on_failure(move |failed, _next| _ = failing.0.failures.emit(&failed.error))
            .run(move |attempt| {
                let (client, path) = (client.clone(), path.clone());
                attempt.signal.spawn(async move { client.0.get(&path).await })
            })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("server", &self.0.server).finish_non_exhaustive()
    }
}

impl Inner {
    async fn get(&self, path: &str) -> Result<Bytes, FetchError> {
        let request = Request::get(path).header(HOST, self.server.to_string());
        let request = request.body(Empty::new()).expect("it is a valid head");
        let mut connection = self.connection().await?;
        let response = connection.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        self.idle.borrow_mut().push(connection);
        if status.is_success() { Ok(body) } else { Err(FetchError::Status(status)) }
    }

    /// A connection that waits for a request, or a new one.
    async fn connection(&self) -> Result<SendRequest<Empty<Bytes>>, FetchError> {
        loop {
            let Some(mut connection) = self.idle.borrow_mut().pop() else { break };
            if connection.ready().await.is_ok() {
                return Ok(connection);
            }
        }
        let stream = TcpStream::connect(self.server).await.map_err(FetchError::Connect)?;
        let (sender, connection) = handshake(FuturesIo::new(stream)).await?;
        // It ends when the sender is dropped. What goes wrong with it, the request says, too.
        self.executor.execute(async { _ = connection.await });
        Ok(sender)
    }
}

//! The server: documents over HTTP/1.1, on a thread of its own. It misbehaves, on purpose and by a seed.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::iter;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use async_net::{TcpListener, TcpStream};
use futures::stream::{self, LocalBoxStream, Stream, StreamExt};
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::CONTENT_LENGTH;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use smol_hyper::rt::{FuturesIo, SmolTimer};
use socket2::SockRef;
use thenable::{Call, Promise, Worker, WorkerError, WorkerExit, delay};

/// How long the server takes when it is slow.
const SLOW: Duration = Duration::from_secs(20);

/// What a request may meet with instead of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The answer takes so long that nobody waits for it.
    Slow,
    /// The answer is an error with this status.
    Status(StatusCode),
    /// The connection is reset in the middle of the document.
    Reset,
}

/// For each document the troubles that the first requests for it meet with. After those it is served.
pub(crate) type Script = Vec<VecDeque<Trouble>>;

/// A script in which half of the documents come at the first request, a quarter each after one trouble and after two.
pub(crate) fn random_script(documents: usize, seed: u64) -> Script {
    let mut random = fastrand::Rng::with_seed(seed);
    let kinds = [
        Trouble::Slow,
        Trouble::Status(StatusCode::INTERNAL_SERVER_ERROR),
        Trouble::Status(StatusCode::SERVICE_UNAVAILABLE),
        Trouble::Reset,
    ];
    let mut troubles = || {
        let count = random.usize(..4).saturating_sub(1);
        iter::repeat_with(|| kinds[random.usize(..kinds.len())]).take(count).collect()
    };
    (0..documents).map(|_| troubles()).collect()
}

/// What a server has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Visits {
    /// How many connections it has accepted.
    pub(crate) connections: usize,
    /// How many of them are open.
    pub(crate) open: usize,
    /// How many requests have come.
    pub(crate) requests: usize,
}

/// A server on a thread of its own: a worker.
pub(crate) struct Server {
    worker: Worker<Call<(), Visits>>,
    address: SocketAddr,
}

impl Server {
    /// Starts it, on a port that the system chooses.
    ///
    /// # Errors
    ///
    /// If there is no such port.
    pub(crate) fn start(script: Script) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let worker = Worker::spawn(move |port| {
            let desk = Rc::new(Desk { script: RefCell::new(script), visits: Cell::default() });
            let asked = desk.clone();
            port.on_message(move |call: Call<(), Visits>| call.answer(|()| Ok(asked.visits.get())));
            // If it fails, the worker ends with the error, and so does whoever waits for it.
            Promise::<(), io::Error>::spawn(accept(listener, desk));
        });
        Ok(Self { worker, address })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has seen so far.
    pub(crate) fn visits(&self) -> Promise<Visits, WorkerError> {
        self.worker.call(())
    }

    /// What it has seen when all connections are closed.
    pub(crate) fn when_left(&self) -> Promise<Visits, WorkerError> {
        let worker = self.worker.clone();
        self.visits().then_async(async move |mut visits| {
            while visits.open > 0 {
                delay::<WorkerError>(Duration::from_millis(5)).await?;
                visits = worker.call(()).await?;
            }
            Ok(visits)
        })
    }

    /// Ends it, with all its connections.
    pub(crate) fn stop(&self) -> Promise<WorkerExit, WorkerError> {
        self.worker.terminate()
    }
}

/// The text of a document.
pub(crate) fn document(number: usize) -> String {
    format!("This is document {number}.\n").repeat(1 + number % 97)
}

type Body = StreamBody<LocalBoxStream<'static, io::Result<Frame<Bytes>>>>;

/// What the connections share.
struct Desk {
    script: RefCell<Script>,
    visits: Cell<Visits>,
}

impl Desk {
    fn count(&self, change: impl FnOnce(&mut Visits)) {
        let mut visits = self.visits.get();
        change(&mut visits);
        self.visits.set(visits);
    }
}

async fn accept(listener: std::net::TcpListener, desk: Rc<Desk>) -> io::Result<()> {
    let listener = TcpListener::try_from(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        Promise::<(), Infallible>::spawn(serve(stream, desk.clone()));
    }
}

async fn serve(stream: TcpStream, desk: Rc<Desk>) {
    desk.count(|visits| {
        visits.connections += 1;
        visits.open += 1;
    });
    let socket = stream.clone();
    let service = service_fn(|request| {
        let (desk, socket) = (desk.clone(), socket.clone());
        async move { Ok::<_, Infallible>(answer(&desk, socket, &request).await) }
    });
    // Clients that have gone, and resets, are what it is about.
    let _ = http1::Builder::new().timer(SmolTimer::new()).serve_connection(FuturesIo::new(stream), service).await;
    drop(socket);
    desk.count(|visits| visits.open -= 1);
}

async fn answer(desk: &Desk, socket: TcpStream, request: &Request<Incoming>) -> Response<Body> {
    desk.count(|visits| visits.requests += 1);
    let name = request.uri().path().strip_prefix("/documents/");
    let Some(number) = name.and_then(|name| name.parse::<usize>().ok()) else {
        return error(StatusCode::NOT_FOUND);
    };
    let trouble = match desk.script.borrow_mut().get_mut(number) {
        Some(troubles) => troubles.pop_front(),
        None => return error(StatusCode::NOT_FOUND),
    };
    // Documents take a different time each.
    pause(Duration::from_millis(1 + number as u64 % 8)).await;
    let text = document(number);
    match trouble {
        None => response(StatusCode::OK, text.len(), stream::iter([Ok(frame(text))])),
        Some(Trouble::Status(status)) => error(status),
        Some(Trouble::Slow) => {
            pause(SLOW).await;
            response(StatusCode::OK, text.len(), stream::iter([Ok(frame(text))]))
        }
        Some(Trouble::Reset) => {
            let half = frame(text[..text.len() / 2].to_owned());
            let reset = stream::once(async move { Err(reset(&socket).await) });
            response(StatusCode::OK, text.len(), stream::iter([Ok(half)]).chain(reset))
        }
    }
}

fn error(status: StatusCode) -> Response<Body> {
    response(status, 0, stream::empty())
}

fn response(
    status: StatusCode,
    length: usize,
    frames: impl Stream<Item = io::Result<Frame<Bytes>>> + 'static,
) -> Response<Body> {
    let response = Response::builder().status(status).header(CONTENT_LENGTH, length);
    response.body(StreamBody::new(frames.boxed_local())).expect("it is a valid head")
}

fn frame(text: String) -> Frame<Bytes> {
    Frame::data(text.into())
}

/// Has the connection reset when it is dropped, which the error sees to.
async fn reset(socket: &TcpStream) -> io::Error {
    // So that the half of the document is on its way.
    pause(Duration::from_millis(2)).await;
    let lingering = SockRef::from(socket).set_linger(Some(Duration::ZERO));
    lingering.err().unwrap_or_else(|| io::ErrorKind::ConnectionReset.into())
}

async fn pause(duration: Duration) {
    let Ok(()) = delay::<Infallible>(duration).await;
}

//! An HTTP/1.1 server on the loop, which ends cleanly.

use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;

use async_net::{TcpListener, TcpStream};
use futures::StreamExt;
use futures::channel::mpsc;
use futures::future::{Either, select};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::rt::Executor;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use smol_hyper::rt::{FuturesIo, SmolTimer};
use thenable::Promise;

use crate::executor::OnLoop;

/// What asks for the end: a promise that is fulfilled then.
pub type Shutdown = Promise<(), Infallible>;

/// Serves HTTP/1.1 with keep-alive on `listener` until `shutdown` is fulfilled: each connection is a task of the loop.
///
/// After that nothing is accepted any more. Requests that are under way are answered, and connections without one are
/// closed; when the last is, the future is ready. Returns how many connections there have been.
///
/// # Errors
///
/// If the listener fails.
pub async fn serve<A>(
    listener: TcpListener,
    executor: OnLoop,
    shutdown: Shutdown,
    answer: impl AsyncFn(Request<Incoming>) -> Response<A> + 'static,
) -> std::io::Result<usize>
where
    A: hyper::body::Body<Data = Bytes, Error = Infallible> + 'static,
{
    let answer = Rc::new(answer);
    // Each connection holds a sender; when the last has gone, the receiver is at its end.
    let (alive, mut all) = mpsc::channel::<Infallible>(0);
    let mut accepted = 0;
    loop {
        let stream = match select(pin!(listener.accept()), shutdown.clone()).await {
            Either::Left((connection, _)) => connection?.0,
            Either::Right(_) => break,
        };
        accepted += 1;
        let (answer, shutdown, alive) = (answer.clone(), shutdown.clone(), alive.clone());
        executor.execute(async move {
            // A client that breaks the connection off does not concern the others.
            let _ = connection(stream, answer, shutdown).await;
            drop(alive);
        });
    }
    drop((listener, alive));
    let None = all.next().await;
    Ok(accepted)
}

async fn connection<A>(
    stream: TcpStream,
    answer: Rc<impl AsyncFn(Request<Incoming>) -> Response<A> + 'static>,
    shutdown: Shutdown,
) -> hyper::Result<()>
where
    A: hyper::body::Body<Data = Bytes, Error = Infallible> + 'static,
{
    let service = service_fn(move |request| {
        let answer = answer.clone();
        async move { Ok::<_, Infallible>(answer(request).await) }
    });
    let serving = http1::Builder::new().timer(SmolTimer::new()).serve_connection(FuturesIo::new(stream), service);
    let mut serving = pin!(serving);
    if let Either::Left((result, _)) = select(serving.as_mut(), shutdown).await {
        return result;
    }
    serving.as_mut().graceful_shutdown();
    serving.await
}

/// A body of one piece.
pub fn text(text: impl Into<Bytes>) -> Full<Bytes> {
    Full::new(text.into())
}

//! The runtimes, seen alike.

use std::cell::RefCell;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

/// A future of this thread.
pub(crate) type Local<T> = Pin<Box<dyn Future<Output = T>>>;

/// A runtime that the loop can be a guest of.
pub(crate) trait Host {
    /// Runs a future to its end, on this thread, with the runtime's timers, tasks and sockets at hand.
    fn block_on<F: Future>(future: F) -> F::Output;

    /// What makes a sleep of the runtime's own. It is given to the loop.
    fn sleep(duration: Duration) -> impl Future + 'static;

    /// Spawns a task of the runtime, on this thread. Returns what waits for its end.
    fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Local<T>;

    /// Accepts one connection on a socket of the runtime, and sends back what comes, until the other end closes.
    fn echo_once() -> (SocketAddr, Local<()>);

    /// Connects a socket of the runtime, sends a text, closes, and reads what comes back.
    fn send(address: SocketAddr, text: &'static str) -> Local<String>;
}

mod tokio_sockets {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
    use tokio::net::{TcpListener, TcpStream};

    pub(super) fn echo_once() -> (SocketAddr, Local<()>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap();
        let echo = async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut read, mut write) = stream.split();
            copy(&mut read, &mut write).await.unwrap();
        };
        (address, Box::pin(echo))
    }

    pub(super) fn send(address: SocketAddr, text: &'static str) -> Local<String> {
        Box::pin(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        })
    }
}

fn tokio_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A future that a current-thread runtime blocks on. Its tasks are those of a `LocalSet` inside.
pub(crate) struct TokioBlockOn;
/// A task of a `LocalSet`.
pub(crate) struct TokioLocalSet;
/// A task of a `LocalRuntime`.
pub(crate) struct TokioLocalRuntime;
/// A future that smol blocks on. Its tasks are those of a `LocalExecutor`.
pub(crate) struct Smol;

macro_rules! on_tokio {
    () => {
        fn sleep(duration: Duration) -> impl Future + 'static {
            tokio::time::sleep(duration)
        }

        fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Local<T> {
            let task = tokio::task::spawn_local(future);
            Box::pin(async { task.await.unwrap() })
        }

        fn echo_once() -> (SocketAddr, Local<()>) {
            tokio_sockets::echo_once()
        }

        fn send(address: SocketAddr, text: &'static str) -> Local<String> {
            tokio_sockets::send(address, text)
        }
    };
}

impl Host for TokioBlockOn {
    fn block_on<F: Future>(future: F) -> F::Output {
        // The future itself is polled by `block_on`, beside the set that has the tasks.
        let tasks = tokio::task::LocalSet::new();
        tokio_runtime().block_on(tasks.run_until(future))
    }

    on_tokio!();
}

impl Host for TokioLocalSet {
    fn block_on<F: Future>(future: F) -> F::Output {
        let tasks = Rc::new(tokio::task::LocalSet::new());
        let inside = tasks.clone();
        tokio_runtime().block_on(async move { inside.run_until(as_task(future)).await })
    }

    on_tokio!();
}

impl Host for TokioLocalRuntime {
    fn block_on<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default())
            .unwrap();
        runtime.block_on(as_task(future))
    }

    on_tokio!();
}

/// Gives way to the tasks before and after.
async fn as_task<F: Future>(future: F) -> F::Output {
    tokio::task::yield_now().await;
    let output = future.await;
    tokio::task::yield_now().await;
    output
}

thread_local! {
    static TASKS: RefCell<Option<Rc<smol::LocalExecutor<'static>>>> = const { RefCell::new(None) };
}

impl Host for Smol {
    fn block_on<F: Future>(future: F) -> F::Output {
        let tasks = Rc::new(smol::LocalExecutor::new());
        TASKS.set(Some(tasks.clone()));
        let output = smol::block_on(tasks.run(future));
        TASKS.take();
        output
    }

    fn sleep(duration: Duration) -> impl Future + 'static {
        smol::Timer::after(duration)
    }

    fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Local<T> {
        let task = TASKS.with_borrow(|tasks| tasks.as_ref().expect("it runs").spawn(future));
        Box::pin(task)
    }

    fn echo_once() -> (SocketAddr, Local<()>) {
        let listener = smol::Async::<std::net::TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
        let address = listener.get_ref().local_addr().unwrap();
        let echo = async move {
            let (stream, _) = listener.accept().await.unwrap();
            smol::io::copy(&stream, &mut &stream).await.unwrap();
        };
        (address, Box::pin(echo))
    }

    fn send(address: SocketAddr, text: &'static str) -> Local<String> {
        use smol::io::{AsyncReadExt, AsyncWriteExt};

        Box::pin(async move {
            let mut stream = smol::Async::<std::net::TcpStream>::connect(address).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            stream.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        })
    }
}

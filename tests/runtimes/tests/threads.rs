//! How many threads there are when the loop serves sockets (feature `io`), and on which the reactor is polled. One test: a
//! process of its own.
#![cfg(target_os = "linux")]

use std::fs;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

use async_net::{TcpListener, TcpStream};
use futures::{AsyncReadExt, AsyncWriteExt};
use thenable::{Promise, block_on, delay};

type P<T> = Promise<T, std::io::Error>;

/// The names of the threads of the process.
fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| fs::read_to_string(entry.unwrap().path().join("comm")).unwrap();
    let mut names: Vec<_> = tasks.map(|entry| name(entry).trim_end().to_owned()).collect();
    names.sort();
    names
}

/// Passes a wake on, and notes which thread it came from.
struct Noting {
    waker: Waker,
    seen: Arc<Mutex<Vec<ThreadId>>>,
}

impl Wake for Noting {
    fn wake(self: Arc<Self>) {
        self.seen.lock().unwrap().push(thread::current().id());
        self.waker.wake_by_ref();
    }
}

/// Polls `future` with a waker that notes who wakes it.
async fn noting<F: Future>(future: F, seen: Arc<Mutex<Vec<ThreadId>>>) -> F::Output {
    let mut future = Box::pin(future);
    poll_fn(move |context| {
        let waker = Waker::from(Arc::new(Noting { waker: context.waker().clone(), seen: seen.clone() }));
        future.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await
}

async fn ping_pong(rounds: u32) -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let echo = P::<()>::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut byte = [0];
        while stream.read(&mut byte).await? > 0 {
            stream.write_all(&byte).await?;
        }
        Ok(())
    });
    let mut stream = TcpStream::connect(address).await?;
    for _ in 0..rounds {
        stream.write_all(b"x").await?;
        stream.read_exact(&mut [0]).await?;
    }
    drop(stream);
    echo.await
}

#[test]
fn the_loop_starts_no_thread_and_polls_the_reactor_on_its_own() {
    const ROUNDS: u32 = 2000;

    static BLOCKED: AtomicUsize = AtomicUsize::new(0);

    let before = threads();
    // Timers and messages of other threads need no reactor.
    block_on(async { delay::<()>(Duration::from_millis(2)).await }).unwrap();
    let (promise, resolver) = Promise::<u32, ()>::remote();
    thread::spawn(move || resolver.resolve(1).unwrap()).join().unwrap();
    assert_eq!(block_on(promise), Ok(1));
    assert_eq!(threads(), before, "nobody has used a socket yet");

    let seen = Arc::new(Mutex::new(Vec::new()));
    block_on(noting(
        async {
            ping_pong(ROUNDS).await?;
            BLOCKED.store(threads().len(), Ordering::SeqCst);
            Ok::<_, std::io::Error>(())
        },
        seen.clone(),
    ))
    .unwrap();
    // The one thread more is started by `async-io` itself, in any process that touches its reactor, as a fallback for when
    // no thread polls it.
    let mut expected = before;
    expected.push("async-io".to_owned());
    expected.sort();
    assert_eq!(threads(), expected);
    assert_eq!(BLOCKED.load(Ordering::SeqCst), expected.len());

    let seen = seen.lock().unwrap();
    let own = seen.iter().filter(|id| **id == thread::current().id()).count();
    println!("{own} of {} wakes were on the loop's own thread", seen.len());
    assert!(seen.len() >= ROUNDS as usize / 2);
    assert!(own * 10 >= seen.len() * 9, "{own} of {} wakes were on the loop's own thread", seen.len());
}

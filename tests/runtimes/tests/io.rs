//! Sockets of `async-net` on the loop (feature `io`).

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use async_net::{TcpListener, TcpStream, UdpSocket};
use futures::future::join_all;
use futures::{AsyncReadExt, AsyncWriteExt};
use thenable::{EventLoop, Promise, block_on, delay, immediate, next_tick, queue_microtask, run, set_immediate};

type P<T> = Promise<T, std::io::Error>;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Sends back what comes, until the other end closes.
async fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length]).await?;
    }
}

async fn listen(connections: usize) -> std::io::Result<(std::net::SocketAddr, P<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = P::spawn(async move {
        let mut all = Vec::new();
        for _ in 0..connections {
            let (stream, _) = listener.accept().await?;
            all.push(P::spawn(echo(stream)));
        }
        Promise::all(all).await.map(drop)
    });
    Ok((address, serving))
}

async fn ask(stream: &mut TcpStream, text: &str) -> std::io::Result<String> {
    stream.write_all(text.as_bytes()).await?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).await?;
    Ok(String::from_utf8(answer).unwrap())
}

#[test]
fn two_hundred_connections_at_once_in_a_run() {
    let answers = Rc::new(Cell::new(0));
    let count = answers.clone();
    run(move || {
        P::<()>::spawn(async move {
            let (address, serving) = listen(200).await?;
            let clients = (0..200).map(|n| {
                let count = count.clone();
                P::<()>::spawn(async move {
                    let mut stream = TcpStream::connect(address).await?;
                    for round in 0..5 {
                        let text = format!("client {n}, round {round}");
                        assert_eq!(ask(&mut stream, &text).await?, text);
                        count.set(count.get() + 1);
                    }
                    Ok(())
                })
            });
            Promise::all(clients).await?;
            serving.await
        });
    })
    .unwrap();
    assert_eq!(answers.get(), 1000);
}

#[test]
fn datagrams() {
    block_on(async {
        let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
        let to = b.local_addr()?;
        let sent = P::<usize>::spawn(async move {
            delay::<std::io::Error>(ms(2)).await?;
            a.send_to(b"tea", to).await
        });
        let mut buffer = [0; 8];
        let (length, _) = b.recv_from(&mut buffer).await?;
        assert_eq!((&buffer[..length], sent.await?), (&b"tea"[..], 3));
        Ok::<_, std::io::Error>(())
    })
    .unwrap();
}

#[test]
fn timers_and_sockets_together() {
    let start = Instant::now();
    block_on(async {
        let (address, serving) = listen(1).await?;
        let mut stream = TcpStream::connect(address).await?;
        for n in 0..5 {
            delay::<std::io::Error>(ms(4)).await?;
            assert_eq!(ask(&mut stream, "beat").await?, "beat", "{n}");
        }
        drop(stream);
        serving.await
    })
    .unwrap();
    assert!(start.elapsed() >= ms(20));
}

#[test]
fn a_loop_that_is_always_busy_polls_its_sockets() {
    fn busy(done: Rc<Cell<bool>>, turns: Rc<Cell<u32>>) {
        turns.set(turns.get() + 1);
        if !done.get() {
            set_immediate(move || busy(done, turns));
        }
    }

    let done = Rc::new(Cell::new(false));
    let turns = Rc::new(Cell::new(0));
    let (flag, count) = (done.clone(), turns.clone());
    run(move || {
        busy(flag.clone(), count);
        P::<()>::spawn(async move {
            let (address, serving) = listen(1).await?;
            let mut stream = TcpStream::connect(address).await?;
            for _ in 0..10 {
                ask(&mut stream, "while it is busy").await?;
            }
            drop(stream);
            serving.await?;
            flag.set(true);
            Ok(())
        });
    })
    .unwrap();
    assert!(done.get());
    assert!(turns.get() > 10);
}

#[test]
fn what_a_socket_wakes_is_a_macrotask_of_its_own() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let lines = log.clone();
    block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut ends = Vec::new();
        let mut readers = Vec::new();
        for _ in 0..3 {
            ends.push(std::net::TcpStream::connect(listener.local_addr()?)?);
            let (mut stream, _) = listener.accept().await?;
            let lines = lines.clone();
            readers.push(P::<()>::spawn(async move {
                stream.read_exact(&mut [0; 1]).await?;
                lines.borrow_mut().push("read");
                let (microtask, tick) = (lines.clone(), lines.clone());
                queue_microtask(move || microtask.borrow_mut().push("microtask"));
                next_tick(move || tick.borrow_mut().push("tick"));
                Ok(())
            }));
        }
        immediate::<std::io::Error>().await?;
        // All are ready by the time that the reactor is asked.
        for end in &mut ends {
            std::io::Write::write_all(end, b"x")?;
        }
        thread::sleep(ms(20));
        Promise::all(readers).await.map(drop)
    })
    .unwrap();
    assert_eq!(*log.borrow(), ["read", "microtask", "tick"].repeat(3));
}

#[test]
fn a_virtual_clock_waits_for_a_socket() {
    let clock = EventLoop::builder().virtual_clock().build();
    let answer = clock.block_on(async {
        let (address, serving) = listen(1).await?;
        let mut stream = TcpStream::connect(address).await?;
        let answer = ask(&mut stream, "no time passes").await?;
        drop(stream);
        serving.await?;
        Ok::<_, std::io::Error>(answer)
    });
    assert_eq!((answer.unwrap().as_str(), clock.now()), ("no time passes", Duration::ZERO));
}

#[test]
fn a_loop_inside_a_callback_of_another() {
    let answers = block_on(async {
        let (address, serving) = listen(2).await?;
        let mut outer = TcpStream::connect(address).await?;
        let first = ask(&mut outer, "outer").await?;
        // Another thread answers while this one is blocked in the inner loop.
        let second = thread::spawn(move || {
            EventLoop::new().block_on(async move {
                let (address, serving) = listen(1).await?;
                let mut stream = TcpStream::connect(address).await?;
                let answer = ask(&mut stream, "elsewhere").await?;
                drop(stream);
                serving.await?;
                Ok::<_, std::io::Error>(answer)
            })
        });
        let inner = EventLoop::new().block_on(async {
            let (address, serving) = listen(1).await?;
            let mut stream = TcpStream::connect(address).await?;
            let answer = ask(&mut stream, "inner").await?;
            drop(stream);
            serving.await?;
            Ok::<_, std::io::Error>(answer)
        })?;
        let mut again = TcpStream::connect(address).await?;
        let third = ask(&mut again, "outer again").await?;
        drop((outer, again));
        serving.await?;
        Ok::<_, std::io::Error>([first, inner, second.join().unwrap()?, third])
    });
    assert_eq!(answers.unwrap(), ["outer", "inner", "elsewhere", "outer again"]);
}

#[test]
fn loops_of_several_threads_share_the_reactor() {
    let threads: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(|| {
                block_on(async {
                    let (address, serving) = listen(10).await?;
                    let clients = join_all((0..10).map(async |_| {
                        let mut stream = TcpStream::connect(address).await?;
                        for _ in 0..10 {
                            ask(&mut stream, "shared").await?;
                        }
                        Ok::<_, std::io::Error>(())
                    }));
                    for client in clients.await {
                        client?;
                    }
                    serving.await
                })
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap().unwrap();
    }
}

#[test]
fn a_panic_in_a_callback_leaves_the_reactor_usable() {
    for _ in 0..3 {
        let panicked = std::panic::catch_unwind(|| {
            run(|| {
                P::<()>::spawn(async {
                    let (address, _serving) = listen(1).await?;
                    let mut stream = TcpStream::connect(address).await?;
                    ask(&mut stream, "before").await?;
                    queue_microtask(|| panic!("in a callback"));
                    std::future::pending::<std::io::Result<()>>().await
                });
            })
        });
        assert!(panicked.is_err());
        let answer = EventLoop::new().block_on(async {
            let (address, _serving) = listen(1).await?;
            let mut stream = TcpStream::connect(address).await?;
            ask(&mut stream, "after").await
        });
        assert_eq!(answer.unwrap(), "after");
    }
}

#[test]
fn nothing_of_a_task_runs_on_another_thread() {
    let own = thread::current().id();
    let seen: Vec<ThreadId> = block_on(async {
        let (address, serving) = listen(1).await?;
        let mut stream = TcpStream::connect(address).await?;
        let mut seen = Vec::new();
        for n in 0..20 {
            // Pauses, after which the fallback thread of async-io may be the one that sees the event.
            if n % 5 == 0 {
                delay::<std::io::Error>(ms(30)).await?;
            }
            ask(&mut stream, "where").await?;
            seen.push(thread::current().id());
        }
        drop(stream);
        serving.await?;
        Ok::<_, std::io::Error>(seen)
    })
    .unwrap();
    assert_eq!(seen, vec![own; 20]);
}

//! HTTP on hyper, on the loop: its executor is the spawner, its sockets are served on the loop's thread.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use async_net::{TcpListener, TcpStream};
use http_body_util::{BodyExt, Collected, Full};
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{Request, Response};
use smol_hyper::rt::FuturesIo;
use thenable::{EventLoop, Promise, delay};
use thenable_runtimes::executor::OnLoop;
use thenable_runtimes::http::{Shutdown, serve, text};

const CONNECTIONS: usize = 400;
const REQUESTS: usize = 5;

type P<T> = Promise<T, String>;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn failed(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Asks `REQUESTS` times on one connection of hyper's client.
async fn client(address: SocketAddr, n: usize, executor: OnLoop) -> Result<usize, String> {
    let stream = TcpStream::connect(address).await.map_err(failed)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(FuturesIo::new(stream)).await.map_err(failed)?;
    hyper::rt::Executor::execute(&executor, async { connection.await.expect("the server is polite") });
    for round in 0..REQUESTS {
        let request = Request::get(format!("/{n}/{round}")).header("host", "localhost").body(Full::<Bytes>::default());
        let response = sender.send_request(request.map_err(failed)?).await.map_err(failed)?;
        let body = response.into_body().collect().await.map_err(failed)?.to_bytes();
        assert_eq!(body, format!("answer to /{n}/{round}"));
    }
    Ok(REQUESTS)
}

#[test]
fn four_hundred_connections_at_once_on_one_thread() {
    let event_loop = EventLoop::new();
    let executor = OnLoop(event_loop.local_spawner());
    let (accepted, answered) = event_loop.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, end, _) = Shutdown::with_resolvers();
        let server = P::spawn({
            let executor = executor.clone();
            async move {
                // Nobody is answered before everybody has asked.
                let (all_have_asked, resolve, _) = Promise::<(), String>::with_resolvers();
                let asked = Cell::new(0);
                let answer = async move |request: Request<_>| {
                    asked.set(asked.get() + 1);
                    if asked.get() == CONNECTIONS {
                        resolve(());
                    }
                    all_have_asked.clone().await.unwrap();
                    Response::new(text(format!("answer to {}", request.uri())))
                };
                serve(listener, executor, shutdown, answer).await.map_err(failed)
            }
        });
        let clients = (0..CONNECTIONS).map(|n| P::spawn(client(address, n, executor.clone())));
        let answered: usize = Promise::all(clients).await.unwrap().into_iter().sum();
        end(());
        (server.await.unwrap(), answered)
    });
    assert_eq!((accepted, answered), (CONNECTIONS, CONNECTIONS * REQUESTS), "each connection was kept alive");
    event_loop.run(|| ()).unwrap();
    assert_eq!(event_loop.pending(), thenable::Pending::default(), "nothing is left");
}

/// Reads an answer: its head, and its body.
fn read_answer(reader: &mut impl BufRead) -> std::io::Result<(String, String)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((head, String::from_utf8(body).unwrap()))
}

#[test]
fn clients_in_other_threads_and_a_clean_end() {
    const THREADS: usize = 4;
    const EACH: usize = 75;

    let event_loop = EventLoop::new();
    let executor = OnLoop(event_loop.local_spawner());
    let (accepted, refused) = event_loop.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, end, _) = Shutdown::with_resolvers();
        let end = RefCell::new(Some(end));
        let slow = Rc::new(Cell::new(0));
        let (waiting, asked_to_end) = (slow.clone(), shutdown.clone());
        let answer = async move |request: Request<_>| {
            if request.uri() == "/slow" {
                slow.set(slow.get() + 1);
                let Ok(()) = asked_to_end.clone().await;
                delay::<()>(ms(5)).await.unwrap();
            }
            Response::new(text(format!("answer to {}", request.uri())))
        };
        let server = P::spawn({
            let executor = executor.clone();
            async move { serve(listener, executor, shutdown, answer).await.map_err(failed) }
        });
        let clients: Vec<_> = (0..THREADS)
            .map(|_| {
                let (promise, resolver) = Promise::<(usize, usize), String>::remote();
                thread::spawn(move || resolver.resolve(raw_clients(address, EACH)).unwrap());
                promise
            })
            .collect();
        // The end is asked for when every thread has a slow request under way.
        while waiting.get() < THREADS {
            delay::<()>(ms(1)).await.unwrap();
        }
        let ask_for_the_end = end.take().unwrap();
        ask_for_the_end(());
        let accepted = server.await.unwrap();
        let answers = Promise::all(clients).await.unwrap();
        assert_eq!(answers, [(EACH * 3 + 1, EACH); THREADS]);
        (accepted, std::net::TcpStream::connect(address))
    });
    assert_eq!(accepted, THREADS * EACH, "three requests and more on each connection");
    assert!(refused.is_err(), "nobody listens any more");
    event_loop.run(|| ()).unwrap();
    assert_eq!(event_loop.pending(), thenable::Pending::default());
}

/// Opens `count` connections, asks three times on each of them in turn, and then, on the first, a slow question, which is
/// under way when the server is asked to end. Returns how many answers came, and how many connections were closed.
fn raw_clients(address: SocketAddr, count: usize) -> (usize, usize) {
    let streams: Vec<_> = (0..count).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    let mut readers: Vec<_> = streams.into_iter().map(BufReader::new).collect();
    let mut answers = 0;
    for round in 0..3 {
        for reader in &mut readers {
            write!(reader.get_mut(), "GET /{round} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        }
        for reader in &mut readers {
            let (head, body) = read_answer(reader).unwrap();
            assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
            assert_eq!(body, format!("answer to /{round}"));
            answers += 1;
        }
    }
    write!(readers[0].get_mut(), "GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let (head, body) = read_answer(&mut readers[0]).unwrap();
    assert_eq!(body, "answer to /slow", "what is under way is answered");
    assert!(head.contains("connection: close"), "{head}");
    answers += 1;
    let closed =
        readers.iter_mut().filter_map(|reader| reader.read(&mut [0]).ok()).filter(|length| *length == 0).count();
    (answers, closed)
}

#[test]
fn http_2_spawns_its_streams_through_the_executor() {
    let event_loop = EventLoop::new();
    let executor = OnLoop(event_loop.local_spawner());
    let bodies = event_loop.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = executor.clone();
        let serving = P::<()>::spawn(async move {
            let (stream, _) = listener.accept().await.map_err(failed)?;
            let service = service_fn(async |request: Request<_>| {
                delay::<()>(ms(2)).await.unwrap();
                Ok::<_, Infallible>(Response::new(text(format!("stream {}", request.uri().path()))))
            });
            let connection = hyper::server::conn::http2::Builder::new(server);
            connection.serve_connection(FuturesIo::new(stream), service).await.map_err(failed)
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let handshake = hyper::client::conn::http2::handshake(executor.clone(), FuturesIo::new(stream));
        let (sender, connection) = handshake.await.unwrap();
        hyper::rt::Executor::execute(&executor, async { connection.await.unwrap() });
        let asks = (0..20).map(|n| {
            let mut sender = sender.clone();
            P::spawn(async move {
                let request = Request::get(format!("http://localhost/{n}")).body(Full::<Bytes>::default());
                let response = sender.send_request(request.map_err(failed)?).await.map_err(failed)?;
                response.into_body().collect().await.map_err(failed).map(Collected::to_bytes)
            })
        });
        let bodies = Promise::all(asks).await.unwrap();
        drop(sender);
        serving.await.unwrap();
        bodies
    });
    assert_eq!(bodies, (0..20).map(|n| Bytes::from(format!("stream /{n}"))).collect::<Vec<_>>());
}

//! An HTTP/1.1 server on hyper. The loop is its executor, and serves its sockets on its own thread (feature `io`).
//!
//! It asks itself a few questions on one connection that is kept alive, and then ends cleanly. With an address as its
//! argument it serves that for ever: `cargo run -p thenable-runtimes --example http_server -- 127.0.0.1:8080`.

use std::cell::Cell;
use std::error::Error;
use std::time::Duration;

use async_net::{TcpListener, TcpStream};
use futures::{AsyncReadExt, AsyncWriteExt};
use hyper::Response;
use thenable::{EventLoop, Promise, delay};
use thenable_runtimes::executor::OnLoop;
use thenable_runtimes::http::{Shutdown, serve, text};

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let event_loop = EventLoop::of_thread();
    let executor = OnLoop(event_loop.local_spawner());
    let served = event_loop.block_on(async {
        let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
        let own = listener.local_addr()?;
        println!("listening on http://{own}");

        let (shutdown, end, _) = Shutdown::with_resolvers();
        let count = Cell::new(0);
        let server = serve(listener, executor, shutdown, async move |request| {
            count.set(count.get() + 1);
            delay::<()>(Duration::from_millis(2)).await.expect("it is never rejected");
            Response::new(text(format!("request {} was for {}\n", count.get(), request.uri())))
        });
        if address.is_some() {
            return server.await;
        }
        Promise::<(), String>::spawn(async move {
            let answers = ask(own, &["/tea", "/cup", "/samovar"]).await.map_err(|error| error.to_string())?;
            print!("{answers}");
            assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3);
            assert!(answers.ends_with("request 3 was for /samovar\n"));
            end(());
            Ok(())
        });
        server.await
    })?;
    assert_eq!(served, 1, "all on one connection");
    println!("served {served} connection, and nothing is left: {:?}", event_loop.pending());
    Ok(())
}

/// Asks all the questions on one connection, the last with the wish to close it.
async fn ask(server: std::net::SocketAddr, paths: &[&str]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(server).await?;
    for (index, path) in paths.iter().enumerate() {
        let connection = if index + 1 == paths.len() { "close" } else { "keep-alive" };
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: {connection}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
    }
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await?;
    Ok(answers)
}

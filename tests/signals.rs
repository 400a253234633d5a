//! Signals. Each test runs itself again as a process of its own, which says what happens, and gets real signals.
#![cfg(unix)]

use std::cell::Cell;
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use thenable::{
    EventLoop, Port, Promise, PromiseState, Signal, Worker, block_on, ctrl_c, delay, next_signal, next_tick,
    queue_microtask, run,
};

const ROLE: &str = "THENABLE_SIGNAL_TEST";
const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

/// Whether this is the process that gets the signals.
fn is_child() -> bool {
    env::var_os(ROLE).is_some()
}

/// Says something to the test.
fn say(line: &str) {
    println!("> {line}");
}

/// A process that runs one test of this file.
struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(test: &str) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(ROLE, "child")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// Waits until the process says `line`.
    #[track_caller]
    fn expect(&mut self, line: &str) {
        assert_eq!(self.next_line().as_deref(), Some(line));
    }

    /// What the process says next. The test harness writes lines, too.
    fn next_line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // The harness does not end its own line before the test runs.
            if let Some((_, said)) = line.trim_end().split_once("> ") {
                return Some(said.to_string());
            }
        }
    }

    fn signal(&self, signal: &str) {
        let kill = Command::new("sh").args(["-c", &format!("kill -{signal} {}", self.child.id())]).status();
        assert!(kill.unwrap().success());
    }

    /// Waits for the end. Nothing more is said.
    fn end(mut self) -> ExitStatus {
        assert_eq!(self.next_line(), None);
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Where the test failed it may be running still.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_promise_of_ctrl_c_is_fulfilled_by_it_as_a_macrotask() {
    if is_child() {
        let worker = Worker::spawn(|port: Port<()>| port.on_message(|()| {}));
        run(move || {
            for name in ["first", "second"] {
                let worker = worker.clone();
                ctrl_c()
                    .map(move |()| {
                        say(name);
                        next_tick(move || say("tick"));
                        queue_microtask(|| say("microtask"));
                        if name == "second" {
                            // Until then it keeps the loop going: each promise hears of the signal in a message of its own.
                            worker.close();
                        }
                    })
                    .catch(|error| say(&error.to_string()));
            }
            say("ready");
        })
        .unwrap();
        say("shut down");
        return;
    }
    let mut process = Process::start("a_promise_of_ctrl_c_is_fulfilled_by_it_as_a_macrotask");
    process.expect("ready");
    process.signal("INT");
    for line in ["first", "microtask", "tick", "second", "microtask", "tick", "shut down"] {
        process.expect(line);
    }
    assert!(process.end().success());
}

#[test]
fn a_promise_of_a_signal_does_not_keep_the_loop_going() {
    if is_child() {
        run(|| {
            ctrl_c().map(|()| say("never"));
        })
        .unwrap();
        say("returned");
        return;
    }
    let mut process = Process::start("a_promise_of_a_signal_does_not_keep_the_loop_going");
    process.expect("returned");
    assert!(process.end().success());
}

#[test]
fn block_on_waits_for_a_signal() {
    if is_child() {
        let waiting = ctrl_c();
        say("ready");
        block_on(waiting).unwrap();
        say("heard");
        return;
    }
    let mut process = Process::start("block_on_waits_for_a_signal");
    process.expect("ready");
    process.signal("INT");
    process.expect("heard");
    assert!(process.end().success());
}

#[test]
fn a_signal_that_no_promise_waits_for_ends_the_process() {
    if is_child() {
        let waiting = ctrl_c();
        say("ready");
        block_on(waiting).unwrap();
        say("shutting down");
        // This shutdown hangs.
        block_on(Promise::<(), ()>::remote().0).unwrap_or_else(|()| unreachable!("nobody settles it"));
        loop {
            thread::park();
        }
    }
    let mut process = Process::start("a_signal_that_no_promise_waits_for_ends_the_process");
    process.expect("ready");
    process.signal("INT");
    process.expect("shutting down");
    process.signal("INT");
    assert_eq!(process.end().signal(), Some(SIGINT), "it died of the signal, as in Node");
}

#[test]
fn each_call_waits_for_the_next_signal() {
    if is_child() {
        for n in 1..=3 {
            let waiting = ctrl_c();
            say(&format!("ready {n}"));
            block_on(waiting).unwrap();
        }
        return;
    }
    let mut process = Process::start("each_call_waits_for_the_next_signal");
    for n in 1..=3 {
        process.expect(&format!("ready {n}"));
        process.signal("INT");
    }
    assert!(process.end().success());
}

#[test]
fn each_kind_of_signal_has_its_own_promises() {
    if is_child() {
        let interrupt = next_signal(Signal::Interrupt);
        let (terminate, hangup) = (next_signal(Signal::Terminate), next_signal(Signal::Hangup));
        say("ready");
        block_on(hangup).unwrap();
        say("hangup");
        block_on(terminate).unwrap();
        say("terminate");
        assert_eq!(interrupt.state(), thenable::PromiseState::Pending);
        say("asking no more");
        loop {
            thread::park();
        }
    }
    let mut process = Process::start("each_kind_of_signal_has_its_own_promises");
    process.expect("ready");
    process.signal("HUP");
    process.expect("hangup");
    process.signal("TERM");
    process.expect("terminate");
    process.expect("asking no more");
    process.signal("HUP");
    assert_eq!(process.end().signal(), Some(SIGHUP));
}

#[test]
fn a_kind_of_signal_that_nobody_asked_for_is_left_alone() {
    if is_child() {
        let _interrupt = ctrl_c();
        say("ready");
        loop {
            thread::park();
        }
    }
    let mut process = Process::start("a_kind_of_signal_that_nobody_asked_for_is_left_alone");
    process.expect("ready");
    process.signal("TERM");
    assert_eq!(process.end().signal(), Some(SIGTERM));
}

#[test]
fn a_signal_reaches_every_thread_that_waits_and_those_that_have_ended_do_not_count() {
    if is_child() {
        let (send, ready) = mpsc::channel();
        let threads = [(); 2].map(|()| {
            let send = send.clone();
            thread::spawn(move || {
                let waiting = ctrl_c();
                send.send(()).unwrap();
                block_on(waiting).unwrap();
            })
        });
        ready.iter().take(2).for_each(drop);
        // This one is gone when the signal comes.
        thread::spawn(|| drop(ctrl_c())).join().unwrap();
        say("ready");
        for thread in threads {
            thread.join().unwrap();
        }
        say("all heard");
        thread::spawn(|| drop(ctrl_c())).join().unwrap();
        say("nobody waits");
        loop {
            thread::park();
        }
    }
    let mut process = Process::start("a_signal_reaches_every_thread_that_waits_and_those_that_have_ended_do_not_count");
    process.expect("ready");
    process.signal("INT");
    process.expect("all heard");
    process.expect("nobody waits");
    process.signal("INT");
    assert_eq!(process.end().signal(), Some(SIGINT));
}

#[test]
fn before_the_first_call_a_signal_does_what_it_always_did() {
    if is_child() {
        say("ready");
        let mut nothing = [0];
        // It waits for the signal, which ends it; this input is a pipe that nobody closes, or is at its end.
        let _ = std::io::stdin().read(&mut nothing);
        loop {
            thread::park();
        }
    }
    let mut process = Process::start("before_the_first_call_a_signal_does_what_it_always_did");
    process.expect("ready");
    // Not SIGINT: what a script has put into the background ignores it from the start.
    process.signal("TERM");
    assert_eq!(process.end().signal(), Some(SIGTERM));
}

#[test]
fn a_signal_is_pending_and_neither_a_run_nor_a_virtual_clock_waits_for_it() {
    let hour = Duration::from_secs(3600);
    let clock = EventLoop::builder().virtual_clock().auto_advance(true).build();
    let hangup = clock.enter(|| next_signal(Signal::Hangup));
    clock.run(|| delay::<()>(hour)).unwrap();
    assert_eq!(clock.now(), hour);
    assert_eq!((clock.pending().signals, clock.pending().remotes), (1, 0));
    drop(clock);
    assert_eq!(hangup.state(), PromiseState::Pending);
}

/// Answers one client after the other with the line that each sends, until it is told to close.
fn serve(listener: Arc<TcpListener>, is_closing: Rc<Cell<bool>>) {
    let accepting = listener.clone();
    Promise::blocking(move || accepting.accept())
        .map(move |(client, _)| {
            if is_closing.get() {
                return; // Nobody but this process itself, which no longer wants to wait.
            }
            say("accepted");
            Promise::blocking(move || answer(&client)).catch(|error| say(&error.to_string()));
            serve(listener, is_closing);
        })
        .catch(|error| say(&error.to_string()));
}

fn answer(mut client: &TcpStream) -> io::Result<()> {
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line)?;
    client.write_all(line.to_uppercase().as_bytes())
}

#[test]
fn a_server_finishes_what_it_has() {
    if is_child() {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let address = listener.local_addr().unwrap();
        let is_closing = Rc::new(Cell::new(false));
        run(move || {
            serve(listener, is_closing.clone());
            ctrl_c()
                .map(move |()| {
                    is_closing.set(true);
                    drop(TcpStream::connect(address));
                    say("closing");
                })
                .catch(|error| say(&error.to_string()));
            say(&address.to_string());
        })
        .unwrap();
        say("closed");
        return;
    }
    let mut process = Process::start("a_server_finishes_what_it_has");
    let address = process.next_line().unwrap();
    let mut clients = [(); 3].map(|()| TcpStream::connect(&address).unwrap());
    for _ in &clients {
        process.expect("accepted");
    }
    clients[0].write_all(b"one\n").unwrap();
    assert_eq!(io::read_to_string(&clients[0]).unwrap(), "ONE\n");
    // The others have said half of it, or nothing.
    clients[2].write_all(b"th").unwrap();
    process.signal("INT");
    process.expect("closing");
    clients[2].write_all(b"ree\n").unwrap();
    assert_eq!(io::read_to_string(&clients[2]).unwrap(), "THREE\n");
    clients[1].write_all(b"two\n").unwrap();
    assert_eq!(io::read_to_string(&clients[1]).unwrap(), "TWO\n");
    process.expect("closed");
    assert!(process.end().success());
}

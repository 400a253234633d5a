//! The loop's own things, while a host drives it: order, timers, wakes, sockets.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use thenable::{
    EventLoop, Promise, delay, delay_with, immediate, next_tick, queue_microtask, set_immediate, set_interval,
    set_timeout,
};

use crate::host::Host;

type P<T> = Promise<T, String>;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

in_every_host! {
    the_order_is_that_of_a_run,
    sleeps_of_the_host_and_of_the_loop_interleave,
    other_threads_wake_it,
    sockets_of_the_host_are_used_in_the_loop,
    a_promise_adopts_futures_of_the_host,
    many_resources_of_the_host_in_one_turn,
    it_gives_way_in_each_turn,
    the_loop_of_the_thread_and_a_virtual_clock,
    it_can_be_dropped_and_driven_again,
    a_loop_in_a_loop_in_a_host,
}

/// A program of everything that has an order.
fn program(log: &Rc<RefCell<Vec<&'static str>>>) {
    let write = |line: &'static str| {
        let log = log.clone();
        move || log.borrow_mut().push(line)
    };
    let (tick, job, nested) = (write("tick"), write("job"), write("tick of an immediate"));
    set_timeout(write("20"), ms(20));
    set_timeout(write("5"), ms(5));
    set_immediate(move || {
        next_tick(nested);
    });
    set_immediate(write("immediate"));
    queue_microtask(job);
    next_tick(tick);
    let (handler, after) = (write("handler"), write("after an immediate"));
    P::<()>::resolve(()).map(move |()| handler());
    P::<()>::spawn(async move {
        immediate::<String>().await?;
        after();
        Ok(())
    });
}

fn the_order_is_that_of_a_run<H: Host>() {
    let expected = Rc::new(RefCell::new(Vec::new()));
    EventLoop::new().run(|| program(&expected)).unwrap();
    let log = Rc::new(RefCell::new(Vec::new()));
    let event_loop = EventLoop::new();
    event_loop.enter(|| program(&log));
    assert_eq!(log.borrow().len(), 0);
    H::block_on(event_loop.run_to_end(H::sleep)).unwrap();
    assert_eq!(*log.borrow(), *expected.borrow());
    assert_eq!(event_loop.pending(), thenable::Pending::default());
}

fn sleeps_of_the_host_and_of_the_loop_interleave<H: Host>() {
    let log = RefCell::new(Vec::new());
    let event_loop = EventLoop::new();
    let start = Instant::now();
    let inside = async {
        for (line, is_own) in [("own 30", true), ("host 60", false), ("own 90", true)] {
            if is_own {
                delay::<String>(ms(30)).await.unwrap();
            } else {
                H::sleep(ms(30)).await;
            }
            log.borrow_mut().push(line);
        }
        "done"
    };
    let outside = async {
        for line in ["outside 15", "outside 45", "outside 75"] {
            H::sleep(ms(if line == "outside 15" { 15 } else { 30 })).await;
            log.borrow_mut().push(line);
        }
    };
    let (done, ()) = H::block_on(async { futures::join!(event_loop.run_until(inside, H::sleep), outside) });
    assert_eq!(done.unwrap(), "done");
    assert!(start.elapsed() >= ms(90));
    assert_eq!(log.borrow().len(), 6);
    let of = |prefix: &str| log.borrow().iter().filter(|line| line.starts_with(prefix)).copied().collect::<Vec<_>>();
    assert_eq!(of("outside"), ["outside 15", "outside 45", "outside 75"]);
}

fn other_threads_wake_it<H: Host>() {
    let event_loop = EventLoop::new();
    let sum = async {
        let mut sum = 0;
        for n in 1..=5 {
            let (promise, resolver) = P::<u32>::remote();
            let (sender, receiver) = futures::channel::oneshot::channel();
            // Nothing else wakes the loop: no timer, no task of the host.
            thread::spawn(move || {
                thread::sleep(ms(3));
                resolver.resolve(n).unwrap();
                thread::sleep(ms(3));
                sender.send(n * 10).unwrap();
            });
            sum += promise.await? + receiver.await.map_err(|error| error.to_string())?;
        }
        Ok::<_, String>(sum)
    };
    assert_eq!(H::block_on(event_loop.run_until(sum, H::sleep)).unwrap(), Ok(165));
}

fn sockets_of_the_host_are_used_in_the_loop<H: Host>() {
    let event_loop = EventLoop::new();
    let answers = event_loop.run_until(
        async {
            let answers = (0..20).map(|_| {
                let (address, echo) = H::echo_once();
                P::<()>::spawn(async {
                    echo.await;
                    Ok(())
                });
                P::<String>::spawn(async move { Ok(H::send(address, "over a socket").await) })
                    .then(|text| delay(ms(2)).map(move |()| text.to_uppercase()))
            });
            Promise::all(answers).await
        },
        H::sleep,
    );
    let answers = H::block_on(answers).unwrap().unwrap();
    assert_eq!(answers, vec!["OVER A SOCKET"; 20]);
}

fn a_promise_adopts_futures_of_the_host<H: Host>() {
    let event_loop = EventLoop::new();
    let inside = async {
        let task = H::spawn(async {
            H::sleep(ms(5)).await;
            40
        });
        P::<u32>::resolve(2).then(|two| P::spawn(async move { Ok(task.await + two) })).await
    };
    assert_eq!(H::block_on(event_loop.run_until(inside, H::sleep)).unwrap(), Ok(42));
}

fn many_resources_of_the_host_in_one_turn<H: Host>() {
    // More than a task of tokio may use in one poll: it then says "not yet", and wakes.
    let event_loop = EventLoop::new();
    let all = async {
        let sleeps = (0..1000).map(|n: u32| {
            P::<u32>::spawn(async move {
                for _ in 0..3 {
                    H::sleep(Duration::ZERO).await;
                }
                Ok(n)
            })
        });
        Promise::all(sleeps).await
    };
    let numbers = H::block_on(event_loop.run_until(all, H::sleep)).unwrap().unwrap();
    assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
}

fn it_gives_way_in_each_turn<H: Host>() {
    let event_loop = EventLoop::new();
    let beats = RefCell::new(0);
    let (stop, stopped) = futures::channel::oneshot::channel::<()>();
    // There is always another immediate, so the loop never waits.
    let busy = async {
        let mut turns = 0;
        let mut stopped = stopped;
        while stopped.try_recv() == Ok(None) {
            immediate::<String>().await.unwrap();
            turns += 1;
        }
        turns
    };
    let host = async {
        for _ in 0..3 {
            H::sleep(ms(2)).await;
            *beats.borrow_mut() += 1;
        }
        stop.send(()).unwrap();
    };
    let (turns, ()) = H::block_on(async { futures::join!(event_loop.run_until(busy, H::sleep), host) });
    assert!(turns.unwrap() > 3);
    assert_eq!(*beats.borrow(), 3);
}

fn the_loop_of_the_thread_and_a_virtual_clock<H: Host>() {
    let of_thread = EventLoop::of_thread();
    let tea = delay_with::<_, String>(ms(2), "tea");
    assert_eq!(H::block_on(of_thread.run_until(tea, H::sleep)).unwrap(), Ok("tea"));

    let quick = EventLoop::builder().virtual_clock().auto_advance(true).build();
    let day = quick.run_until(async { delay::<String>(ms(24 * 3600 * 1000)).await }, H::sleep);
    assert_eq!(H::block_on(day).unwrap(), Ok(()));
    assert_eq!(quick.now(), ms(24 * 3600 * 1000));

    // A clock that stands still is moved by somebody else.
    let clock = EventLoop::builder().virtual_clock().build();
    let waits = async { delay::<String>(ms(10)).await };
    let moves = async {
        H::sleep(ms(1)).await;
        clock.advance(ms(9)).unwrap();
        H::sleep(ms(1)).await;
        clock.advance(ms(1)).unwrap();
    };
    let (waited, ()) = H::block_on(async { futures::join!(clock.run_until(waits, H::sleep), moves) });
    assert_eq!((waited.unwrap(), clock.now()), (Ok(()), ms(10)));
}

fn it_can_be_dropped_and_driven_again<H: Host>() {
    let event_loop = EventLoop::new();
    let log = Rc::new(RefCell::new(0));
    let beats = log.clone();
    event_loop.enter(|| set_interval(move || *beats.borrow_mut() += 1, ms(1)).keep_alive(false));
    H::block_on(async {
        let forever = Box::pin(event_loop.run_until(pending::<()>(), H::sleep));
        let Either::Right(_) = select(forever, Box::pin(H::sleep(ms(20)))).await else { panic!("it never ends") };
    });
    let so_far = *log.borrow();
    assert!(so_far > 0);
    // Another host, a thread that blocks, and a turn: the loop does not mind.
    assert_eq!(event_loop.block_on(async { delay_with::<_, String>(ms(5), 7).await }), Ok(7));
    assert!(*log.borrow() > so_far);
    event_loop.enter(|| delay::<String>(ms(2)));
    H::block_on(event_loop.run_to_end(H::sleep)).unwrap();
}

fn a_loop_in_a_loop_in_a_host<H: Host>() {
    let (outer, inner) = (EventLoop::new(), Rc::new(EventLoop::new()));
    let inside = inner.clone();
    let nested = async move {
        let answer = inside.run_until(async { delay_with::<_, String>(ms(3), 42).await }, delay::<()>).await;
        answer.unwrap()
    };
    assert_eq!(H::block_on(outer.run_until(nested, H::sleep)).unwrap(), Ok(42));
}

//! What makes no sense, and what goes wrong.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use futures::FutureExt;
use thenable::{BlockOnError, Budget, EventLoop, Promise, delay, queue_microtask, set_immediate, set_timeout};

use crate::host::Host;

type P<T> = Promise<T, String>;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn message_of(payload: Box<dyn std::any::Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().unwrap()).to_owned(),
    }
}

in_every_host! {
    two_hosts_at_once,
    the_loops_own_tasks_cannot_drive_it,
    a_turn_inside_a_poll_and_a_poll_inside_a_turn,
    a_rejection_that_nobody_handles_ends_it,
    a_panic_in_a_callback_unwinds_from_the_poll,
    it_is_never_stalled,
    what_is_dropped_is_dropped_inside,
}

fn two_hosts_at_once<H: Host>() {
    let event_loop = EventLoop::new();
    H::block_on(async {
        let (promise, resolve, _) = P::<()>::with_resolvers();
        let first = event_loop.run_until(promise, H::sleep);
        let second = async {
            H::sleep(ms(1)).await;
            for attempt in 0..2 {
                let error = if attempt == 0 {
                    AssertUnwindSafe(event_loop.run_until(pending::<()>(), H::sleep)).catch_unwind().await.unwrap_err()
                } else {
                    AssertUnwindSafe(event_loop.run_to_end(H::sleep)).catch_unwind().await.unwrap_err()
                };
                let name = ["run_until", "run_to_end"][attempt];
                assert_eq!(
                    message_of(error),
                    format!(
                        "`{name}` was polled while another future drives this event loop: await a promise of the loop \
                         instead"
                    )
                );
            }
            event_loop.enter(|| resolve(()));
        };
        let (first, ()) = futures::join!(first, second);
        assert_eq!(first.unwrap(), Ok(()), "the first does not mind");
        // One after the other is fine, and one that was never polled drives nothing.
        let never_polled = event_loop.run_to_end(H::sleep);
        event_loop.run_until(async {}, H::sleep).await.unwrap();
        drop(never_polled);
    });
}

fn the_loops_own_tasks_cannot_drive_it<H: Host>() {
    let event_loop = Rc::new(EventLoop::new());
    let inside = event_loop.clone();
    let task = event_loop.enter(|| {
        P::<()>::spawn(async move {
            // Its first poll is inside `enter`, so it is put off to where the loop runs.
            delay::<String>(ms(1)).await?;
            inside.run_to_end(H::sleep).await.unwrap();
            Ok(())
        })
        .catch_unwind()
    });
    event_loop.block_on(async {
        let fault = task.await.unwrap().unwrap_err();
        assert!(fault.message().starts_with("`run_to_end` was called while the event loop of this thread is running"));
    });
    // In a guest it is another future that drives the loop.
    let inside = event_loop.clone();
    let outcome = H::block_on(event_loop.run_until(
        async {
            let task = P::<()>::spawn(async move {
                inside.run_until(pending::<()>(), H::sleep).await.unwrap();
                Ok(())
            });
            task.catch_unwind().await
        },
        H::sleep,
    ));
    let fault = outcome.unwrap().unwrap().unwrap_err();
    assert!(fault.message().starts_with("`run_until` was polled while another future drives this event loop"));
}

fn a_turn_inside_a_poll_and_a_poll_inside_a_turn<H: Host>() {
    let event_loop = Rc::new(EventLoop::new());
    let (inside, turned) = (event_loop.clone(), Rc::new(Cell::new(false)));
    let flag = turned.clone();
    event_loop.enter(|| {
        set_immediate(move || {
            let error = catch_unwind(AssertUnwindSafe(|| drop(inside.turn(Budget::unlimited())))).unwrap_err();
            assert!(message_of(error).starts_with("`turn` was called while the event loop"));
            let mut context = Context::from_waker(Waker::noop());
            let poll =
                catch_unwind(AssertUnwindSafe(|| pin!(inside.run_to_end(H::sleep)).poll(&mut context).is_ready()));
            assert!(poll.is_err());
            flag.set(true);
        })
    });
    H::block_on(event_loop.run_to_end(H::sleep)).unwrap();
    assert!(turned.get());
}

fn a_rejection_that_nobody_handles_ends_it<H: Host>() {
    let event_loop = EventLoop::new();
    let late = Rc::new(Cell::new(false));
    let flag = late.clone();
    event_loop.enter(|| {
        set_timeout(|| drop(P::<()>::reject("lost".to_owned())), ms(2));
        set_timeout(move || flag.set(true), ms(4));
    });
    H::block_on(async {
        let error = event_loop.run_until(pending::<()>(), H::sleep).await.unwrap_err();
        let BlockOnError::UnhandledRejection(error) = error else { panic!("{error}") };
        assert_eq!(error.downcast::<String>().unwrap(), "lost");
        assert!(!late.get());
        // It goes on where it stopped.
        event_loop.run_to_end(H::sleep).await.unwrap();
        assert!(late.get());
        // What a task of the host leaves rejected in `enter` is reported, too.
        let left = async {
            H::sleep(ms(2)).await;
            event_loop.enter(|| drop(P::<()>::reject("left".to_owned())));
        };
        let (error, ()) = futures::join!(event_loop.run_until(pending::<()>(), H::sleep), left);
        assert!(error.unwrap_err().to_string().contains("left"));
    });
}

fn a_panic_in_a_callback_unwinds_from_the_poll<H: Host>() {
    let event_loop = EventLoop::new();
    event_loop.enter(|| {
        set_timeout(|| panic!("in a callback"), ms(1));
        set_timeout(|| (), ms(2));
    });
    H::block_on(async {
        let payload = AssertUnwindSafe(event_loop.run_to_end(H::sleep)).catch_unwind().await.unwrap_err();
        assert_eq!(message_of(payload), "in a callback");
        event_loop.run_to_end(H::sleep).await.unwrap();
        let future = AssertUnwindSafe(event_loop.run_until(async { panic!("in the future") }, H::sleep));
        assert_eq!(message_of(future.catch_unwind().await.unwrap_err()), "in the future");
        event_loop.run_until(async {}, H::sleep).await.unwrap();
    });
}

fn it_is_never_stalled<H: Host>() {
    // For `block_on` this is a stall. Here a task of the host has the other end.
    let event_loop = EventLoop::new();
    let (promise, resolve, _reject) = P::<u32>::with_resolvers();
    H::block_on(async {
        let task = async {
            H::sleep(ms(5)).await;
            event_loop.enter(|| resolve(1));
        };
        let (answer, ()) = futures::join!(event_loop.run_until(promise, H::sleep), task);
        assert_eq!(answer.unwrap(), Ok(1));
    });
}

fn what_is_dropped_is_dropped_inside<H: Host>() {
    /// Queues something when it is dropped.
    struct Late(Rc<RefCell<Vec<&'static str>>>);

    impl Drop for Late {
        fn drop(&mut self) {
            let log = self.0.clone();
            queue_microtask(move || log.borrow_mut().push("queued by a drop"));
        }
    }

    let event_loop = EventLoop::new();
    let log = Rc::new(RefCell::new(Vec::new()));
    let late = Late(log.clone());
    H::block_on(async {
        let future = async move {
            let _late = late;
            pending::<()>().await;
        };
        let mut driving = Box::pin(event_loop.run_until(future, H::sleep));
        assert!(futures::poll!(&mut driving).is_pending());
        drop(driving);
    });
    assert_eq!(event_loop.pending().jobs, 1, "in the loop, and not in that of the thread");
    event_loop.run(|| ()).unwrap();
    assert_eq!(*log.borrow(), ["queued by a drop"]);
}

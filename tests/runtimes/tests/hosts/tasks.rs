//! Tasks of the host beside the loop: they await its promises, and leave it things to do.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use thenable::{
    EventLoop, Promise, clear_timeout, delay, immediate, queue_microtask, set_immediate, set_interval, set_timeout,
};

use crate::host::Host;

type P<T> = Promise<T, String>;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

in_every_host! {
    promises_are_awaited_by_tasks_of_the_host,
    what_enter_leaves_wakes_the_loop,
    the_loop_of_the_thread_is_woken_without_enter,
    the_end_is_noticed_when_the_host_clears_the_last_timer,
    somebody_else_may_turn_the_loop,
    a_job_hook_of_the_host_is_kept,
}

fn promises_are_awaited_by_tasks_of_the_host<H: Host>() {
    let event_loop = EventLoop::new();
    let answer = H::block_on(async {
        let (promise, resolve, _) = P::<u32>::with_resolvers();
        let task = H::spawn(async move { promise.await.unwrap() + 1 });
        let drive = event_loop.run_until(
            async move {
                delay::<String>(ms(3)).await.unwrap();
                resolve(41);
                task.await
            },
            H::sleep,
        );
        drive.await.unwrap()
    });
    assert_eq!(answer, 42);
}

fn what_enter_leaves_wakes_the_loop<H: Host>() {
    let event_loop = Rc::new(EventLoop::new());
    let outside = event_loop.clone();
    H::block_on(async {
        let (promise, resolve, _) = P::<u32>::with_resolvers();
        let mut seen = Vec::new();
        let task = H::spawn(async move {
            // The loop sleeps without a deadline. Each of these has to wake it.
            for n in 0..4 {
                H::sleep(ms(5)).await;
                let (done, when_done, _) = P::<u32>::with_resolvers();
                outside.enter(|| match n {
                    0 => queue_microtask(move || when_done(n)),
                    1 => {
                        set_immediate(move || when_done(n));
                    }
                    2 => {
                        set_timeout(move || when_done(n), ms(1));
                    }
                    _ => thenable::next_tick(move || when_done(n)),
                });
                seen.push(done.await.unwrap());
            }
            outside.enter(|| resolve(4));
            seen
        });
        assert_eq!(event_loop.run_until(promise, H::sleep).await.unwrap(), Ok(4));
        assert_eq!(task.await, [0, 1, 2, 3]);
    });
}

fn the_loop_of_the_thread_is_woken_without_enter<H: Host>() {
    let event_loop = EventLoop::of_thread();
    H::block_on(async {
        let (promise, resolve, _) = P::<u32>::with_resolvers();
        let task = H::spawn(async move {
            H::sleep(ms(5)).await;
            // A job.
            P::<u32>::resolve(1).map(|n| n + 1).await?;
            H::sleep(ms(5)).await;
            // A timer, an immediate, a task.
            delay::<String>(ms(2)).await?;
            H::sleep(ms(5)).await;
            immediate::<String>().await?;
            H::sleep(ms(5)).await;
            P::<()>::spawn(async { delay(ms(1)).await }).await?;
            H::sleep(ms(5)).await;
            resolve(5);
            Ok::<_, String>(())
        });
        assert_eq!(event_loop.run_until(promise, H::sleep).await.unwrap(), Ok(5));
        assert_eq!(task.await, Ok(()));
    });
}

fn the_end_is_noticed_when_the_host_clears_the_last_timer<H: Host>() {
    let event_loop = Rc::new(EventLoop::new());
    let hour = ms(3600 * 1000);
    for way in 0..3 {
        let (timer, immediate) = event_loop.enter(|| (set_interval(|| (), hour), set_timeout(|| (), hour)));
        let task_of_loop = event_loop.clone();
        H::block_on(async {
            let task = H::spawn(async move {
                H::sleep(ms(3)).await;
                match way {
                    0 => {
                        clear_timeout(timer);
                        clear_timeout(immediate);
                    }
                    1 => {
                        timer.keep_alive(false);
                        immediate.keep_alive(false);
                    }
                    _ => task_of_loop.enter(|| {
                        clear_timeout(timer);
                        clear_timeout(immediate);
                    }),
                }
            });
            event_loop.run_to_end(H::sleep).await.unwrap();
            task.await;
        });
        clear_timeout(timer);
        clear_timeout(immediate);
    }
}

fn somebody_else_may_turn_the_loop<H: Host>() {
    let event_loop = Rc::new(EventLoop::new());
    let other = event_loop.clone();
    let log = Rc::new(RefCell::new(Vec::new()));
    H::block_on(async {
        let (promise, resolve, _) = P::<u32>::with_resolvers();
        let lines = log.clone();
        let task = H::spawn(async move {
            H::sleep(ms(3)).await;
            // It blocks the host, which is the caller's affair. What it runs makes a timer and is what the guest waits for.
            let sum = other.block_on(async { delay::<String>(ms(2)).await.map(|()| 1) });
            lines.borrow_mut().push("blocked");
            other
                .run(|| {
                    set_timeout(move || resolve(2), ms(1));
                })
                .unwrap();
            lines.borrow_mut().push("ran");
            sum
        });
        let future = async { promise.await.map(|n| n + 1) };
        assert_eq!(event_loop.run_until(future, H::sleep).await.unwrap(), Ok(3));
        assert_eq!(task.await, Ok(1));
    });
    assert_eq!(*log.borrow(), ["blocked", "ran"]);
}

fn a_job_hook_of_the_host_is_kept<H: Host>() {
    let event_loop = EventLoop::of_thread();
    let count = Rc::new(Cell::new(0));
    let counter = count.clone();
    thenable::host::set_job_hook(move || counter.set(counter.get() + 1));
    let counter = count.clone();
    H::block_on(async {
        let (promise, resolve, _) = P::<u32>::with_resolvers();
        let task = H::spawn(async move {
            H::sleep(ms(3)).await;
            counter.set(0);
            // The guest sleeps; both hear of the job.
            queue_microtask(move || resolve(1));
            counter.get()
        });
        assert_eq!(event_loop.run_until(promise, H::sleep).await.unwrap(), Ok(1));
        assert_eq!(task.await, 1);
        // One that is put in meanwhile stays, too.
        let (promise, resolve, _) = P::<u32>::with_resolvers();
        let replacing = count.clone();
        let task = H::spawn(async move {
            H::sleep(ms(3)).await;
            thenable::host::set_job_hook(move || replacing.set(1000));
            // The guest's own hook is gone with it. A timer is told without.
            set_timeout(move || resolve(2), ms(1));
        });
        assert_eq!(event_loop.run_until(promise, H::sleep).await.unwrap(), Ok(2));
        task.await;
    });
    count.set(0);
    queue_microtask(|| ());
    assert_eq!(count.get(), 1000);
    thenable::host::remove_job_hook();
    event_loop.run(|| ()).unwrap();
}

//! The spawners of a loop: `LocalSpawn` and `Spawn` of the `futures` crate.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use futures::task::{LocalSpawn, LocalSpawnExt, Spawn, SpawnExt};
use thenable::{EventLoop, LocalSpawner, Spawner, delay, next_tick, queue_microtask, set_immediate};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

type Log = Rc<RefCell<Vec<&'static str>>>;

fn writer(log: &Log) -> impl Fn(&'static str) -> Box<dyn FnOnce()> {
    let log = log.clone();
    move |line| {
        let log = log.clone();
        Box::new(move || log.borrow_mut().push(line))
    }
}

#[test]
fn a_spawned_future_is_first_polled_in_a_microtask() {
    let (event_loop, log) = (EventLoop::new(), Log::default());
    let (spawner, write) = (event_loop.local_spawner(), writer(&log));
    let (before, task, after, tick) = (write("before"), write("task"), write("after"), write("tick"));
    event_loop
        .run(|| {
            queue_microtask(before);
            spawner.spawn_local(async move { task() }).unwrap();
            queue_microtask(after);
            next_tick(tick);
            log.borrow_mut().push("main");
        })
        .unwrap();
    assert_eq!(*log.borrow(), ["main", "tick", "before", "task", "after"]);
}

#[test]
fn it_is_spawned_in_the_loop_of_the_spawner_whichever_is_entered() {
    let (first, second) = (EventLoop::new(), EventLoop::new());
    let spawner = first.local_spawner();
    second.enter(|| spawner.spawn_local(async { delay::<()>(ms(1)).await.unwrap() })).unwrap();
    spawner.spawn_local(async {}).unwrap();
    assert_eq!((first.pending().jobs, second.pending().jobs), (2, 0));
    first.run(|| ()).unwrap();
    assert_eq!(first.pending(), thenable::Pending::default());
}

#[test]
fn a_handle_of_what_was_spawned_can_be_awaited() {
    let event_loop = EventLoop::new();
    let spawner = event_loop.local_spawner();
    let handle = spawner.spawn_local_with_handle(async {
        delay::<()>(ms(1)).await.unwrap();
        Rc::new(42)
    });
    assert_eq!(*event_loop.block_on(handle.unwrap()), 42);
}

#[test]
fn other_threads_spawn_and_what_they_spawn_runs_here() {
    let event_loop = EventLoop::new();
    let (spawner, home) = (event_loop.spawner(), thread::current().id());
    let count = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (spawner, count) = (spawner.clone(), count.clone());
            thread::spawn(move || {
                let ends = (0..50).map(|_| {
                    let (count, (end, ended)) = (count.clone(), oneshot::channel::<()>());
                    let future = async move {
                        assert_eq!(thread::current().id(), home);
                        count.fetch_add(1, Ordering::Relaxed);
                        drop(end);
                    };
                    spawner.spawn(future).unwrap();
                    ended
                });
                ends.collect::<Vec<_>>()
            })
        })
        .collect();
    event_loop.block_on(async {
        for ended in threads.into_iter().flat_map(|thread| thread.join().unwrap()) {
            ended.await.unwrap_err();
        }
    });
    assert_eq!(count.load(Ordering::Relaxed), 200);
}

#[test]
fn what_has_arrived_is_a_macrotask_each_and_keeps_the_loop_going() {
    let event_loop = EventLoop::new();
    let spawner = event_loop.spawner();
    let log: &'static std::sync::Mutex<Vec<&'static str>> = Box::leak(Box::default());
    thread::spawn(move || {
        for _ in 0..2 {
            let future = async {
                queue_microtask(|| log.lock().unwrap().push("microtask"));
                log.lock().unwrap().push("task");
            };
            spawner.spawn(future).unwrap();
        }
    })
    .join()
    .unwrap();
    // Nothing else is in the loop.
    event_loop.run(|| ()).unwrap();
    assert_eq!(*log.lock().unwrap(), ["task", "microtask", "task", "microtask"]);
}

#[test]
fn a_loop_that_sleeps_is_woken() {
    let event_loop = EventLoop::new();
    let spawner = event_loop.spawner();
    let (sender, receiver) = oneshot::channel();
    let thread = thread::spawn(move || {
        thread::sleep(ms(5));
        spawner.spawn(async move { sender.send(7).unwrap() }).unwrap();
    });
    assert_eq!(event_loop.block_on(receiver), Ok(7));
    thread.join().unwrap();
}

#[test]
fn a_host_is_told() {
    let event_loop = EventLoop::new();
    let wakes = Arc::new(AtomicUsize::new(0));
    let count = wakes.clone();
    event_loop.on_wake(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    event_loop.local_spawner().spawn_local(async {}).unwrap();
    assert_eq!(wakes.swap(0, Ordering::SeqCst), 1);
    event_loop.run_until_idle().unwrap();
    let spawner = event_loop.spawner();
    thread::spawn(move || spawner.spawn(async {}).unwrap()).join().unwrap();
    assert_eq!(wakes.load(Ordering::SeqCst), 1);
    assert_eq!(event_loop.run_until_idle().unwrap().callbacks, 1);
}

#[test]
fn a_spawner_does_not_keep_the_loop_alive() {
    let event_loop = EventLoop::new();
    let spawners = (event_loop.spawner(), event_loop.local_spawner());
    event_loop.run(|| ()).unwrap();
    assert!(event_loop.try_block_on(std::future::pending::<()>()).is_err(), "stalled");
    drop(spawners);
}

#[test]
fn after_the_loop_there_is_an_error_and_the_future_is_dropped() {
    let event_loop = EventLoop::new();
    let (spawner, local) = (event_loop.spawner(), event_loop.local_spawner());
    assert!(spawner.status().is_ok() && local.status().is_ok() && local.status_local().is_ok());
    let left = Rc::new(());
    let held = left.clone();
    local.spawn_local(async move { drop(held) }).unwrap();
    assert_eq!(Rc::strong_count(&left), 2);
    drop(event_loop);
    assert_eq!(Rc::strong_count(&left), 1, "what was not polled yet goes with the loop");

    let shutdown: [Result<(), _>; 3] = [spawner.status(), local.status(), local.status_local()];
    assert!(shutdown.iter().all(|status| status.as_ref().is_err_and(futures::task::SpawnError::is_shutdown)));
    let held = left.clone();
    assert!(local.spawn_local(async move { drop(held) }).unwrap_err().is_shutdown());
    assert!(spawner.spawn(async {}).unwrap_err().is_shutdown());
    assert_eq!(Rc::strong_count(&left), 1);
}

#[test]
fn after_the_thread_of_the_loop_there_is_an_error() {
    let spawner: Spawner = thread::spawn(|| EventLoop::of_thread().spawner()).join().unwrap();
    let (sender, receiver) = oneshot::channel::<()>();
    assert!(spawner.spawn(async move { sender.send(()).unwrap() }).unwrap_err().is_shutdown());
    assert_eq!(futures::executor::block_on(receiver), Err(oneshot::Canceled), "the future is dropped");
    assert_eq!(format!("{spawner:?}"), "Spawner { is_shutdown: true, .. }");
}

#[test]
fn a_panic_is_reported() {
    let event_loop = EventLoop::new();
    event_loop.local_spawner().spawn_local(async { panic!("in a spawned future") }).unwrap();
    let error = event_loop.run(|| ()).unwrap_err();
    assert!(error.to_string().contains("in a spawned future"), "{error}");
    let spawner = event_loop.spawner();
    thread::spawn(move || spawner.spawn(async { panic!("from elsewhere") }).unwrap()).join().unwrap();
    assert!(event_loop.run(|| ()).unwrap_err().to_string().contains("from elsewhere"));
}

#[test]
fn a_spawner_of_the_loop_itself_spawns_from_inside() {
    fn multiply(spawner: &LocalSpawner, generations: u32, count: Rc<Cell<u32>>) {
        let inside = spawner.clone();
        let future = async move {
            count.set(count.get() + 1);
            if generations > 0 {
                multiply(&inside, generations - 1, count.clone());
                multiply(&inside, generations - 1, count);
            }
        };
        spawner.spawn_local(future).unwrap();
    }

    let event_loop = EventLoop::new();
    let count = Rc::new(Cell::new(0));
    multiply(&event_loop.local_spawner(), 9, count.clone());
    event_loop.run(|| ()).unwrap();
    assert_eq!(count.get(), 1023);
}

#[test]
fn a_send_future_may_be_spawned_here_too_and_objects_as_well() {
    let event_loop = EventLoop::new();
    let spawner = event_loop.local_spawner();
    spawner.spawn(async {}).unwrap();
    spawner.spawn_obj(Box::new(async {}).into()).unwrap();
    spawner.spawn_local_obj(Box::new(async {}).into()).unwrap();
    event_loop.enter(|| set_immediate(|| ()));
    assert_eq!(event_loop.run_until_idle().unwrap().callbacks, 1);
    assert_eq!(format!("{spawner:?}"), "LocalSpawner { is_shutdown: false, .. }");
}

#[test]
fn the_spawner_for_other_threads_may_go_there() {
    fn is_send<T: Send + Sync + Clone + 'static>(_: &T) {}
    is_send(&EventLoop::of_thread().spawner());
}

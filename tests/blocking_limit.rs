//! How many threads the pool may have. The limit is one for the process, so this test has one to itself.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;

use futures::future::try_join_all;
use thenable::{Promise, block_on, set_blocking_threads};

type P<T> = Promise<T, String>;

fn limit(threads: usize) {
    set_blocking_threads(NonZeroUsize::new(threads).unwrap());
}

#[test]
fn the_limit_is_kept_and_can_be_changed() {
    // One thread: the work runs in order, and never two at once.
    limit(1);
    let order = Arc::new(Mutex::new(Vec::new()));
    let running = Arc::new(AtomicUsize::new(0));
    let work = (0..20).map(|n| {
        let (order, running) = (order.clone(), running.clone());
        P::blocking(move || {
            let others = running.fetch_add(1, Ordering::SeqCst);
            (0..100).for_each(|_| thread::yield_now());
            order.lock().unwrap().push(n);
            running.fetch_sub(1, Ordering::SeqCst);
            if others == 0 { Ok(()) } else { Err(format!("{others} others ran")) }
        })
    });
    block_on(try_join_all(work)).unwrap();
    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());

    // Four threads: four pieces of work that wait for each other meet.
    limit(4);
    let meeting = Arc::new(Barrier::new(4));
    let work = (0..4).map(|_| {
        let meeting = meeting.clone();
        P::blocking(move || Ok(meeting.wait().is_leader()))
    });
    let leaders = block_on(try_join_all(work)).unwrap().into_iter().filter(|leads| *leads).count();
    assert_eq!(leaders, 1);

    // A fifth does not begin while four are busy: of nine, four begin, and as many go on as are let go.
    let (begun, begins) = mpsc::channel();
    let (go, waits) = mpsc::channel::<()>();
    let waits = Arc::new(Mutex::new(waits));
    let work: Vec<_> = (0..9)
        .map(|n| {
            let (begun, waits) = (begun.clone(), waits.clone());
            P::blocking(move || {
                begun.send(n).unwrap();
                waits.lock().unwrap().recv().map_err(|error| error.to_string())
            })
        })
        .collect();
    let mut first: Vec<_> = begins.iter().take(4).collect();
    first.sort_unstable();
    assert_eq!(first, [0, 1, 2, 3]);
    for n in 4..9 {
        assert!(begins.try_recv().is_err(), "no thread was free");
        go.send(()).unwrap();
        assert_eq!(begins.recv(), Ok(n));
    }
    (0..4).for_each(|_| go.send(()).unwrap());
    block_on(try_join_all(work)).unwrap();
}

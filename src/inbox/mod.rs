//! What other threads may push into a loop. Everything that another thread may touch stands in this module and the one for
//! remote resolvers; nothing else knows that threads exist.

pub(crate) mod home;
pub(crate) mod root;
pub(crate) mod targets;
pub(crate) mod waker;

use std::cell::Cell;
use std::fmt;
use std::mem;
use std::sync::Arc;
#[cfg(not(thenable_loom))]
use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};
use std::task::Waker;
use std::time::{Duration, Instant};

#[cfg(thenable_loom)]
use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};

/// A thread that sends messages: the threads of the process are numbered from 1, in the order in which they first send.
pub(crate) type Sender = u64;

/// A message, with who has sent it.
pub(crate) type Sent<M> = (Sender, M);

/// The number of this thread.
fn this_sender() -> Sender {
    use std::sync::atomic::{AtomicU64, Ordering};

    static LATEST: AtomicU64 = AtomicU64::new(0);

    thread_local! {
        static OWN: Cell<Sender> = const { Cell::new(0) };
    }

    if OWN.get() == 0 {
        OWN.set(LATEST.fetch_add(1, Ordering::Relaxed) + 1);
    }
    OWN.get()
}

/// Whether this thread is unwinding from a panic.
pub(crate) fn is_panicking() -> bool {
    std::thread::panicking()
}

/// What a host wants to have called when there is something new to do.
pub(crate) type OnWake = Arc<dyn Fn() + Send + Sync>;

pub(crate) fn on_wake(callback: impl Fn() + Send + Sync + 'static) -> OnWake {
    Arc::new(callback)
}

/// Messages from any thread to one, which can sleep until one arrives.
pub(crate) struct Inbox<M> {
    contents: Mutex<Contents<M>>,
    /// A message has arrived, or the thread is asked to stop.
    arrived: Condvar,
    /// The thread's loop is asked to stop at its next opportunity. Nobody takes that back.
    stopped: AtomicBool,
}

struct Contents<M> {
    messages: Vec<Sent<M>>,
    /// Called, with no lock held, after the first message has arrived in an empty inbox.
    on_wake: Option<OnWake>,
    /// Wakes what drives the loop, if that sleeps elsewhere than in [`Inbox::park`]. Taken by who wakes it.
    sleeper: Option<Waker>,
    /// The loop that it belongs to is gone. Nothing is accepted from now on.
    closed: bool,
}

impl<M> fmt::Debug for Inbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

impl<M> Inbox<M> {
    pub(crate) fn new() -> Self {
        let contents = Contents { messages: Vec::new(), on_wake: None, sleeper: None, closed: false };
        Self { contents: Mutex::new(contents), arrived: Condvar::new(), stopped: AtomicBool::new(false) }
    }

    fn lock(&self) -> MutexGuard<'_, Contents<M>> {
        self.contents.lock().expect("no code that could panic runs under the lock")
    }

    /// Appends a message and wakes the thread.
    ///
    /// Gives the message back if the inbox is closed.
    pub(crate) fn push(&self, message: M) -> Result<(), M> {
        let sender = this_sender();
        let mut contents = self.lock();
        if contents.closed {
            return Err(message);
        }
        contents.messages.push((sender, message));
        // Whoever sleeps found it empty; one that finds it filled does not sleep.
        let was_empty = contents.messages.len() == 1;
        let on_wake = if was_empty { contents.on_wake.clone() } else { None };
        let sleeper = contents.sleeper.take();
        drop(contents);
        if was_empty {
            self.arrived.notify_one();
        }
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
        if let Some(on_wake) = on_wake {
            on_wake();
        }
        Ok(())
    }

    /// Has `on_wake` called from now on whenever the first message arrives in the empty inbox. Returns what was called before.
    pub(crate) fn set_on_wake(&self, on_wake: Option<OnWake>) -> Option<OnWake> {
        mem::replace(&mut self.lock().on_wake, on_wake)
    }

    /// What is called when a message arrives.
    pub(crate) fn on_wake(&self) -> Option<OnWake> {
        self.lock().on_wake.clone()
    }

    /// How many messages have arrived and were not taken.
    pub(crate) fn len(&self) -> usize {
        self.lock().messages.len()
    }

    /// Appends the messages that have arrived to `batch`, whose memory is used again if it is empty.
    pub(crate) fn take(&self, batch: &mut Vec<Sent<M>>) {
        let messages = &mut self.lock().messages;
        if batch.is_empty() {
            mem::swap(messages, batch);
        } else {
            batch.append(messages);
        }
    }

    /// Sleeps until there is a message, the thread is asked to stop, or `timeout` has passed.
    pub(crate) fn park(&self, timeout: Option<Duration>) {
        const SOUND: &str = "no code that could panic runs under the lock";
        // A time too far off to be told by the clock is as good as never.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut contents = self.lock();
        while contents.messages.is_empty() && !self.is_stopped() {
            contents = if let Some(deadline) = deadline {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return;
                }
                self.arrived.wait_timeout(contents, left).expect(SOUND).0
            } else {
                self.arrived.wait(contents).expect(SOUND)
            };
        }
    }

    /// Has `sleeper` woken once, when a message arrives or the thread is asked to stop.
    /// Replaces the one before.
    ///
    /// Returns `false`, and keeps nothing, if there is a reason to be awake already.
    pub(crate) fn sleep(&self, sleeper: &Waker) -> bool {
        let mut contents = self.lock();
        let sleeps = contents.messages.is_empty() && !self.is_stopped();
        let replaced = mem::replace(&mut contents.sleeper, sleeps.then(|| sleeper.clone()));
        drop(contents);
        // Its drop is user code.
        drop(replaced);
        sleeps
    }

    /// Takes the waker of who sleeps.
    pub(crate) fn take_sleeper(&self) -> Option<Waker> {
        self.lock().sleeper.take()
    }

    /// Asks the thread's loop to stop, and wakes it if it sleeps.
    pub(crate) fn stop(&self) {
        let mut contents = self.lock();
        // Under the lock, so that the thread does not fall asleep between its look at the flag and the wake.
        self.stopped.store(true, Ordering::Release);
        let sleeper = contents.sleeper.take();
        drop(contents);
        self.arrived.notify_one();
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// Whether the thread's loop is asked to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Whether nothing is accepted any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Accepts nothing from now on. Returns what had arrived, to be dropped by the thread it was for.
    pub(crate) fn close(&self) -> Vec<Sent<M>> {
        let mut contents = self.lock();
        contents.closed = true;
        let messages = mem::take(&mut contents.messages);
        let (on_wake, sleeper) = (contents.on_wake.take(), contents.sleeper.take());
        drop(contents);
        // What they captured runs user code when it is dropped.
        drop((on_wake, sleeper));
        messages
    }
}

/// Whether a wake is on its way already, so that a second one need not be sent.
#[derive(Debug)]
pub(crate) struct WakeFlag(AtomicBool);

impl WakeFlag {
    pub(crate) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Returns whether the wake has to be sent. If not, the one on its way will find what was done before this call.
    pub(crate) fn raise(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// The wake has arrived: one that is raised from now on has to be sent. Called before the task is polled.
    ///
    /// It reads the flag, too: so it is ordered after every `raise` that counted on this wake.
    pub(crate) fn lower(&self) {
        self.0.swap(false, Ordering::AcqRel);
    }
}

#[cfg(all(test, thenable_loom))]
mod tests {
    use std::task::Waker;

    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use loom::thread;

    use super::{Inbox, WakeFlag};

    /// Receives `count` messages, parking in between.
    fn receive(inbox: &Inbox<u32>, count: usize) -> Vec<u32> {
        let mut received = Vec::new();
        while received.len() < count {
            inbox.park(None);
            let mut batch = Vec::new();
            inbox.take(&mut batch);
            received.extend(batch.into_iter().map(|(_, message)| message));
        }
        received
    }

    #[test]
    fn no_wake_up_is_lost_between_a_push_and_a_park() {
        loom::model(|| {
            let inbox = Arc::new(Inbox::new());
            let pusher = Arc::clone(&inbox);
            let thread = thread::spawn(move || {
                pusher.push(1).unwrap();
                pusher.push(2).unwrap();
            });
            assert_eq!(receive(&inbox, 2), [1, 2]);
            thread.join().unwrap();
        });
    }

    struct Woken(AtomicBool);

    impl std::task::Wake for Woken {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.store(true, Ordering::Release);
        }
    }

    #[test]
    fn no_wake_up_is_lost_between_a_push_and_a_sleep() {
        loom::model(|| {
            let inbox = Arc::new(Inbox::new());
            let pusher = Arc::clone(&inbox);
            let thread = thread::spawn(move || pusher.push(1).unwrap());
            let woken = std::sync::Arc::new(Woken(AtomicBool::new(false)));
            if inbox.sleep(&Waker::from(woken.clone())) {
                while !woken.0.load(Ordering::Acquire) {
                    thread::yield_now();
                }
            }
            assert_eq!(inbox.len(), 1);
            thread.join().unwrap();
        });
    }

    #[test]
    fn what_sleeps_is_woken_when_it_is_asked_to_stop() {
        loom::model(|| {
            let inbox = Arc::new(Inbox::<u32>::new());
            let stopper = Arc::clone(&inbox);
            let thread = thread::spawn(move || stopper.stop());
            let woken = std::sync::Arc::new(Woken(AtomicBool::new(false)));
            if inbox.sleep(&Waker::from(woken.clone())) {
                while !woken.0.load(Ordering::Acquire) {
                    thread::yield_now();
                }
            }
            assert!(inbox.is_stopped());
            thread.join().unwrap();
        });
    }

    #[test]
    fn two_threads_push_and_nothing_is_lost() {
        loom::model(|| {
            let inbox = Arc::new(Inbox::new());
            let threads = [1, 2].map(|message| {
                let inbox = Arc::clone(&inbox);
                thread::spawn(move || inbox.push(message).unwrap())
            });
            let mut received = receive(&inbox, 2);
            received.sort_unstable();
            assert_eq!(received, [1, 2]);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }

    #[test]
    fn a_message_is_received_or_given_back_when_the_inbox_closes() {
        loom::model(|| {
            let inbox = Arc::new(Inbox::new());
            let pusher = Arc::clone(&inbox);
            let thread = thread::spawn(move || pusher.push(7));
            let received: Vec<u32> = inbox.close().into_iter().map(|(_, message)| message).collect();
            match thread.join().unwrap() {
                Ok(()) => assert_eq!(received, [7]),
                Err(given_back) => assert_eq!((given_back, received.len()), (7, 0)),
            }
            assert_eq!(inbox.push(8), Err(8));
        });
    }

    #[test]
    fn a_thread_that_sleeps_is_woken_when_it_is_asked_to_stop() {
        loom::model(|| {
            let inbox = Arc::new(Inbox::<u32>::new());
            let stopper = Arc::clone(&inbox);
            let thread = thread::spawn(move || stopper.stop());
            inbox.park(None);
            assert!(inbox.is_stopped(), "there was no message");
            thread.join().unwrap();
        });
    }

    #[test]
    fn a_task_that_is_woken_by_two_threads_sees_what_both_did() {
        loom::model(|| {
            let shared = Arc::new((Inbox::new(), WakeFlag::new(), AtomicUsize::new(0)));
            let threads = [(); 2].map(|()| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let (inbox, flag, done) = &*shared;
                    done.fetch_add(1, Ordering::Relaxed);
                    if flag.raise() {
                        inbox.push(()).unwrap();
                    }
                })
            });
            let (inbox, flag, done) = &*shared;
            // The polls of the task. If a wake were lost, the park would never end, which the model reports.
            while done.load(Ordering::Relaxed) < 2 {
                inbox.park(None);
                let mut wakes = Vec::new();
                inbox.take(&mut wakes);
                flag.lower();
            }
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }
}

//! What other threads may push into a loop. Everything that another thread may touch stands in this module and the one for
//! remote resolvers; nothing else knows that threads exist.

pub(crate) mod home;
pub(crate) mod root;
pub(crate) mod waker;

use std::mem;
#[cfg(not(thenable_loom))]
use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};

#[cfg(thenable_loom)]
use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};

/// Messages from any thread to one, which can sleep until one arrives.
#[derive(Debug)]
pub(crate) struct Inbox<M> {
    contents: Mutex<Contents<M>>,
    arrived: Condvar,
}

#[derive(Debug)]
struct Contents<M> {
    messages: Vec<M>,
    /// The thread it belongs to has ended. Nothing is accepted from now on.
    closed: bool,
}

impl<M> Inbox<M> {
    pub(crate) fn new() -> Self {
        Self { contents: Mutex::new(Contents { messages: Vec::new(), closed: false }), arrived: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Contents<M>> {
        self.contents.lock().expect("no code that could panic runs under the lock")
    }

    /// Appends a message and wakes the thread.
    ///
    /// Gives the message back if the inbox is closed.
    pub(crate) fn push(&self, message: M) -> Result<(), M> {
        let mut contents = self.lock();
        if contents.closed {
            return Err(message);
        }
        contents.messages.push(message);
        // Whoever sleeps found it empty; one that finds it filled does not sleep.
        let was_empty = contents.messages.len() == 1;
        drop(contents);
        if was_empty {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Swaps the messages that have arrived for `empty`, whose memory is used again.
    pub(crate) fn swap(&self, empty: &mut Vec<M>) {
        debug_assert!(empty.is_empty());
        mem::swap(&mut self.lock().messages, empty);
    }

    /// Sleeps until there is a message.
    pub(crate) fn park(&self) {
        let mut contents = self.lock();
        while contents.messages.is_empty() {
            contents = self.arrived.wait(contents).expect("no code that could panic runs under the lock");
        }
    }

    /// Accepts nothing from now on. Returns what had arrived, to be dropped by the thread it was for.
    pub(crate) fn close(&self) -> Vec<M> {
        let mut contents = self.lock();
        contents.closed = true;
        mem::take(&mut contents.messages)
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
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::thread;

    use super::{Inbox, WakeFlag};

    /// Receives `count` messages, parking in between.
    fn receive(inbox: &Inbox<u32>, count: usize) -> Vec<u32> {
        let mut received = Vec::new();
        while received.len() < count {
            inbox.park();
            let mut batch = Vec::new();
            inbox.swap(&mut batch);
            received.append(&mut batch);
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
            let received = inbox.close();
            match thread.join().unwrap() {
                Ok(()) => assert_eq!(received, [7]),
                Err(given_back) => assert_eq!((given_back, received.len()), (7, 0)),
            }
            assert_eq!(inbox.push(8), Err(8));
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
                inbox.park();
                let mut wakes = Vec::new();
                inbox.swap(&mut wakes);
                flag.lower();
            }
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }
}

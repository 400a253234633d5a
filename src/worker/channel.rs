//! One direction of the way between a worker and its parent.
//!
//! The packets stand in a queue of their own, with their type. What goes through the inbox of the receiving loop is a note for
//! each, so that a packet has its place in the order of everything that arrives there, and is a macrotask.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
#[cfg(not(thenable_loom))]
use std::sync::{Mutex, MutexGuard};

#[cfg(thenable_loom)]
use loom::sync::{Mutex, MutexGuard};

use super::error::PortClosed;
use crate::inbox::Inbox;
use crate::inbox::home::{Key, Message};

/// What is sent: messages, and one thing after which nothing comes.
pub(super) enum Packet<M, L> {
    Message(M),
    Last(L),
}

/// Where something is kept at home, as other threads know it.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) inbox: Arc<Inbox<Message>>,
    pub(super) key: Key,
}

impl Address {
    fn note_arrival(&self) {
        // After the thread has ended nobody has to be told.
        let _ = self.inbox.push(Message::Arrived(self.key));
    }
}

impl<M, L> Channel<Packet<M, L>> {
    /// Appends a message. Gives it back if the receiving end is closed.
    pub(super) fn send_message(&self, message: M) -> Result<(), PortClosed<M>> {
        self.send(Packet::Message(message)).map_err(|packet| match packet {
            Packet::Message(message) => PortClosed(message),
            Packet::Last(_) => unreachable!("what comes back is what was sent"),
        })
    }
}

/// A queue of packets from any thread to one.
pub(super) struct Channel<P> {
    state: Mutex<State<P>>,
}

struct State<P> {
    packets: VecDeque<P>,
    receiver: Receiver,
}

/// The receiving end.
enum Receiver {
    /// Its thread has not come up yet.
    Starting { stopped: bool },
    /// Every packet in the queue has been noted, or is about to be.
    Open(Address),
    /// Takes nothing any more. The queue is empty.
    Closed {
        /// Its loop goes on, and may be asked to stop.
        address: Option<Address>,
        /// It is not only closed: its loop has ended, and says so with a last packet of its own.
        ended: bool,
    },
}

impl Receiver {
    fn close(self, ends: bool) -> Self {
        let (address, ended) = match self {
            Self::Starting { .. } => (None, false),
            Self::Open(address) => (Some(address), false),
            Self::Closed { address, ended } => (address, ended),
        };
        Self::Closed { address, ended: ended || ends }
    }
}

impl<P> Channel<P> {
    pub(super) fn new() -> Self {
        let receiver = Receiver::Starting { stopped: false };
        Self { state: Mutex::new(State { packets: VecDeque::new(), receiver }) }
    }

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().expect("no code that could panic runs under the lock")
    }

    /// Appends a packet. Gives it back if the receiving end is closed.
    pub(super) fn send(&self, packet: P) -> Result<(), P> {
        let mut state = self.lock();
        let address = match &state.receiver {
            Receiver::Starting { .. } => None,
            Receiver::Open(address) => Some(address.clone()),
            Receiver::Closed { .. } => return Err(packet),
        };
        state.packets.push_back(packet);
        drop(state);
        if let Some(address) = address {
            address.note_arrival();
        }
        Ok(())
    }

    /// Opens the receiving end. Returns `false` if it was asked to stop already.
    pub(super) fn open(&self, address: &Address) -> bool {
        let mut state = self.lock();
        if matches!(state.receiver, Receiver::Starting { stopped: true } | Receiver::Closed { .. }) {
            return false;
        }
        state.receiver = Receiver::Open(address.clone());
        let waiting = state.packets.len();
        drop(state);
        (0..waiting).for_each(|_| address.note_arrival());
        true
    }

    /// Takes the oldest packet.
    pub(super) fn receive(&self) -> Option<P> {
        self.lock().packets.pop_front()
    }

    /// Closes the receiving end. Returns what was not received, to be dropped by the thread it was for.
    #[must_use = "the packets are dropped where this was called"]
    pub(super) fn close(&self) -> VecDeque<P> {
        self.close_as(false)
    }

    /// [`close`](Self::close), because the loop of the receiving end has ended.
    #[must_use = "the packets are dropped where this was called"]
    pub(super) fn end(&self) -> VecDeque<P> {
        self.close_as(true)
    }

    fn close_as(&self, ends: bool) -> VecDeque<P> {
        let mut state = self.lock();
        let before = mem::replace(&mut state.receiver, Receiver::Closed { address: None, ended: false });
        state.receiver = before.close(ends);
        mem::take(&mut state.packets)
    }

    /// Whether the loop of the receiving end has ended.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.lock().receiver, Receiver::Closed { ended: true, .. })
    }

    /// Asks the loop of the receiving end to stop.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        let address = match &mut state.receiver {
            Receiver::Starting { stopped } => {
                *stopped = true;
                None
            }
            Receiver::Open(address) => Some(address.clone()),
            Receiver::Closed { address, .. } => address.clone(),
        };
        drop(state);
        if let Some(address) = address {
            address.inbox.stop();
        }
    }
}

#[cfg(all(test, thenable_loom))]
mod tests {
    use std::sync::Arc;

    use loom::thread;

    use super::{Address, Channel, Packet};
    use crate::inbox::Inbox;
    use crate::inbox::home::Message;
    use crate::worker::error::PortClosed;

    type Numbers = Channel<Packet<u32, ()>>;

    fn address() -> Address {
        Address { inbox: Arc::new(Inbox::new()), key: 7 }
    }

    /// Sleeps until something arrives, and returns how many packets were noted.
    fn notes(address: &Address) -> usize {
        address.inbox.park(None);
        let mut batch = Vec::new();
        address.inbox.take(&mut batch);
        assert!(batch.iter().all(|(_, message)| matches!(message, Message::Arrived(7))));
        batch.len()
    }

    #[test]
    fn each_packet_is_noted_once_whether_the_thread_is_up_or_not() {
        loom::model(|| {
            let (channel, address) = (Arc::new(Numbers::new()), address());
            let sender = channel.clone();
            let thread = thread::spawn(move || (1..=2).for_each(|n| sender.send_message(n).unwrap()));
            assert!(channel.open(&address));
            let mut received = Vec::new();
            while received.len() < 2 {
                for _ in 0..notes(&address) {
                    let Some(Packet::Message(n)) = channel.receive() else { panic!("a note without a packet") };
                    received.push(n);
                }
            }
            thread.join().unwrap();
            assert_eq!(received, [1, 2]);
            let mut rest = Vec::new();
            address.inbox.take(&mut rest);
            assert!(rest.is_empty(), "a packet was noted twice");
        });
    }

    #[test]
    fn a_message_is_there_or_comes_back_when_the_channel_closes() {
        loom::model(|| {
            let (channel, address) = (Arc::new(Numbers::new()), address());
            assert!(channel.open(&address));
            let sender = channel.clone();
            let thread = thread::spawn(move || sender.send_message(7));
            let unread = channel.end();
            match thread.join().unwrap() {
                Ok(()) => assert!(matches!(unread.as_slices().0, [Packet::Message(7)])),
                Err(PortClosed(message)) => assert_eq!((message, unread.len()), (7, 0)),
            }
            assert!(channel.has_ended());
            drop(channel.close());
            assert!(channel.has_ended(), "it stays so");
        });
    }

    #[test]
    fn a_loop_that_is_asked_to_stop_while_it_comes_up_stops() {
        loom::model(|| {
            let (channel, address) = (Arc::new(Numbers::new()), address());
            let stopper = channel.clone();
            let thread = thread::spawn(move || stopper.stop());
            if channel.open(&address) {
                // If it were not told, this would never end, which the model reports.
                address.inbox.park(None);
                assert!(address.inbox.is_stopped());
            }
            thread.join().unwrap();
        });
    }

    #[test]
    fn a_loop_that_is_asked_to_stop_while_it_closes_its_end_stops() {
        loom::model(|| {
            let (channel, address) = (Arc::new(Numbers::new()), address());
            assert!(channel.open(&address));
            let stopper = channel.clone();
            let thread = thread::spawn(move || stopper.stop());
            // Its loop goes on, and sleeps.
            drop(channel.close());
            address.inbox.park(None);
            assert!(address.inbox.is_stopped());
            thread.join().unwrap();
        });
    }
}

//! The receiving end of a channel, on the thread that listens.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use super::channel::{Address, Channel, Packet};
use crate::inbox::home::{self, Hold, Holds, Message, Receiver};

/// What is called with each message.
pub(super) type Listener<M> = Box<dyn FnMut(M)>;

/// What is called with the last packet.
type OnLast<L> = Box<dyn FnOnce(L)>;

/// Receives packets, each in a macrotask of its own, and calls the listener with messages.
///
/// The thread keeps it at home; handles have weak references, so that a listener may own a handle. Messages wait for a listener.
pub(super) struct Inlet<M, L> {
    channel: Arc<Channel<Packet<M, L>>>,
    address: Address,
    /// Packets that were taken from the channel and wait for a listener, or for their turn after those that waited for one.
    waiting: RefCell<VecDeque<Packet<M, L>>>,
    /// Out of its place while it is called.
    listener: RefCell<Option<Listener<M>>>,
    /// Which listener it is, if there is one: they are numbered.
    listening: Cell<Option<u64>>,
    latest: Cell<u64>,
    /// Called with the last packet.
    on_last: Cell<Option<OnLast<L>>>,
    /// The last packet was received, or the inlet was closed.
    ended: Cell<bool>,
    /// No handle is left that could give it a listener.
    orphaned: Cell<bool>,
    keeps_alive: KeepsAlive,
    wanted_alive: Cell<bool>,
    /// What keeps the loop alive to which it belongs.
    holds: Holds,
    hold: Cell<Option<Hold>>,
}

/// When an inlet keeps the loop going, if that is wanted, besides while it delivers what waited for a listener.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KeepsAlive {
    /// Until the last packet: the parent's, as long as the worker lives.
    UntilLast,
    /// Until the last packet, while there is a listener: a port.
    WhileListening,
}

impl<M: 'static, L: 'static> Inlet<M, L> {
    /// Opens the receiving end of `channel` on this thread. Returns `None` if the loop was asked to stop before.
    pub(super) fn open(
        channel: Arc<Channel<Packet<M, L>>>,
        keeps_alive: KeepsAlive,
        on_last: impl FnOnce(L) + 'static,
    ) -> Option<Rc<Self>> {
        let (inbox, key) = home::new_key();
        let address = Address { inbox, key };
        if !channel.open(&address) {
            return None;
        }
        let inlet = Rc::new(Self {
            channel,
            address,
            waiting: RefCell::default(),
            listener: RefCell::default(),
            listening: Cell::new(None),
            latest: Cell::new(0),
            on_last: Cell::new(Some(Box::new(on_last))),
            ended: Cell::new(false),
            orphaned: Cell::new(false),
            keeps_alive,
            wanted_alive: Cell::new(true),
            holds: home::holds(),
            hold: Cell::new(None),
        });
        inlet.update_hold();
        home::keep_receiver(key, inlet.clone());
        Some(inlet)
    }
}

impl<M, L> Inlet<M, L> {
    /// Calls `listener` with each message from now on, those that wait included. Returns its number.
    pub(super) fn listen(&self, listener: Listener<M>) -> u64 {
        let number = self.latest.get() + 1;
        self.latest.set(number);
        let before = self.listening.replace(Some(number));
        let replaced = self.listener.replace(Some(listener));
        if self.keeps_alive == KeepsAlive::WhileListening {
            self.wanted_alive.set(true);
        }
        self.update_hold();
        if before.is_none() {
            for _ in 0..self.waiting.borrow().len() {
                let _ = self.address.inbox.push(Message::Resume(self.address.key));
            }
        }
        drop(replaced);
        number
    }

    /// Removes the listener with this number, or whichever there is.
    pub(super) fn unlisten(&self, number: Option<u64>) -> bool {
        let is_there = match number {
            Some(_) => self.listening.get() == number,
            None => self.listening.get().is_some(),
        };
        if is_there {
            self.listening.set(None);
            let removed = self.listener.take();
            self.update_hold();
            drop(removed);
            self.retire_if_done();
        }
        is_there
    }

    /// Says whether the loop is to be kept going, if there is a reason to.
    pub(super) fn keep_alive(&self, wanted: bool) {
        self.wanted_alive.set(wanted);
        self.update_hold();
    }

    /// Whether it keeps its loop alive, and another loop is entered.
    pub(super) fn holds_another_loop(&self) -> bool {
        let hold = self.hold.take();
        let holds = hold.is_some();
        self.hold.set(hold);
        holds && !home::is_home(&self.address.inbox)
    }

    /// No handle is left.
    pub(super) fn orphan(&self) {
        self.orphaned.set(true);
        self.retire_if_done();
    }

    /// Does what the last packet does.
    pub(super) fn finish(&self, last: L) {
        self.ended.set(true);
        self.update_hold();
        if let Some(on_last) = self.on_last.take() {
            on_last(last);
        }
    }

    /// Closes the channel, and drops the listener and everything that waits.
    pub(super) fn retire(&self) {
        self.ended.set(true);
        self.listening.set(None);
        self.update_hold();
        let unread = (self.channel.close(), self.waiting.take(), self.listener.take());
        home::forget_receiver(&self.address.inbox, self.address.key);
        drop(unread);
    }

    fn update_hold(&self) {
        let listens = self.listening.get().is_some();
        let expects = !self.ended.get() && (self.keeps_alive == KeepsAlive::UntilLast || listens);
        // What waits has its turn to come, also after the last packet.
        let delivers = listens && !self.waiting.borrow().is_empty();
        let holds = self.wanted_alive.get() && (expects || delivers);
        let hold = self.hold.take();
        self.hold.set(holds.then(|| hold.unwrap_or_else(|| self.holds.hold())));
    }

    fn retire_if_done(&self) {
        let is_deaf = self.orphaned.get() && self.listening.get().is_none();
        if self.ended.get() {
            if is_deaf || self.waiting.borrow().is_empty() {
                self.retire();
            }
        } else if is_deaf {
            match self.keeps_alive {
                // Nobody will ever listen again.
                KeepsAlive::WhileListening => self.retire(),
                // The last packet is still of interest.
                KeepsAlive::UntilLast => self.drop_messages(),
            }
        }
    }

    fn drop_messages(&self) {
        let (messages, last): (VecDeque<_>, _) =
            self.waiting.take().into_iter().partition(|packet| matches!(packet, Packet::Message(_)));
        *self.waiting.borrow_mut() = last;
        drop(messages);
    }

    /// The next packet whose turn it is. Without a listener, messages stay.
    fn next(&self) -> Option<Packet<M, L>> {
        let mut waiting = self.waiting.borrow_mut();
        if self.listening.get().is_some() {
            return waiting.pop_front();
        }
        let index = waiting.iter().position(|packet| matches!(packet, Packet::Last(_)))?;
        waiting.remove(index)
    }

    fn process_next(&self) {
        match self.next() {
            Some(Packet::Message(message)) => self.call_listener(message),
            Some(Packet::Last(last)) => self.finish(last),
            None => {}
        }
        self.update_hold();
        self.retire_if_done();
    }

    fn call_listener(&self, message: M) {
        let mut called = Called { listener: self.listener.take(), number: self.listening.get(), place: self };
        if let Some(listener) = &mut called.listener {
            listener(message);
        }
    }
}

/// A listener that was taken out of its place to be called, and goes back unless it was removed or replaced meanwhile.
struct Called<'a, M, L> {
    listener: Option<Listener<M>>,
    number: Option<u64>,
    place: &'a Inlet<M, L>,
}

impl<M, L> Drop for Called<'_, M, L> {
    fn drop(&mut self) {
        if self.number == self.place.listening.get() {
            *self.place.listener.borrow_mut() = self.listener.take();
        }
    }
}

impl<M: 'static, L: 'static> Receiver for Inlet<M, L> {
    fn arrived(self: Rc<Self>) {
        if let Some(packet) = self.channel.receive() {
            self.waiting.borrow_mut().push_back(packet);
        }
        self.process_next();
    }

    fn resume(self: Rc<Self>) {
        self.process_next();
    }

    fn is_open(&self) -> bool {
        !self.ended.get()
    }
}

impl<M, L> Drop for Inlet<M, L> {
    /// The thread ends, or the channel was closed before.
    fn drop(&mut self) {
        drop(self.channel.close());
    }
}

//! Settling a promise of this thread from any other.

use std::any::Any;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use crate::cell::PromiseCell;
use crate::cell::handle::{Promise, settle};
use crate::cell::node::{Plain, PromiseNode};
use crate::error::LoopClosed;
use crate::inbox::Inbox;
use crate::inbox::home::{self, Key, Message};
use crate::inbox::targets::{AwaitedBy, Target, Waiting};
use crate::outcome::{Fault, Outcome};
use crate::resolve::lose_resolvers;

impl<T: Send + 'static, E: Debug + Send + 'static> Promise<T, E> {
    /// A promise of this thread, and a resolver that may go to any other.
    ///
    /// What the resolver sends arrives as a macrotask of this thread's loop, as a completion of the thread pool does in
    /// Node: microtasks and ticks run between any two. While a resolver exists, [`run`](crate::run) and
    /// [`block_on`](crate::block_on) wait for it; the thread sleeps meanwhile.
    ///
    /// ```
    /// use thenable::{Promise, block_on};
    ///
    /// let (promise, resolver) = Promise::<u32, String>::remote();
    /// std::thread::spawn(move || resolver.resolve(6 * 7));
    /// assert_eq!(block_on(promise), Ok(42));
    /// ```
    #[track_caller]
    pub fn remote() -> (Self, RemoteResolver<T, E>) {
        Self::remote_awaited(AwaitedBy::Runs, Location::caller())
    }

    /// [`remote`](Self::remote), with a resolver for which neither `run` nor a virtual clock waits.
    #[cfg(feature = "signal")]
    #[track_caller]
    pub(crate) fn remote_idle() -> (Self, RemoteResolver<T, E>) {
        Self::remote_awaited(AwaitedBy::Nobody, Location::caller())
    }

    fn remote_awaited(awaited: AwaitedBy, made_at: &'static Location<'static>) -> (Self, RemoteResolver<T, E>) {
        let node = Rc::new(PromiseNode { cell: PromiseCell::pending(made_at), kind: Plain });
        let promise = Promise::from_consumer(node.clone());
        let (inbox, key) = home::new_key();
        home::keep_target(key, Waiting::new(node), awaited);
        (promise, RemoteResolver { inbox, key, used: false, types: PhantomData })
    }
}

/// Settles a promise from any thread. See [`Promise::remote`].
///
/// Dropped unused, it abandons the promise. It is used up by the call that settles.
#[must_use = "dropping a remote resolver abandons its promise"]
pub struct RemoteResolver<T, E> {
    inbox: Arc<Inbox<Message>>,
    key: Key,
    used: bool,
    types: PhantomData<fn(T, E)>,
}

/// What travels from the resolver to its promise.
enum Parcel<T, E> {
    Value(T),
    Reason(E),
    Panic(Box<dyn Any + Send>),
}

impl<T: Send + 'static, E: Send + 'static> RemoteResolver<T, E> {
    /// Fulfills the promise.
    ///
    /// # Errors
    ///
    /// If the promise's thread has ended: the value comes back.
    pub fn resolve(self, value: T) -> Result<(), LoopClosed<T>> {
        self.send(Parcel::Value(value)).map_err(|parcel| match parcel {
            Parcel::Value(value) => LoopClosed(value),
            _ => unreachable!("what comes back is what was sent"),
        })
    }

    /// Rejects the promise.
    ///
    /// # Errors
    ///
    /// If the promise's thread has ended: the reason comes back.
    pub fn reject(self, reason: E) -> Result<(), LoopClosed<E>> {
        self.send(Parcel::Reason(reason)).map_err(|parcel| match parcel {
            Parcel::Reason(reason) => LoopClosed(reason),
            _ => unreachable!("what comes back is what was sent"),
        })
    }

    /// Settles the promise with a [`Fault`]: `payload` is what [`std::panic::catch_unwind`] caught.
    ///
    /// # Errors
    ///
    /// If the promise's thread has ended: the payload comes back.
    pub fn fault(self, payload: Box<dyn Any + Send>) -> Result<(), LoopClosed<Box<dyn Any + Send>>> {
        self.send(Parcel::Panic(payload)).map_err(|parcel| match parcel {
            Parcel::Panic(payload) => LoopClosed(payload),
            _ => unreachable!("what comes back is what was sent"),
        })
    }

    fn send(mut self, parcel: Parcel<T, E>) -> Result<(), Parcel<T, E>> {
        self.used = true;
        self.inbox.push(Message::Settle(self.key, Box::new(parcel))).map_err(|message| match message {
            Message::Settle(_, parcel) => *parcel.downcast().expect("what comes back is what was sent"),
            _ => unreachable!("what comes back is what was sent"),
        })
    }
}

impl<T, E> Drop for RemoteResolver<T, E> {
    fn drop(&mut self) {
        if !self.used {
            // If the promise's thread has ended, so has the promise.
            let _ = self.inbox.push(Message::Abandon(self.key));
        }
    }
}

impl<T, E> fmt::Debug for RemoteResolver<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteResolver").finish_non_exhaustive()
    }
}

/// The promise itself is the target, so nothing is allocated for that.
impl<T: Send + 'static, E: Debug + Send + 'static> Target for PromiseNode<T, E, Plain> {
    fn settle(self: Rc<Self>, parcel: Box<dyn Any + Send>) {
        let parcel = parcel.downcast::<Parcel<T, E>>().expect("a resolver and its promise have the same types");
        let outcome = match *parcel {
            Parcel::Value(value) => Outcome::Fulfilled(value),
            Parcel::Reason(reason) => Outcome::Rejected(reason),
            Parcel::Panic(payload) => Outcome::Faulted(Fault::from_panic(payload)),
        };
        settle(self, outcome);
    }

    fn abandon(self: Rc<Self>) {
        lose_resolvers(&self.cell);
    }
}

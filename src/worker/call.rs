//! Calls: messages that are answered.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::thread::{self, ThreadId};

use super::channel::{Address, Channel, Packet};
use super::error::{PortClosed, WorkerError};
use crate::cell::handle::Promise;
use crate::error::LoopClosed;
use crate::inbox::Inbox;
use crate::inbox::home::{self, Key, Message};
use crate::inbox::targets::{AwaitedBy, Target, Waiting};
use crate::outcome::{Fault, Outcome};
use crate::queue::queue_microtask;
use crate::resolve::resolution::{IntoResolution, Resolution};
use crate::resolve::{Producer, attempt};

/// A message `Q` that is answered with a `T`, or rejected for an `E`.
///
/// It is what the other side gets from [`Worker::call`](crate::Worker::call) or [`Port::call`](crate::Port::call). It answers
/// at once, or keeps the call and answers later; it may send it to another thread. A call that is dropped unanswered is
/// rejected with [`WorkerError::Unanswered`].
///
/// ```
/// use thenable::{Call, Port, Worker, block_on};
///
/// let worker = Worker::spawn(|port: Port<Call<String, u32, std::num::ParseIntError>>| {
///     port.on_message(|call| call.answer(|text| text.parse()));
/// });
/// assert_eq!(block_on(worker.call("42".to_string())).unwrap(), 42);
/// assert_eq!(
///     block_on(worker.call("x".to_string())).unwrap_err().to_string(),
///     "the call was rejected: ParseIntError { kind: InvalidDigit }"
/// );
/// ```
#[must_use = "a call that is dropped is rejected"]
pub struct Call<Q, T, E = Infallible> {
    message: Q,
    reply: Reply<T, E>,
}

impl<Q, T, E> Call<Q, T, E>
where
    T: Send + 'static,
    E: Debug + Send + 'static,
{
    /// Answers with what `handler` makes of the message: a `Result`, `()`, or a promise whose outcome is sent when it settles.
    ///
    /// A panic in the handler, or a [`Fault`] of the promise, is a fault of the caller's promise. It does not end the
    /// worker.
    ///
    /// ```
    /// use thenable::{Call, Port, Promise, Worker, block_on};
    ///
    /// let worker = Worker::spawn(|port: Port<Call<u64, u64>>| {
    ///     port.on_message(|call| call.answer(|n| Promise::spawn(async move { Ok(n * 2) })));
    /// });
    /// assert_eq!(block_on(worker.call(21)).unwrap(), 42);
    /// ```
    pub fn answer<R>(self, handler: impl FnOnce(Q) -> R)
    where
        R: IntoResolution<E, Value = T>,
    {
        let Self { message, reply } = self;
        match attempt(|| Ok(handler(message).into_resolution())) {
            Ok(resolution) => reply.with(resolution),
            Err(fault) => reply.fault(fault),
        }
    }
}

impl<Q, T, E> Call<Q, T, E> {
    /// What was asked.
    pub fn message(&self) -> &Q {
        &self.message
    }

    /// The message, and what answers it.
    pub fn into_parts(self) -> (Q, Reply<T, E>) {
        (self.message, self.reply)
    }
}

impl<Q: Debug, T, E> Debug for Call<Q, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("message", &self.message).finish_non_exhaustive()
    }
}

/// Answers a [`Call`], from any thread. It is used up by the answer; dropped unused, it rejects the call with
/// [`WorkerError::Unanswered`].
#[must_use = "a call whose reply is dropped is rejected"]
pub struct Reply<T, E = Infallible> {
    /// `None` when it is used up.
    caller: Option<Address>,
    /// The thread that was called.
    called: ThreadId,
    /// `None` if a worker has called its parent.
    cause: Option<Cause>,
    types: PhantomData<fn(T, E)>,
}

/// Why a worker answers no more calls, when it has ended.
pub(super) type Cause = Arc<OnceLock<WorkerError>>;

/// What travels back.
enum Answer<T, E> {
    Value(T),
    Reason(E),
    Panic(Box<dyn Any + Send>),
}

impl<T, E> Reply<T, E>
where
    T: Send + 'static,
    E: Debug + Send + 'static,
{
    /// Fulfills the caller's promise.
    ///
    /// # Errors
    ///
    /// If the caller's thread has ended: the value comes back.
    pub fn resolve(self, value: T) -> Result<(), LoopClosed<T>> {
        self.send(Answer::Value(value)).map_err(|answer| match answer {
            Answer::Value(value) => LoopClosed(value),
            _ => unreachable!("what comes back is what was sent"),
        })
    }

    /// Rejects the caller's promise, with [`WorkerError::Rejected`].
    ///
    /// # Errors
    ///
    /// If the caller's thread has ended: the reason comes back.
    pub fn reject(self, reason: E) -> Result<(), LoopClosed<E>> {
        self.send(Answer::Reason(reason)).map_err(|answer| match answer {
            Answer::Reason(reason) => LoopClosed(reason),
            _ => unreachable!("what comes back is what was sent"),
        })
    }

    /// Answers with anything that resolves. If it is a promise, its outcome is sent when it settles; a fault is sent, too. If
    /// it is abandoned, so is the call, which rejects it.
    pub fn with(self, resolution: impl IntoResolution<E, Value = T>) {
        match resolution.into_resolution() {
            // If the caller's thread has ended nobody is left to hear of it.
            Resolution::Fulfill(value) => drop(self.resolve(value)),
            Resolution::Reject(reason) => drop(self.reject(reason)),
            pending => {
                Promise::resolve_with(pending).handle(move |outcome| match outcome {
                    Outcome::Fulfilled(value) => drop(self.resolve(value)),
                    Outcome::Rejected(reason) => drop(self.reject(reason)),
                    Outcome::Faulted(fault) => self.fault(fault),
                });
            }
        }
    }

    fn fault(self, fault: Fault) {
        drop(self.send(Answer::Panic(fault.into_payload())));
    }

    fn send(mut self, answer: Answer<T, E>) -> Result<(), Answer<T, E>> {
        let Address { inbox, key } = self.caller.take().expect("it is used up by the answer");
        inbox.push(Message::Settle(key, Box::new(answer))).map_err(|message| match message {
            Message::Settle(_, parcel) => *parcel.downcast().expect("what comes back is what was sent"),
            _ => unreachable!("what comes back is what was sent"),
        })
    }
}

impl<T, E> Drop for Reply<T, E> {
    fn drop(&mut self) {
        let Some(caller) = self.caller.take() else { return };
        let unanswered = Unanswered { caller, cause: self.cause.take() };
        if thread::panicking() && thread::current().id() == self.called {
            // If the panic ends the worker, the caller is to hear of that. If not, the microtask runs.
            queue_microtask(move || drop(unanswered));
        }
    }
}

/// Tells the caller that there is no answer, when it is dropped.
struct Unanswered {
    caller: Address,
    cause: Option<Cause>,
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        // What is dropped because the worker has ended says so, for this may arrive before the news of that: they go to
        // different loops if the call was made in another one than the worker.
        let ended = self.cause.as_ref().and_then(|cause| cause.get().cloned());
        let error = ended.unwrap_or(WorkerError::Unanswered);
        let _ = self.caller.inbox.push(Message::Settle(self.caller.key, Box::new(error)));
    }
}

impl<T, E> Debug for Reply<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").finish_non_exhaustive()
    }
}

/// The calls of one side that wait for an answer, in the order of calling, each with the inbox of the loop that called.
#[derive(Default)]
pub(super) struct Calls(RefCell<BTreeMap<Key, Arc<Inbox<Message>>>>);

impl Calls {
    /// Rejects all of them: those of the entered loop now, those of other loops of the thread by a message.
    pub(super) fn reject(&self, error: &WorkerError) {
        // Settling one runs wakers, which may call again.
        while let Some((key, inbox)) = self.take_first() {
            let rejection = Message::Settle(key, Box::new(error.clone()));
            if home::is_home(&inbox) {
                rejection.deliver();
            } else {
                // If that loop is gone, so is the promise.
                let _ = inbox.push(rejection);
            }
        }
    }

    fn take_first(&self) -> Option<(Key, Arc<Inbox<Message>>)> {
        self.0.borrow_mut().pop_first()
    }
}

/// Takes a call off the list when it is dropped.
struct Listed {
    key: Key,
    calls: Rc<Calls>,
}

impl Drop for Listed {
    fn drop(&mut self) {
        let listed = self.calls.0.borrow_mut().remove(&self.key);
        drop(listed);
    }
}

/// Whom a call goes to.
pub(super) struct Callee<'a, M, L> {
    pub(super) channel: &'a Channel<Packet<M, L>>,
    /// Whether the way is closed on the caller's side.
    pub(super) is_closed: bool,
    pub(super) thread: ThreadId,
    pub(super) cause: Option<&'a Cause>,
    pub(super) calls: &'a Rc<Calls>,
    /// Who waits for the answer.
    pub(super) awaited: AwaitedBy,
}

impl<M, L> Callee<'_, M, L> {
    /// Sends a call. Gives the message back if nobody takes it.
    pub(super) fn call<Q, T, E>(
        &self,
        wrap: impl FnOnce(Call<Q, T, E>) -> M,
        message: Q,
        made_at: &'static Location<'static>,
    ) -> Result<Promise<T, WorkerError<E>>, PortClosed<M>>
    where
        T: Send + 'static,
        E: Debug + Send + 'static,
    {
        let (promise, caller) = self.expect_answer::<T, E>(made_at);
        let key = caller.key;
        let cause = self.cause.cloned();
        let reply = Reply { caller: Some(caller), called: self.thread, cause, types: PhantomData };
        let message = wrap(Call { message, reply });
        let sent = if self.is_closed { Err(PortClosed(message)) } else { self.channel.send_message(message) };
        sent.map(|()| promise).inspect_err(|_| Message::Abandon(key).deliver())
    }

    /// A promise that waits for an answer, and where the answer goes.
    pub(super) fn expect_answer<T, E>(
        &self,
        made_at: &'static Location<'static>,
    ) -> (Promise<T, WorkerError<E>>, Address)
    where
        T: Send + 'static,
        E: Debug + Send + 'static,
    {
        let (promise, producer) = Producer::of_outcome(made_at);
        let (inbox, key) = home::new_key();
        // The list first: if the thread is about to end, the target is dropped at once.
        self.calls.0.borrow_mut().insert(key, inbox.clone());
        let listed = Listed { key, calls: self.calls.clone() };
        home::keep_target(key, Waiting::new(Rc::new(Pending { producer, _listed: listed })), self.awaited);
        (promise, Address { inbox, key })
    }
}

/// The promise of a call, at home.
struct Pending<T, E> {
    producer: Producer<T, WorkerError<E>>,
    /// Held for its drop.
    _listed: Listed,
}

impl<T, E> Target for Pending<T, E>
where
    T: Send + 'static,
    E: Debug + Send + 'static,
{
    fn settle(self: Rc<Self>, parcel: Box<dyn Any + Send>) {
        let Self { producer, _listed: listed } = Rc::into_inner(self).expect("a call waits at home alone");
        drop(listed);
        producer.settle(match parcel.downcast::<WorkerError>() {
            Ok(error) => Outcome::Rejected(error.of_call()),
            Err(parcel) => match *parcel.downcast().expect("a reply and its promise have the same types") {
                Answer::Value(value) => Outcome::Fulfilled(value),
                Answer::Reason::<T, E>(reason) => Outcome::Rejected(WorkerError::Rejected(reason)),
                Answer::Panic(payload) => Outcome::Faulted(Fault::from_panic(payload)),
            },
        });
    }

    fn abandon(self: Rc<Self>) {
        drop(self);
    }
}

//! Signals as promises, for an orderly end.

use std::io;
use std::sync::Arc;

use thiserror::Error;

use crate::cell::handle::Promise;

/// A signal that asks a process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// `SIGINT`: somebody pressed ctrl-c.
    Interrupt,
    /// `SIGTERM`: the system, or whoever supervises the process, wants it to end.
    Terminate,
    /// `SIGHUP`: the terminal was closed.
    Hangup,
}

/// The process cannot be told of a signal.
///
/// The system refused it; on systems other than Unix it always does, with [`io::ErrorKind::Unsupported`].
#[derive(Clone, Debug, Error)]
#[error("cannot wait for a signal: {0}")]
pub struct SignalError(#[source] Arc<io::Error>);

impl SignalError {
    /// What the system said.
    pub fn kind(&self) -> io::ErrorKind {
        self.0.kind()
    }
}

/// A promise of the next ctrl-c: `process.once("SIGINT", ..)` of Node. It is [`next_signal`] of [`Signal::Interrupt`].
///
/// ```no_run
/// use thenable::{Port, Worker, ctrl_c, run};
///
/// run(|| {
///     let worker = Worker::spawn(|port: Port<String>| port.on_message(|line| println!("{line}")));
///     ctrl_c().map(move |()| worker.close()).catch(|error| eprintln!("{error}"));
/// })?;
/// # Ok::<(), thenable::UnhandledRejection>(())
/// ```
#[track_caller]
pub fn ctrl_c() -> Promise<(), SignalError> {
    next_signal(Signal::Interrupt)
}

/// A promise of the next signal of this kind, for this thread: `process.once("SIGTERM", ..)` of Node.
///
/// Each call gives a promise of its own, and a signal fulfills all that wait for it, in any thread. It arrives as a macrotask.
///
/// As in Node, it does not keep the loop going: [`run`](crate::run) returns when nothing else is left. A
/// [`block_on`](crate::block_on) that waits for it does wait.
///
/// And as in Node, a signal does what it does by default, which is to end the process, whenever no promise waits for it. So
/// if the first ctrl-c begins a shutdown that hangs, the second one ends it; a program that wants to hear of the second asks
/// again. To drop the promise is not to stop waiting. Before the first call for a kind of signal, nothing is changed; from then
/// on this crate decides what that signal does, also where other code of the process has installed a handler.
///
/// # Errors
///
/// Rejected if the system does not let the process wait for the signal.
#[track_caller]
pub fn next_signal(signal: Signal) -> Promise<(), SignalError> {
    let (promise, resolver) = Promise::remote_idle();
    if let Err((error, resolver)) = platform::wait(signal, resolver) {
        // This thread has not ended, so it takes the rejection.
        let _ = resolver.reject(SignalError(Arc::new(error)));
    }
    promise
}

#[cfg(unix)]
mod platform {
    use std::io;
    use std::mem;
    use std::sync::{Mutex, MutexGuard, PoisonError};
    use std::thread;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::{Handle, Signals};
    use signal_hook::low_level::emulate_default_handler;

    use super::{Signal, SignalError};
    use crate::remote::RemoteResolver;

    type Resolver = RemoteResolver<(), SignalError>;

    /// Who waits for what, and the handle of the thread that is told of signals.
    struct Registry {
        handle: Option<Handle>,
        waiting: Vec<(i32, Resolver)>,
    }

    static REGISTRY: Mutex<Registry> = Mutex::new(Registry { handle: None, waiting: Vec::new() });

    fn registry() -> MutexGuard<'static, Registry> {
        // A list is not left half changed by a panic.
        REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `resolver` resolved by the next signal. Gives it back if that cannot be.
    pub(super) fn wait(signal: Signal, resolver: Resolver) -> Result<(), (io::Error, Resolver)> {
        let number = match signal {
            Signal::Interrupt => SIGINT,
            Signal::Terminate => SIGTERM,
            Signal::Hangup => SIGHUP,
        };
        let mut registry = registry();
        let listening = match &registry.handle {
            Some(handle) => handle.add_signal(number),
            None => listen(number).map(|handle| registry.handle = Some(handle)),
        };
        match listening {
            Ok(()) => {
                registry.waiting.push((number, resolver));
                Ok(())
            }
            Err(error) => Err((error, resolver)),
        }
    }

    /// Starts the thread that is told of signals. It lives as long as the process.
    fn listen(number: i32) -> io::Result<Handle> {
        let mut signals = Signals::new([number])?;
        let handle = signals.handle();
        let told = move || signals.forever().for_each(deliver);
        thread::Builder::new().name("signals".to_string()).spawn(told)?;
        Ok(handle)
    }

    /// Fulfills the promises that wait for a signal. Without one, it does what the signal does by default.
    fn deliver(number: i32) {
        let mut registry = registry();
        let (waiting, others) = mem::take(&mut registry.waiting).into_iter().partition(|(other, _)| *other == number);
        registry.waiting = others;
        drop(registry);
        let waiting: Vec<(i32, Resolver)> = waiting;
        // The thread of a promise may have ended.
        let heard = waiting.into_iter().filter_map(|(_, resolver)| resolver.resolve(()).ok()).count();
        if heard == 0 {
            // It knows these signals. If it fails all the same there is nobody to be told.
            let _ = emulate_default_handler(number);
        }
    }
}

#[cfg(not(unix))]
mod platform {
    use std::io;

    use super::{Signal, SignalError};
    use crate::remote::RemoteResolver;

    type Resolver = RemoteResolver<(), SignalError>;

    pub(super) fn wait(_: Signal, resolver: Resolver) -> Result<(), (io::Error, Resolver)> {
        Err((io::ErrorKind::Unsupported.into(), resolver))
    }
}

//! Why something was aborted.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// Something was aborted: the reason of an [`AbortSignal`](crate::AbortSignal), and what promises are rejected with that it cuts
/// off. On the web this is whatever was given to `abort(reason)`, a `DOMException` called `AbortError` if nothing was.
///
/// The reason is any error that may leave its thread, or a text. Clones share it, and are equal; those of two aborts are not.
///
/// Where an abort can reject a promise, the type of its reasons has to be made of this: `E: From<Aborted>`. A
/// `Box<dyn Error + Send + Sync>` is, and so are the types of `anyhow` and its like.
///
/// ```
/// use thenable::{AbortController, Aborted, Promise, block_on};
///
/// #[derive(Debug)]
/// enum ShopError { SoldOut, Aborted(Aborted) }
///
/// impl From<Aborted> for ShopError {
///     fn from(aborted: Aborted) -> Self {
///         Self::Aborted(aborted)
///     }
/// }
///
/// let controller = AbortController::new();
/// let (order, _resolve, _reject) = Promise::<u32, ShopError>::with_resolvers();
/// let order = order.abortable(&controller.signal());
/// controller.abort_with("the shop closes");
/// match block_on(order) {
///     Err(ShopError::Aborted(aborted)) => assert_eq!(aborted.to_string(), "aborted: the shop closes"),
///     other => unreachable!("{other:?}"),
/// }
/// ```
#[derive(Clone)]
pub struct Aborted {
    /// `None` if no reason was given.
    reason: Arc<Option<Box<dyn Error + Send + Sync>>>,
}

impl Aborted {
    /// An abort for `reason`: an error, or a text. Of an `Aborted` it makes a clone of that one.
    pub fn new(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        match reason.into().downcast::<Self>() {
            Ok(aborted) => *aborted,
            Err(reason) => Self { reason: Arc::new(Some(reason)) },
        }
    }

    /// The reason, if one was given.
    pub fn reason(&self) -> Option<&(dyn Error + 'static)> {
        self.reason.as_deref().map(|reason| reason as &(dyn Error + 'static))
    }

    /// The reason, if it is an `R`.
    pub fn downcast_ref<R: Error + 'static>(&self) -> Option<&R> {
        self.reason()?.downcast_ref()
    }

    /// Whether the reason is [`TimedOut`].
    pub fn is_timeout(&self) -> bool {
        self.downcast_ref::<TimedOut>().is_some()
    }
}

impl Default for Aborted {
    /// An abort for no reason.
    fn default() -> Self {
        Self { reason: Arc::new(None) }
    }
}

impl fmt::Debug for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Some(reason) => f.debug_tuple("Aborted").field(&reason).finish(),
            None => f.write_str("Aborted"),
        }
    }
}

impl fmt::Display for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Some(reason) => write!(f, "aborted: {reason}"),
            None => f.write_str("aborted"),
        }
    }
}

impl Error for Aborted {
    /// What is behind the reason, which [`Display`](fmt::Display) shows already.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.reason()?.source()
    }
}

impl PartialEq for Aborted {
    /// Two are equal when they are clones of one.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.reason, &other.reason)
    }
}

impl Eq for Aborted {}

/// Time is up: why [`AbortSignal::timeout`](crate::AbortSignal::timeout), [`Promise::timeout`](crate::Promise::timeout) and their
/// like abort. On the web it is a `DOMException` called `TimeoutError`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Error)]
#[error("the time is up")]
pub struct TimedOut;

//! The state of a signal: aborted or not, who can abort it, and who waits for it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::{Rc, Weak};

use super::aborted::Aborted;
use crate::disposal::{Disposal, dispose};
use crate::queue::next_tick;

/// Somebody who waits for the abort.
pub(crate) trait Listen: Any {
    /// It has come.
    fn aborted(self: Rc<Self>, aborted: &Aborted);

    /// Whether nobody can see any more what this does at the abort. It stays so.
    fn is_gone(&self) -> bool {
        false
    }
}

/// The place of what waits for a signal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Listener(u64),
    Follower(u64),
}

/// Drops them where user code may run.
fn free(listeners: impl IntoIterator<Item = Rc<dyn Listen>>) {
    listeners.into_iter().for_each(|listener| dispose(Disposal::Free(listener)));
}

/// What a signal is.
pub(crate) struct Core {
    aborted: RefCell<Option<Aborted>>,
    /// Who waits for the abort, in the order of registration; after it, who has still to be told.
    listeners: RefCell<BTreeMap<u64, Rc<dyn Listen>>>,
    /// Signals that are aborted with this one. None of them has followers itself.
    followers: RefCell<BTreeMap<u64, Source>>,
    /// How many listeners and followers there have been.
    count: Cell<u64>,
    /// With so many listeners it is worth a look whether some of them are gone.
    sweep_at: Cell<usize>,
    /// How many [`AbortSignal`](super::signal::AbortSignal)s there are.
    handles: Cell<usize>,
    /// How many [`Source`]s there are. Without one it is certain that the abort will never come, and there are no listeners.
    sources: Cell<usize>,
    /// What will abort it, if that is not a controller. It lets go of the signal when it is dropped.
    upstream: RefCell<Upstream>,
}

/// What aborts a signal that has no controller.
pub(crate) enum Upstream {
    Nothing,
    /// Other signals, each of which has a controller or a guard.
    Signals(Vec<Registration>),
    /// The guard of a timer, or of the place among those who wait for a promise.
    Guard(#[expect(dead_code, reason = "it is there to be dropped")] Box<dyn Any>),
}

const SMALL: usize = 32;

impl Core {
    /// A signal that nobody can abort yet.
    pub(crate) fn new() -> Rc<Self> {
        Self::in_state(None)
    }

    /// A signal that is aborted.
    pub(crate) fn new_aborted(aborted: Aborted) -> Rc<Self> {
        Self::in_state(Some(aborted))
    }

    fn in_state(aborted: Option<Aborted>) -> Rc<Self> {
        Rc::new(Self {
            aborted: RefCell::new(aborted),
            listeners: RefCell::default(),
            followers: RefCell::default(),
            count: Cell::new(0),
            sweep_at: Cell::new(SMALL),
            handles: Cell::new(0),
            sources: Cell::new(0),
            upstream: RefCell::new(Upstream::Nothing),
        })
    }

    /// A signal that is aborted with the first of `signals`: "create a dependent abort signal" of the DOM standard.
    pub(crate) fn any(signals: &[Rc<Self>]) -> Rc<Self> {
        if let Some(aborted) = signals.iter().find_map(|signal| signal.aborted()) {
            return Self::new_aborted(aborted);
        }
        // Signals that follow others are replaced by those, so that no signal follows one that follows.
        let mut roots = BTreeMap::new();
        for signal in signals {
            match &*signal.upstream.borrow() {
                Upstream::Signals(followed) => {
                    let followed = followed.iter().filter_map(|registration| registration.core.upgrade());
                    roots.extend(followed.map(|root| (Rc::as_ptr(&root), root)));
                }
                Upstream::Nothing | Upstream::Guard(_) => _ = roots.insert(Rc::as_ptr(signal), signal.clone()),
            }
        }
        let core = Self::new();
        let followed = roots.values().filter(|root| root.may_abort()).map(|root| {
            let number = root.next_number();
            root.followers.borrow_mut().insert(number, Source::new(&core));
            Registration { core: Rc::downgrade(root), place: Place::Follower(number) }
        });
        let followed = followed.collect();
        core.set_upstream(Upstream::Signals(followed));
        core
    }

    /// Says what will abort it.
    pub(crate) fn set_upstream(&self, upstream: Upstream) {
        *self.upstream.borrow_mut() = upstream;
    }

    pub(crate) fn aborted(&self) -> Option<Aborted> {
        self.aborted.borrow().clone()
    }

    /// Whether the abort may come.
    pub(crate) fn may_abort(&self) -> bool {
        self.sources.get() > 0 && self.aborted.borrow().is_none()
    }

    /// Registers `listener`, until the registration is dropped. `None` if the abort will never come, or has come already.
    pub(crate) fn listen(self: &Rc<Self>, listener: Rc<dyn Listen>) -> Option<Registration> {
        if !self.may_abort() {
            free([listener]);
            return None;
        }
        self.sweep();
        let number = self.next_number();
        self.listeners.borrow_mut().insert(number, listener);
        Some(Registration { core: Rc::downgrade(self), place: Place::Listener(number) })
    }

    fn next_number(&self) -> u64 {
        self.count.replace(self.count.get() + 1)
    }

    /// Drops the listeners that are gone, whenever their number has doubled.
    fn sweep(&self) {
        let mut listeners = self.listeners.borrow_mut();
        if listeners.len() < self.sweep_at.get() {
            return;
        }
        let (gone, kept): (BTreeMap<_, _>, _) =
            mem::take(&mut *listeners).into_iter().partition(|(_, listener)| listener.is_gone());
        *listeners = kept;
        self.sweep_at.set(SMALL.max(2 * listeners.len()));
        drop(listeners);
        free(gone.into_values());
    }

    /// Who is at `place` does not care any more.
    fn forget(&self, place: Place) {
        match place {
            Place::Listener(number) => {
                let listener = self.listeners.borrow_mut().remove(&number);
                free(listener);
            }
            Place::Follower(number) => {
                let follower = self.followers.borrow_mut().remove(&number);
                drop(follower);
            }
        }
        self.let_go_if_unused();
    }

    /// If nobody looks at the signal, nobody waits for it, and nobody can begin to: lets go of what would abort it.
    fn let_go_if_unused(&self) {
        if self.handles.get() == 0 && self.listeners.borrow().is_empty() && self.followers.borrow().is_empty() {
            self.let_go();
        }
    }

    fn let_go(&self) {
        drop(self.upstream.replace(Upstream::Nothing));
    }

    pub(super) fn add_handle(&self) {
        self.handles.set(self.handles.get() + 1);
    }

    pub(super) fn drop_handle(&self) {
        self.handles.set(self.handles.get() - 1);
        self.let_go_if_unused();
    }

    /// Aborts, unless it is aborted already: "signal abort" of the DOM standard. Those that follow are aborted before the first
    /// listener is called; their listeners are called last.
    fn abort(&self, aborted: &Aborted) {
        if !self.mark(aborted) {
            return;
        }
        let followers = self.followers.take();
        let followers: Vec<Source> = followers.into_values().filter(|follower| follower.core.mark(aborted)).collect();
        self.tell(aborted);
        for follower in followers {
            follower.core.tell(aborted);
        }
    }

    /// Returns whether it was not aborted before.
    fn mark(&self, aborted: &Aborted) -> bool {
        let is_first = self.aborted.borrow().is_none();
        if is_first {
            *self.aborted.borrow_mut() = Some(aborted.clone());
            self.let_go();
        }
        is_first
    }

    /// Calls the listeners one after the other, in the order of registration.
    fn tell(&self, aborted: &Aborted) {
        while let Some(listener) = self.next_listener() {
            // As an exception in Node, a panic of one does not keep it from the others, and ends the operation later.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| listener.aborted(aborted))) {
                next_tick(move || resume_unwind(payload));
            }
        }
    }

    fn next_listener(&self) -> Option<Rc<dyn Listen>> {
        self.listeners.borrow_mut().pop_first().map(|(_, listener)| listener)
    }
}

/// A place among those who wait for a signal. It is given up when this is dropped.
pub(crate) struct Registration {
    /// It is weak, so that a listener may own what the signal owns.
    core: Weak<Core>,
    place: Place,
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(core) = self.core.upgrade() {
            core.forget(self.place);
        }
    }
}

impl Registration {
    /// Leaves the listener where it is.
    pub(crate) fn detach(mut self) {
        self.core = Weak::new();
    }
}

/// One who can abort a signal. When the last one is gone, the abort will never come.
pub(crate) struct Source {
    core: Rc<Core>,
}

impl Source {
    pub(crate) fn new(core: &Rc<Core>) -> Self {
        core.sources.set(core.sources.get() + 1);
        Self { core: core.clone() }
    }

    pub(crate) fn core(&self) -> &Rc<Core> {
        &self.core
    }

    pub(crate) fn abort(&self, aborted: &Aborted) {
        self.core.abort(aborted);
    }
}

impl Clone for Source {
    fn clone(&self) -> Self {
        Self::new(&self.core)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.core.sources.set(self.core.sources.get() - 1);
        if self.core.sources.get() == 0 && self.core.aborted.borrow().is_none() {
            let followers = self.core.followers.take();
            drop(followers);
            let listeners = self.core.listeners.take();
            free(listeners.into_values());
        }
    }
}
